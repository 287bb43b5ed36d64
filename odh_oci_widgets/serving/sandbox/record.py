"""What is known of a sandbox service on disk, so that later processes find it.

$XDG_STATE_HOME/odh-oci-widgets/sandbox/NAME/     only its owner may look inside
    service.json    the record
    models/         what the image has in /models
    server.log      what the model server says
    port            where it listens, once it does
    failure.json    why it could not start
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from odh_oci_widgets.serving.errors import SandboxUnavailable

RECORD, MODELS, LOG, PORT, FAILURE = "service.json", "models", "server.log", "port", "failure.json"
#: How long to wait for another process; none holds the lock while it pulls
LOCK_SECONDS = 60.0
#: A folder of this prefix is being made; the process id of its maker follows.
MAKING = ".making-"


@dataclass(frozen=True, kw_only=True)
class Record:
    """A service as it was deployed: `server` is `onnx` or `vllm`, `model` a path in `models/`."""

    name: str
    image: str
    format: str
    server: str
    model: str
    created: str
    args: tuple[str, ...] = ()
    pid: int = 0
    #: when the process began: a process id alone may have gone to another process since
    started: str = ""


def sandbox_folder() -> Path:
    """Where the sandbox's services are, made when it is not there. Raises SandboxUnavailable."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    folder = Path(state) / "odh-oci-widgets" / "sandbox"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise SandboxUnavailable(
            f"The sandbox's folder {folder} cannot be made: {error.strerror}.",
            hint="Name a folder that can be written to in XDG_STATE_HOME.",
        ) from error
    return folder


def write(folder: Path, record: Record) -> None:
    """Write the record, at once or not at all."""
    write_text(folder / RECORD, json.dumps(dataclasses.asdict(record)))


def write_text(path: Path, text: str) -> None:
    """Write a small file that only its owner reads, at once or not at all."""
    new = path.with_name(f"{path.name}.new")
    new.touch(mode=0o600)
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def read(folder: Path) -> Record | None:
    """The record of a service's folder, or None where there is none that can be read."""
    try:
        fields = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return Record(**{**fields, "args": tuple(fields["args"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


@contextmanager
def locked() -> Iterator[Path]:
    """The sandbox's folder, while no other process changes which services there are. Raises SandboxUnavailable."""
    import fcntl

    folder = sandbox_folder()
    deadline = time.monotonic() + LOCK_SECONDS
    with (folder / ".lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise SandboxUnavailable(
                        "Another process has been changing the sandbox for too long.",
                        hint=f"Look for who uses {folder}, and try again.",
                    ) from None
                time.sleep(0.05)
        yield folder


def remove(folder: Path) -> None:
    """Remove a folder with read-only files and folders in it; nothing to do when it is gone."""
    for parent, folders, _ in os.walk(folder):
        for name in folders:
            child = Path(parent, name)
            if not child.is_symlink():
                child.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned() -> None:
    """Remove what processes left that died while they made a service."""
    for folder in sandbox_folder().glob(f"{MAKING}*"):
        pid = folder.name.removeprefix(MAKING).partition("-")[0]
        if not (pid.isdecimal() and _runs(int(pid))):
            remove(folder)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
