"""One piece of work in a plain thread of its own, so that the kernel stays free."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from odh_oci_widgets.oci.errors import OdhOciError

T = TypeVar("T")


class Unexpected(OdhOciError):
    """An error nobody foresaw; the original one is its cause."""

    cure = "This is a defect: report it with what the step shows."


class Job(Generic[T]):
    """Runs `work(cancel)` in a daemon thread, then `done(result)` or `failed(error)` in that thread.

    `cancel` is the event that `cancel()` sets. After `abandon()` neither callback runs: another job took its place.

    >>> found = []
    >>> job = Job(lambda cancel: 6 * 7, done=found.append, failed=print)
    >>> job.join(5)
    >>> found
    [42]
    """

    def __init__(
        self,
        work: Callable[[threading.Event], T],
        *,
        done: Callable[[T], Any],
        failed: Callable[[OdhOciError], Any],
        name: str = "odh-oci-widget",
    ) -> None:
        self._work = work
        self._done = done
        self._failed = failed
        self._cancel = threading.Event()
        self._abandoned = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            result = self._work(self._cancel)
            if not self._abandoned:
                self._done(result)
        except OdhOciError as error:
            if not self._abandoned:
                self._failed(error)
        except Exception as error:  # noqa: BLE001 - a thread has nobody above it who could show the error
            if not self._abandoned:
                self._failed(unexpected(error))

    @property
    def running(self) -> bool:
        """Whether the thread still works."""
        return self._thread.is_alive()

    def cancel(self) -> None:
        """Ask the work to stop."""
        self._cancel.set()

    def abandon(self) -> None:
        """Ask the work to stop and ignore what comes of it."""
        self._abandoned = True
        self._cancel.set()

    def join(self, timeout: float | None = None) -> None:
        """Wait until it ended, for cells that run one after the other."""
        self._thread.join(timeout)


def unexpected(error: Exception) -> OdhOciError:
    """The error as a sentence; itself when it is one already."""
    if isinstance(error, OdhOciError):
        return error
    wrapped = Unexpected(
        f"Something unexpected happened: {type(error).__name__}: {error}.",
        hint="Please report it; `raise step.error` in a cell shows where it was.",
    )
    wrapped.__cause__ = error
    return wrapped
