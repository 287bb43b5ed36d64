"""A build of another process, or of a kernel that is gone, seen through its record."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from odh_oci_widgets import oci
from odh_oci_widgets.oci.errors import OdhOciError
from odh_oci_widgets.oci.events import Done, Event, Failed

from .errors import BuildInterrupted, BuildTimeout
from .progress import Progress, ProgressTracker
from .protocol import BuildStatus
from .record import Record
from .report import log_lines, report

#: Seconds between two looks at the record of a build that runs elsewhere.
LOOK_SECONDS = 0.5


class RecordedBuild:
    """The face of a build that this process does not run. Raises ValueError or OSError for no readable record.

    >>> from odh_oci_widgets import build, builds
    >>> from odh_oci_widgets.builders import RecordedBuild
    >>> image = build("iris.onnx", "oci:recorded-image", base="embedded").wait()
    >>> image in [one.image for one in builds()]  # also in a later kernel, as a RecordedBuild
    True
    """

    def __init__(self, record: Record) -> None:
        self.id = record.id
        self.plan = record.load_plan()
        self._record = record
        self.builder = record.load().builder

    def __repr__(self) -> str:
        return f"<RecordedBuild {self.id} {self.status} {self.image or self.plan.image}>"

    @property
    def status(self) -> BuildStatus:
        """Never waits."""
        # Alive first: a build that ends between the two looks has written its last word before.
        alive = self._record.alive
        status = self._record.load().status
        return status if alive or status.finished else BuildStatus.INTERRUPTED

    @property
    def progress(self) -> Progress:
        """A snapshot: per layer and in all; without a rate, which only the process that builds knows."""
        tracker = ProgressTracker(clock=lambda: 0.0)
        for event in self.told():
            tracker.feed(event)
        return tracker.snapshot()

    @property
    def image(self) -> str | None:
        """`registry/repo:tag@sha256:…` once it succeeded."""
        return next((event.image for event in self.told() if isinstance(event, Done)), None)

    @property
    def error(self) -> OdhOciError | None:
        """Why it failed, or that it was interrupted."""
        failed = next((event for event in self.told() if isinstance(event, Failed)), None)
        if failed is not None:
            return oci.error_of(failed)
        if self.status is BuildStatus.INTERRUPTED:
            return BuildInterrupted(
                f"The build of {self.plan.image} was interrupted: the process that ran it is gone.",
                hint="Build it again: what was sent is reused.",
            )
        return None

    def events(self) -> Iterator[Event]:
        """What the record holds, then what is added until the build ends."""
        seen = 0
        while True:
            ended = self.status.finished
            for number, event in self._record.load().events:
                if number > seen:
                    seen = number
                    yield event
            if ended:
                return
            time.sleep(LOOK_SECONDS)

    def logs(self, follow: bool = True) -> Iterator[str]:
        """The same as lines for people, without the progress; with `follow=False` those until now."""
        return log_lines(self.events() if follow else self.told())

    def cancel(self) -> None:
        """Ask the process that runs it to stop; `wait()` tells when it did."""
        self._record.ask_to_stop()

    def wait(self, timeout: float | None = None) -> str:
        """The image when done. Raises the build's error, Cancelled, BuildInterrupted or BuildTimeout."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self.status.finished:
            if deadline is not None and time.monotonic() >= deadline:
                raise BuildTimeout(
                    f"The build of {self.plan.image} is not done after {timeout:g} seconds.",
                    hint="It goes on: wait again, or stop it with `cancel()`.",
                )
            time.sleep(LOOK_SECONDS)
        image = self.image
        if image is None:
            raise self.error or BuildInterrupted(f"The build of {self.plan.image} ended without an image.")
        return image

    def report(self) -> dict[str, Any]:
        """Image, digest, seconds, bytes sent and reused, per layer."""
        return report(self.told(), id=self.id, builder=self.builder, status=self.status)

    def told(self) -> list[Event]:
        """The events until now, without waiting."""
        return [event for _, event in self._record.load().events]
