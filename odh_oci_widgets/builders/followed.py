"""What all builds of this process have in common: events come in at one end, everything a person asks comes out."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event as Flag
from typing import Any

from odh_oci_widgets import oci
from odh_oci_widgets.oci.errors import Cancelled, OdhOciError
from odh_oci_widgets.oci.events import Done, Event, Failed, Log
from odh_oci_widgets.oci.plan import Plan

from .errors import BuildCrashed, BuildTimeout
from .eventlog import EventLog
from .progress import Progress, ProgressTracker
from .protocol import BuildStatus
from .report import log_lines, report


class FollowedBuild:
    """The face of a build, driven by `_feed` (each event) and `_end` (once, whatever happened)."""

    builder: str

    def __init__(self, id: str, plan: Plan) -> None:  # noqa: A002 - the name of the contract
        self.id = id
        self.plan = plan
        self._log = EventLog()
        self._tracker = ProgressTracker()
        self._cancel = Flag()
        self._ended = Flag()
        self._seen = Flag()
        self._status = BuildStatus.PENDING
        self._image: str | None = None
        self._error: OdhOciError | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.status} {self.image or self.plan.image}>"

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

    def events(self) -> Iterator[Event]:
        """All events from the first, then live until the end; any number of readers at once."""
        return self._log.follow()

    def told(self) -> list[Event]:
        """The events until now, without waiting."""
        return [event for _, event in self._log.since(0)]

    def logs(self, follow: bool = True) -> Iterator[str]:
        """The same as lines for people, without the progress; with `follow=False` those until now."""
        return log_lines(self.events() if follow else self.told())

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

    def seen(self, timeout: float) -> bool:
        """Wait until it is known where a build that was found stands; whether it is."""
        return self._seen.wait(timeout)

    def report(self) -> dict[str, Any]:
        """Image, digest, seconds, bytes sent and reused, per layer."""
        return report(self.told(), id=self.id, builder=self.builder, status=self.status)

    def note(self, sentence: str) -> None:
        """Add a line to the log."""
        self._log.append(Log(message=sentence))

    def _feed(self, event: Event) -> None:
        """Take an event into account; of several ends, as a repeated run has them, the last one counts."""
        match event:
            case Done():
                self._image, self._error = event.image, None
            case Failed():
                self._error = oci.error_of(event)
        self._tracker.feed(event)
        self._log.append(event)

    def _end(self, error: OdhOciError | None = None, otherwise: BuildStatus = BuildStatus.FAILED) -> None:
        """Nothing more will happen. `error` is a trouble around the build that no event told.

        `otherwise`: the status where it neither succeeded nor was cancelled.
        """
        if error is not None and self._image is None:
            self._error = error
            self._log.append(Failed(error=type(error).__name__, message=error.message, hint=error.hint))
        if self._image is not None:
            self._status = BuildStatus.SUCCEEDED
        elif isinstance(self._error, Cancelled):
            self._status = BuildStatus.CANCELLED
        else:
            self._error = self._error or BuildCrashed(
                f"The build of {self.plan.image} ended without an image."
            )
            self._status = otherwise
        self._log.close()
        self._closing()
        self._seen.set()
        self._ended.set()

    def _closing(self) -> None:
        """Whatever a builder has to put away before anybody who waits goes on."""
