"""The events of a build, kept for any number of readers in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from threading import Condition

from odh_oci_widgets.oci.events import Event, LayerProgress, Log, Retry

#: Lines for people (logs, retries) that are kept; the oldest go first.
LINES_KEPT = 1000


class EventLog:
    """Append from one thread, read from many: each reader gets what is kept, then what comes, until `close()`.

    Of each layer only the newest progress is kept, and of logs and retries the newest thousand: a build of
    hours takes no more memory than one of seconds. A reader that keeps up sees every event.

    >>> log = EventLog()
    >>> log.append(Log(message="one"))
    >>> log.close()
    >>> [event.message for event in log.follow()]
    ['one']
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._events: dict[int, Event] = {}
        self._progress: dict[int, int] = {}
        self._lines: deque[int] = deque()
        self._last = 0
        self._closed = False

    @property
    def last(self) -> int:
        """Number of the newest event; 0 before the first."""
        return self._last

    def append(self, event: Event) -> None:
        """Keep one more, and wake the readers."""
        with self._changed:
            self._last += 1
            self._events[self._last] = event
            if isinstance(event, LayerProgress):
                self._events.pop(self._progress.get(event.layer, 0), None)
                self._progress[event.layer] = self._last
            elif isinstance(event, Log | Retry):
                self._lines.append(self._last)
                if len(self._lines) > LINES_KEPT:
                    del self._events[self._lines.popleft()]
            self._changed.notify_all()

    def close(self) -> None:
        """No more events: readers end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def since(self, number: int) -> list[tuple[int, Event]]:
        """The kept events after that number, in order, with their numbers."""
        with self._changed:
            return self._since(number)

    def _since(self, number: int) -> list[tuple[int, Event]]:
        found = []
        for at in reversed(self._events):
            if at <= number:
                break
            found.append((at, self._events[at]))
        return found[::-1]

    def follow(self) -> Iterator[Event]:
        """What is kept from the first on, then live until the end."""
        number = 0
        while True:
            with self._changed:
                self._changed.wait_for(lambda seen=number: self._last > seen or self._closed)  # type: ignore[misc]
                fresh, closed = self._since(number), self._closed
            for at, event in fresh:
                number = at
                yield event
            if closed:
                return
