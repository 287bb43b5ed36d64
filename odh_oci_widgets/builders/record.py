"""What stays of a build on this machine, so that a new kernel finds it again.

For each build, in `$XDG_STATE_HOME/odh-oci-widgets/builds/` (readable by its owner only):
`<id>.plan.json` (the plan, which holds no secret), `<id>.json` (status, times and events) and, while it runs,
`<id>.running`: locked by the process that runs the build, so that nobody takes a dead build for a running one,
whatever process numbers say; a byte in it asks the build to stop.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from odh_oci_widgets.oci.errors import PlanInvalid
from odh_oci_widgets.oci.events import Event, from_json, to_json
from odh_oci_widgets.oci.plan import Plan

from .protocol import BuildStatus

#: Finished builds that are remembered.
RECORDS_KEPT = 50


def builds_folder(environ: Mapping[str, str]) -> Path:
    """Where records stand: below `$XDG_STATE_HOME`, or `~/.local/state`."""
    home = Path(environ.get("HOME") or Path.home())
    state = environ.get("XDG_STATE_HOME")
    return (Path(state) if state else home / ".local" / "state") / "odh-oci-widgets" / "builds"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What a record says: where the build stood when it was written. Times are seconds since the epoch."""

    status: BuildStatus
    started: float
    finished: float | None
    #: numbered as in the build's log: of each layer's progress only the newest is kept
    events: tuple[tuple[int, Event], ...]
    builder: str = "kernel"


class Record:
    """The files of one build."""

    def __init__(self, folder: Path, id: str) -> None:  # noqa: A002 - the build's own word
        self.id = id
        self.folder = folder
        self._entry = folder / f"{id}.json"
        self._plan = folder / f"{id}.plan.json"
        self._running = folder / f"{id}.running"
        self._lock: int | None = None

    # --- by the process that runs the build ---

    def claim(self, plan: Plan) -> None:
        """Keep the plan, and say that this process runs the build. Raises OSError."""
        self._entry.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = os.open(self._running, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _write(self._plan, plan.to_json())

    def save(self, entry: Entry, plan: Plan) -> None:
        """Write the entry in one step: a reader sees the old or the new one. Raises OSError."""
        data = {
            "id": self.id,
            "image": plan.image,
            "plan_sha256": sha256(plan.to_json().encode()).hexdigest(),
            "builder": entry.builder,
            "status": str(entry.status),
            "started": entry.started,
            "finished": entry.finished,
            "events": [[number, json.loads(to_json(event))] for number, event in entry.events],
        }
        _write(self._entry, json.dumps(data))

    def stop_asked(self) -> bool:
        """Whether somebody wants this build to stop."""
        return self._lock is not None and os.fstat(self._lock).st_size > 0

    def release(self) -> None:
        """The build ended."""
        if self._lock is not None:
            self._running.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    # --- by everybody else ---

    @property
    def alive(self) -> bool:
        """Whether a process runs this build."""
        try:
            probe = os.open(self._running, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(probe, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(probe)
        return False

    def ask_to_stop(self) -> None:
        """Ask the process that runs the build; nothing to do where none does."""
        if self.alive:
            with self._running.open("ab") as file:
                file.write(b"x")

    def load(self) -> Entry:
        """The entry. Raises ValueError or OSError for a record that is none."""
        data = json.loads(self._entry.read_text())
        try:
            return Entry(
                builder=str(data.get("builder", "kernel")),
                status=BuildStatus(data["status"]),
                started=float(data["started"]),
                finished=data["finished"],
                events=tuple((number, from_json(json.dumps(event))) for number, event in data["events"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"{self._entry} is not the record of a build") from error

    def load_plan(self) -> Plan:
        """The plan. Raises ValueError or OSError."""
        try:
            return Plan.from_json(self._plan.read_text())
        except PlanInvalid as error:
            raise ValueError(str(error)) from error

    def forget(self) -> None:
        """Remove the files."""
        for path in (self._entry, self._plan, self._running):
            path.unlink(missing_ok=True)


def records(folder: Path) -> list[Record]:
    """All records, newest first: an id starts with the time."""
    ids = sorted((path.name.removesuffix(".plan.json") for path in folder.glob("*.plan.json")), reverse=True)
    return [Record(folder, id) for id in ids]  # noqa: A001


def prune(folder: Path) -> None:
    """Forget the oldest records beyond the number kept; never one that runs."""
    for record in records(folder)[RECORDS_KEPT:]:
        if not record.alive:
            record.forget()


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123
            file.write(text)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
