"""Builds that a thread of this process drives: recorded on this machine, ended with the process."""

from __future__ import annotations

import fcntl
import os
import secrets as randomness
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock, Thread

from odh_oci_widgets.oci.errors import OdhOciError
from odh_oci_widgets.oci.events import Log
from odh_oci_widgets.oci.plan import Plan

from .errors import BuildCrashed
from .followed import FollowedBuild
from .marks import IfRunning, settle
from .protocol import Build, BuildStatus
from .record import Entry, Record, builds_folder, prune, records
from .recorded import RecordedBuild

#: Seconds between two writings of the record, and the longest a wish to stop from elsewhere waits.
RECORD_SECONDS = 1.0

#: The builds of this process: found as they are, not as their records.
_RUNNING_HERE: weakref.WeakValueDictionary[str, BuildHere] = weakref.WeakValueDictionary()


class BuildHere(FollowedBuild):
    """A build that ends with this process. A subclass says what to do (`_work`)."""

    def __init__(self, plan: Plan, record: Record) -> None:
        super().__init__(record.id, plan)
        self.folder = record.folder
        self._record = record
        self._started = time.time()
        self._finished: float | None = None
        self._saving = Lock()
        self._saved = -1
        self._thread = Thread(target=self._run, name=f"build {self.id}", daemon=True)

    def start(self) -> None:
        """Start the thread and return at once."""
        _RUNNING_HERE[self.id] = self
        with suppress(OSError):
            prune(self.folder)
        with suppress(OSError):  # a full disk or a read-only home costs the record, not the build
            self._record.claim(self.plan)
        self._status = BuildStatus.RUNNING
        self._save()
        self._thread.start()
        Thread(target=self._keep_record, name=f"record {self.id}", daemon=True).start()

    def _work(self) -> OdhOciError | None:
        """Do it, and feed the events. Returns the trouble that no event told."""
        raise NotImplementedError

    def _run(self) -> None:
        trouble: OdhOciError | None
        try:
            trouble = self._work()
        except Exception as defect:  # noqa: BLE001 - whoever waits must hear of it
            trouble = BuildCrashed(
                f"The build of {self.plan.image} stopped: {type(defect).__name__}: {defect}.",
                hint="This is a defect: please report it with the output of `odh-oci build … --debug`.",
            )
            trouble.__cause__ = defect
        self._finished = time.time()
        self._end(trouble)

    def _closing(self) -> None:
        self._save()
        self._record.release()

    def _keep_record(self) -> None:
        while not self._ended.wait(RECORD_SECONDS):
            if self._record.stop_asked():
                self._log.append(Log(message="Asked to stop by another process."))
                self._cancel.set()
                return
            self._save()

    def _save(self) -> None:
        with self._saving:  # the last word must not be overwritten by an earlier one
            if self._saved == self._log.last and not self._status.finished:
                return
            self._saved = self._log.last
            entry = Entry(
                status=self._status,
                started=self._started,
                finished=self._finished,
                events=tuple(self._log.since(0)),
                builder=self.builder,
            )
            with suppress(OSError):
                self._record.save(entry, self.plan)


def start_alone(build: BuildHere, if_running: IfRunning) -> None:
    """Start it, if no other build of its image is running. Raises BuildConflict where `if_running` is `refuse`."""
    image = build.plan.image
    while True:
        settle(running_here(build.folder, build.builder, image), image, if_running)
        with _turn(build.folder):  # of two at the same moment the second one sees the first
            if not any(running_here(build.folder, build.builder, image)):
                build.start()
                return


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """One at a time on this machine."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(folder / ".starting", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:  # a full disk or a read-only home: there are no records to look at either
        yield
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def new_record(folder: Path | None) -> Record:
    """The record of a new build. `folder`: default below `$XDG_STATE_HOME`."""
    now = time.time()
    # Sorts by time, also within a second.
    stamp = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(now))}.{int(now * 1e6) % 10**6:06d}"
    return Record(folder or builds_folder(os.environ), f"{stamp}-{randomness.token_hex(3)}")


def builds_here(folder: Path | None, builder: str) -> list[Build]:
    """Running, finished and interrupted builds of this machine, newest first, also of other processes."""
    folder = folder or builds_folder(os.environ)
    found: dict[str, Build] = {}
    for record in records(folder):
        with suppress(ValueError, OSError):  # a record of another version, or one that just goes away
            found[record.id] = RecordedBuild(record)
    found |= {build.id: build for build in _RUNNING_HERE.values() if build.folder == folder}
    mine = [build for build in found.values() if build.builder == builder]
    return sorted(mine, key=lambda build: build.id, reverse=True)


def running_here(folder: Path | None, builder: str, image: str) -> Iterator[Build]:
    """Builds of the same image that are not over."""
    for build in builds_here(folder, builder):
        if build.plan.image == image and not build.status.finished:
            yield build
