"""The builder `kernel`: the engine runs in this process, in a thread of its own."""

from __future__ import annotations

import os
import secrets as randomness
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from odh_oci_widgets import oci
from odh_oci_widgets.oci.events import Log
from odh_oci_widgets.oci.plan import Plan

from .build import Build, BuildStatus
from .errors import BuildCrashed
from .followed import FollowedBuild
from .record import Entry, Record, builds_folder, prune, records
from .recorded import RecordedBuild

if TYPE_CHECKING:
    from odh_oci_widgets.oci import Credentials

#: Seconds between two writings of the record, and the longest a wish to stop from elsewhere waits.
RECORD_SECONDS = 1.0

#: The builds of this process: found as they are, not as their records.
_RUNNING_HERE: weakref.WeakValueDictionary[str, KernelBuild] = weakref.WeakValueDictionary()


class KernelBuild(FollowedBuild):
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
        super().__init__(record.id, plan)
        self.folder = record.folder
        self._record = record
        self._started = time.time()
        self._finished: float | None = None
        self._saving = Lock()
        self._saved = -1
        options = {"credentials": credentials, "secrets": secrets, "verify": verify}
        self._thread = Thread(target=self._run, args=(options,), name=f"build {self.id}", daemon=True)

    def start(self) -> None:
        """Start the thread and return at once."""
        with suppress(OSError):  # a full disk or a read-only home costs the record, not the build
            self._record.claim(self.plan)
        self._status = BuildStatus.RUNNING
        self._save()
        self._thread.start()
        Thread(target=self._keep_record, name=f"record {self.id}", daemon=True).start()

    def _run(self, options: dict[str, Any]) -> None:
        crash: BuildCrashed | None = None
        try:
            for event in oci.run(self.plan, cancel=self._cancel, **options):
                self._feed(event)
        except Exception as defect:  # noqa: BLE001 - the engine promises not to raise; whoever waits must hear of it
            crash = BuildCrashed(
                f"The build of {self.plan.image} stopped: {type(defect).__name__}: {defect}.",
                hint="This is a defect: please report it with the output of `odh-oci build … --debug`.",
            )
            crash.__cause__ = defect
        self._finished = time.time()
        self._end(crash)

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

    def check(self) -> None:
        """It works everywhere."""

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
        now = time.time()
        # Sorts by time, also within a second.
        stamp = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(now))}.{int(now * 1e6) % 10**6:06d}"
        id = f"{stamp}-{randomness.token_hex(3)}"  # noqa: A001
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
