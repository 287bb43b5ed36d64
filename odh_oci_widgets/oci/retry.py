"""Doing something again: when, how often, and what the user hears of it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event

from urllib3.exceptions import HTTPError

from .errors import Cancelled, OdhOciError
from .headers import parse_retry_after
from .tuning import Tuning

#: Answers that may be better the next time.
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504, 507, 520, 521, 522, 523, 524})

_BUSY = re.compile(r" answered (?:429|503)\b")

Notify = Callable[[str, int, float], None]


def ignore(_reason: str, _attempt: int, _wait: float) -> None:
    """A `Notify` for whoever has nobody to tell."""


def says_busy(reason: str) -> bool:
    """Whether a server asked for less; a port or a name may look like its answer.

    >>> says_busy("the registry answered 429"), says_busy("The connection to 127.0.0.1:4290 broke.")
    (True, False)
    """
    return _BUSY.search(reason) is not None


@dataclass
class Patience:
    """Counts tries without progress, waits between them, and gives up in bounded time.

    `notify(reason, attempt, wait_seconds)` hears of every fault that is tried again.
    """

    tuning: Tuning
    cancel: Event
    notify: Notify = ignore
    failures: int = field(default=0, init=False)

    def progressed(self) -> None:
        """Something moved: the next fault counts as the first."""
        self.failures = 0

    def check(self) -> None:
        """Raise Cancelled when the user wants no more."""
        if self.cancel.is_set():
            raise Cancelled(
                "The work was cancelled.", hint="Start it again: what was sent already is reused."
            )

    def wait(self, reason: str, error: OdhOciError, *, retry_after: float | None = None) -> None:
        """Wait before the next try, or raise `error` when there were enough."""
        self.check()
        self.failures += 1
        if self.failures >= self.tuning.attempts:
            raise error
        seconds = min(self.tuning.backoff * 2 ** (self.failures - 1), self.tuning.max_backoff)
        if retry_after is not None:
            if retry_after > self.tuning.max_retry_after:
                raise error
            seconds = max(seconds, retry_after)
        self.notify(reason, self.failures, seconds)
        self.cancel.wait(seconds)
        self.check()


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that an answer asks to wait."""
    return parse_retry_after(headers.get("Retry-After"), now=time.time())


#: What urllib3 and the sockets below it raise when a connection does not work.
ConnectionTrouble = (HTTPError, OSError)
