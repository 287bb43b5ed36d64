"""Read one large file over several connections where one of them cannot fill the line.

It begins with a single connection, which costs least. When most of the time goes by waiting for it, the next
segments are fetched over further connections into a bounded buffer, and handed on in order.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from threading import Condition, Lock, Thread

from .content import Buffer
from .errors import OdhOciError
from .plan import PlanFile
from .retry import ConnectionTrouble, Patience
from .sources import Broken, Web, WebStream

SEGMENT = 4 * 2**20
#: Connections for one file, at most.
MAX_WIDTH = 4
_CHUNK = 2**18
#: A look at the speed each so many seconds.
_WINDOW = 0.5
#: A connection is too slow for us when we wait for it more than this part of the time, …
_WAITING = 0.5
#: … and it brings less than this many bytes a second.
_FAST = 300 * 10**6
#: One more connection must bring at least this much more.
_GAIN = 1.15


class Budget:
    """Bytes that all sources together may hold before they are needed."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._lock = Lock()

    def take(self, size: int) -> bool:
        """Whether there is room; then it is taken."""
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            return True

    def give(self, size: int) -> None:
        """Give room back."""
        with self._lock:
            self._left += size


class _Segment:
    """A piece of the file on its way: its chunks in order, until it `ended`, well or not."""

    def __init__(self, start: int, size: int) -> None:
        self.start = start
        self.size = size
        self.chunks: deque[bytes] = deque()
        self.ended = False


class AheadStream:
    """A URL read in order, over as many connections as that takes."""

    def __init__(self, web: Web, file: PlanFile, offset: int, patience: Patience, budget: Budget) -> None:
        self._web = web
        self._file = file
        self._at = offset
        self._patience = patience
        self._budget = budget
        self._main: WebStream | None = None
        self._segments: dict[int, _Segment] = {}
        self._condition = Condition()
        self._closed = False
        self._width = 0
        self._growing = True
        self._speed = 0.0
        self._window = (time.monotonic(), offset)
        self._waited = 0.0

    def read(self, size: int) -> Buffer:
        """As `Stream` says."""
        before = time.monotonic()
        segment = self._segments.get(self._at // SEGMENT)
        chunk = self._from_segment(segment, size) if segment is not None else None
        if chunk is None:
            chunk = self._from_main(size)
        self._at += len(chunk)
        now = time.monotonic()
        self._waited += now - before
        self._look(now)
        self._fetch_ahead()
        return chunk

    def close(self) -> None:
        """Drop what was read ahead, and the connections."""
        with self._condition:
            self._closed = True
            segments = list(self._segments.values())
            self._segments.clear()
            done = [segment for segment in segments if segment.ended]
        for segment in done:
            self._budget.give(segment.size)
        self._close_main()

    def _from_main(self, size: int) -> Buffer:
        following = self._segments.get(self._at // SEGMENT + 1)
        if following is not None:
            size = min(size, following.start - self._at)
        if self._main is None:
            self._main = WebStream(self._web, self._file, self._at, self._patience)
        return self._main.read(size)

    def _from_segment(self, segment: _Segment, size: int) -> Buffer | None:
        """The next chunk of a segment that is here or on its way; None where it did not come."""
        self._close_main()
        with self._condition:
            while not segment.chunks and not segment.ended:
                self._patience.check()
                self._condition.wait(0.2)
            if segment.chunks:
                chunk = segment.chunks.popleft()
                if len(chunk) > size:
                    segment.chunks.appendleft(chunk[size:])
                    chunk = chunk[:size]
            else:
                chunk = b""
        if not chunk:
            self._drop(segment)
            self._width, self._growing = 0, False
            return None
        if self._at + len(chunk) == segment.start + segment.size:
            self._drop(segment)
        return chunk

    def _drop(self, segment: _Segment) -> None:
        with self._condition:
            if self._segments.pop(segment.start // SEGMENT, None) is not None:
                self._budget.give(segment.size)

    def _look(self, now: float) -> None:
        """Decide now and then whether one more connection is worth it."""
        since, before = self._window
        if now - since < _WINDOW:
            return
        speed = (self._at - before) / (now - since)
        waiting = self._waited / (now - since) > _WAITING
        self._window, self._waited = (now, self._at), 0.0
        if not self._growing or not waiting or speed > _FAST:
            return
        if self._width and speed < self._speed * _GAIN:
            self._growing = False
        elif self._width < MAX_WIDTH:
            self._width = max(2, self._width + 1)
        self._speed = speed

    def _fetch_ahead(self) -> None:
        """Start fetching the next segments, as far as there is room."""
        first = self._at // SEGMENT + (1 if self._at % SEGMENT or self._main is not None else 0)
        for number in range(first, first + self._width):
            start = number * SEGMENT
            size = min(SEGMENT, self._file.size - start)
            if number in self._segments:
                continue
            if size <= 0 or not self._budget.take(size):
                return
            segment = self._segments[number] = _Segment(start, size)
            Thread(target=self._fetch, args=(segment,), daemon=True, name="odh-oci-ahead").start()

    def _fetch(self, segment: _Segment) -> None:
        with suppress(Broken, OdhOciError, *ConnectionTrouble):
            self._get(segment)
        with self._condition:
            segment.ended = True
            closed = self._closed
            self._condition.notify_all()
        if closed:
            self._budget.give(segment.size)

    def _get(self, segment: _Segment) -> None:
        response = self._web.get(self._file, segment.start, segment.start + segment.size)
        left = segment.size if response.status == 206 else 0
        try:
            while left and not self._closed and (chunk := response.read(min(_CHUNK, left))):
                left -= len(chunk)
                with self._condition:
                    segment.chunks.append(chunk)
                    self._condition.notify_all()
        finally:
            if left or response.status != 206:
                response.close()
            else:
                response.release_conn()

    def _close_main(self) -> None:
        main, self._main = self._main, None
        if main is not None:
            main.close()
