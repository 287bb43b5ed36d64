"""Of work that is asked for again and again only the last one counts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from odh_oci_widgets.oci.errors import OdhOciError

from .job import Job

T = TypeVar("T")

#: How long a person who types may pause before a search begins.
PAUSE_SECONDS = 0.3


class Latest(Generic[T]):
    """Runs work in a thread; what was started before is told to stop, and ignored whatever comes of it.

    >>> last = Latest()
    >>> for text in ("g", "gr", "gra"):
    ...     job = last.start(lambda _, text=text: text, print, print, after=0.05)
    >>> last.join(5)
    gra
    """

    def __init__(self) -> None:
        self._job: Job[T | None] | None = None

    def start(
        self,
        work: Callable[[threading.Event], T],
        done: Callable[[T], Any],
        failed: Callable[[OdhOciError], Any],
        *,
        after: float = 0.0,
    ) -> Job[T | None]:
        """Begin `after` seconds from now, unless something newer was started by then."""
        self.stop()

        def wait_and_work(cancel: threading.Event) -> T | None:
            return None if after and cancel.wait(after) else work(cancel)

        # None comes of abandoned work only, which is not told to anybody.
        self._job = Job(wait_and_work, done=done, failed=failed, name="odh-oci-latest")  # type: ignore[arg-type]
        return self._job

    def stop(self) -> None:
        """Ignore what still runs."""
        if self._job is not None:
            self._job.abandon()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the last one."""
        if self._job is not None:
            self._job.join(timeout)
