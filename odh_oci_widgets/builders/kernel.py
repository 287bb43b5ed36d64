"""The builder `kernel`: the engine runs in this process, in a thread of its own."""

from __future__ import annotations

import os
import secrets as randomness
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Event as Flag
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from odh_oci_widgets import oci
from odh_oci_widgets.oci.errors import Cancelled, OdhOciError
from odh_oci_widgets.oci.events import Done, Event, Failed, Log
from odh_oci_widgets.oci.plan import Plan

from .build import Build, BuildStatus
from .errors import BuildCrashed, BuildTimeout
from .eventlog import EventLog
from .progress import Progress, ProgressTracker
from .record import Entry, Record, builds_folder, prune, records
from .recorded import RecordedBuild
from .report import log_lines, report

if TYPE_CHECKING:
    from odh_oci_widgets.oci import Credentials

#: Seconds between two writings of the record, and the longest a wish to stop from elsewhere waits.
RECORD_SECONDS = 1.0

#: The builds of this process: found as they are, not as their records.
_RUNNING_HERE: weakref.WeakValueDictionary[str, KernelBuild] = weakref.WeakValueDictionary()


class KernelBuild:
    """A build in this process. It ends with the process: a later build of the same plan reuses what was sent."""

    builder = "kernel"

    def __init__(
        self,
        plan: Plan,
        record: Record,
        *,
        credentials: Credentials | None = None,
        secrets: Mapping[str, str] | None = None,
        verify: bool = True,
    ) -> None:
        self.id = record.id
        self.plan = plan
        self.folder = record.folder
        self._record = record
        self._log = EventLog()
        self._tracker = ProgressTracker()
        self._cancel = Flag()
        self._ended = Flag()
        self._status = BuildStatus.PENDING
        self._image: str | None = None
        self._error: OdhOciError | None = None
        self._started = time.time()
        self._finished: float | None = None
        self._saving = Lock()
        self._saved = -1
        options = {"credentials": credentials, "secrets": secrets, "verify": verify}
        self._thread = Thread(target=self._run, args=(options,), name=f"build {self.id}", daemon=True)

    def __repr__(self) -> str:
        return f"<KernelBuild {self.id} {self.status} {self.image or self.plan.image}>"

    @property
    def status(self) -> BuildStatus:
        """Never waits."""
        return self._status

    @property
    def progress(self) -> Progress:
        """A snapshot: per layer and in all."""
        return self._tracker.snapshot()

    @property
    def image(self) -> str | None:
        """`registry/repo:tag@sha256:…` once it succeeded."""
        return self._image

    @property
    def error(self) -> OdhOciError | None:
        """Why it failed."""
        return self._error

    def start(self) -> None:
        """Start the thread and return at once."""
        with suppress(OSError):  # a full disk or a read-only home costs the record, not the build
            self._record.claim(self.plan)
        self._status = BuildStatus.RUNNING
        self._save()
        self._thread.start()
        Thread(target=self._keep_record, name=f"record {self.id}", daemon=True).start()

    def events(self) -> Iterator[Event]:
        """All events from the first, then live until the end; any number of readers at once."""
        return self._log.follow()

    def logs(self) -> Iterator[str]:
        """The same as lines for people, without the progress."""
        return log_lines(self.events())

    def cancel(self) -> None:
        """Ask it to stop; `wait()` tells when it did."""
        self._cancel.set()

    def wait(self, timeout: float | None = None) -> str:
        """The image when done. Raises the build's error, Cancelled, or BuildTimeout."""
        if not self._ended.wait(timeout):
            raise BuildTimeout(
                f"The build of {self.plan.image} is not done after {timeout:g} seconds.",
                hint="It goes on: wait again, or stop it with `cancel()`.",
            )
        if self._image is None:
            raise self._error or BuildCrashed(f"The build of {self.plan.image} ended without an image.")
        return self._image

    def report(self) -> dict[str, Any]:
        """Image, digest, seconds, bytes sent and reused, per layer."""
        events = [event for _, event in self._log.since(0)]
        return report(events, id=self.id, builder=self.builder, status=self.status)

    def _run(self, options: dict[str, Any]) -> None:
        status, image, error = BuildStatus.FAILED, None, None
        try:
            for event in oci.run(self.plan, cancel=self._cancel, **options):
                match event:
                    case Done():
                        status, image = BuildStatus.SUCCEEDED, event.image
                    case Failed():
                        error = oci.error_of(event)
                self._tracker.feed(event)
                self._log.append(event)
            if image is None and error is None:
                error = BuildCrashed("The engine ended without saying how.")
        except Exception as defect:  # noqa: BLE001 - the engine promises not to raise; whoever waits must hear of it
            error = BuildCrashed(
                f"The build of {self.plan.image} stopped: {type(defect).__name__}: {defect}.",
                hint="This is a defect: please report it with the output of `odh-oci build … --debug`.",
            )
            error.__cause__ = defect
            self._log.append(Failed(error=type(error).__name__, message=error.message, hint=error.hint))
        if isinstance(error, Cancelled):
            status = BuildStatus.CANCELLED
        self._image, self._error, self._finished = image, error, time.time()
        self._status = status
        self._log.close()
        self._save()
        self._record.release()
        self._ended.set()

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
            )
            with suppress(OSError):
                self._record.save(entry, self.plan)


class KernelBuilder:
    """Run plans in this process.

    `folder` is where records of builds are kept (default: below `$XDG_STATE_HOME`).
    """

    name = "kernel"

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or builds_folder(os.environ)

    def start(
        self,
        plan: Plan,
        *,
        credentials: Credentials | None = None,
        secrets: Mapping[str, str] | None = None,
        verify: bool = True,
    ) -> KernelBuild:
        """Start and return at once."""
        with suppress(OSError):
            prune(self._folder)
        id = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{randomness.token_hex(3)}"  # noqa: A001
        record = Record(self._folder, id)
        build = KernelBuild(plan, record, credentials=credentials, secrets=secrets, verify=verify)
        _RUNNING_HERE[id] = build
        build.start()
        return build

    def builds(self) -> list[Build]:
        """Running, finished and interrupted builds, newest first, also of earlier kernels and other processes."""
        found: dict[str, Build] = {}
        for record in records(self._folder):
            with suppress(ValueError, OSError):  # a record of another version, or one that just goes away
                found[record.id] = RecordedBuild(record)
        here = [build for build in _RUNNING_HERE.values() if build.folder == self._folder]
        found |= {build.id: build for build in here}
        return sorted(found.values(), key=lambda build: build.id, reverse=True)
