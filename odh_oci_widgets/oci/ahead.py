"""Read one large file over several connections where one of them cannot fill the line.

It begins with a single connection, which costs least. When most of the time goes by waiting for it, the next
segments are fetched over further connections into a bounded buffer, and handed on in order.
"""

from __future__ import annotations

import time
from contextlib import suppress
from threading import Condition, Lock, Thread

from .content import Buffer
from .errors import OdhOciError
from .http import read_into
from .pace import Pace
from .plan import PlanFile
from .retry import ConnectionTrouble, Patience
from .sources import Broken, Web, WebStream

SEGMENT = 4 * 2**20
#: Connections for one file, at most.
MAX_WIDTH = 4
#: Bytes of a segment that are handed on at a time, at most.
_PIECE = 2**20
#: A look at the speed each so many seconds, and not before so many bytes came: a few pieces say nothing.
_WINDOW = 0.5
_WINDOW_BYTES = 2 * 2**20
#: A connection is too slow for us when we wait for it more than this part of the time, …
_WAITING = 0.5
#: … and it brings less than this many bytes a second.
_FAST = 300 * 10**6
#: One more connection must bring at least this much more.
_GAIN = 1.15


class Budget:
    """Memory for what all sources together read before it is needed: buffers of a segment each, used again."""

    def __init__(self, size: int) -> None:
        self._left = size // SEGMENT
        self._spare: list[memoryview] = []
        self._lock = Lock()

    def take(self) -> memoryview | None:
        """A buffer, where there is room."""
        with self._lock:
            if self._spare:
                return self._spare.pop()
            if not self._left:
                return None
            self._left -= 1
        return memoryview(bytearray(SEGMENT))

    def give(self, buffer: memoryview) -> None:
        """Give a buffer back."""
        with self._lock:
            self._spare.append(buffer)


class _Segment:
    """A piece of the file on its way: `filled` bytes are there, until it `ended`, well or not."""

    def __init__(self, start: int, size: int, buffer: memoryview) -> None:
        self.start = start
        self.size = size
        self.buffer = buffer
        self.filled = 0
        self.ended = False
        #: nobody wants it any more
        self.dropped = False
        self.broken: Broken | None = None


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
        self._width = 0
        self._growing = True
        self._speed = 0.0
        #: Bytes that came over all connections: those handed on stand still while the next segments come.
        self._came = 0
        self._window = (time.monotonic(), 0)
        self._waited = 0.0

    def read(self, size: int) -> Buffer:
        """As `Stream` says."""
        self._drop_read()
        self._fetch_ahead()
        before = time.monotonic()
        segment = self._segments.get(self._at // SEGMENT)
        chunk = self._from_segment(segment, size) if segment is not None else None
        if chunk is None:
            chunk = self._from_main(size)
        self._at += len(chunk)
        now = time.monotonic()
        self._waited += now - before
        self._look(now)
        return chunk

    def close(self) -> None:
        """Drop what was read ahead, and the connections."""
        for segment in list(self._segments.values()):
            self._drop(segment)
        self._close_main()

    def _from_main(self, size: int) -> Buffer:
        following = self._segments.get(self._at // SEGMENT + 1)
        if following is not None:
            size = min(size, following.start - self._at)
        if self._main is None:
            self._main = WebStream(self._web, self._file, self._at, self._patience)
        chunk = self._main.read(size)
        with self._condition:
            self._came += len(chunk)
        return chunk

    def _from_segment(self, segment: _Segment, size: int) -> Buffer | None:
        """What is there of a segment, or comes next; None where it did not come."""
        self._close_main()
        begin = self._at - segment.start
        with self._condition:
            while segment.filled == begin and not segment.ended:
                self._patience.check()
                self._condition.wait(0.2)
            end = min(segment.filled, begin + size)
        if end > begin:
            return segment.buffer[begin:end]
        self._drop(segment)
        self._growing = False
        if not begin:  # refused, not only broken: no more than one connection from now on
            self._width = 0
        broken = segment.broken
        if broken is not None and broken.retry_after is not None:
            broken.wait(self._file, self._patience)
        return None

    def _drop_read(self) -> None:
        """Give back the segments that were read: what was handed on last is not needed any more."""
        for segment in list(self._segments.values()):
            if self._at >= segment.start + segment.size:
                self._drop(segment)
                self._patience.progressed()

    def _drop(self, segment: _Segment) -> None:
        with self._condition:
            self._segments.pop(segment.start // SEGMENT, None)
            segment.dropped = True
            ended = segment.ended
        if ended:  # otherwise its thread still writes to the buffer, and gives it back
            self._budget.give(segment.buffer)

    def _look(self, now: float) -> None:
        """Decide now and then whether one more connection is worth it."""
        since, before = self._window
        came = self._came
        if now - since < _WINDOW or came - before < _WINDOW_BYTES:
            return
        speed = (came - before) / (now - since)
        waiting = self._waited / (now - since) > _WAITING
        self._window, self._waited = (now, came), 0.0
        if not self._growing or not waiting or speed > _FAST:
            return
        if self._width and speed < self._speed * _GAIN:
            # The last one brought nothing: it is taken back.
            self._growing = False
            self._width = self._width - 1 if self._width > 2 else 0
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
            if size <= 0 or (buffer := self._budget.take()) is None:
                return
            segment = self._segments[number] = _Segment(start, size, buffer)
            Thread(target=self._fetch, args=(segment,), daemon=True, name="odh-oci-ahead").start()

    def _fetch(self, segment: _Segment) -> None:
        try:
            # Twice: a connection breaks, a signed address runs out; what came stays.
            if not self._tried(segment) and segment.broken and segment.broken.retry_after is None:
                self._tried(segment)
        finally:
            with self._condition:
                segment.ended = True
                dropped = segment.dropped
                self._condition.notify_all()
            if dropped:
                self._budget.give(segment.buffer)

    def _tried(self, segment: _Segment) -> bool:
        """Whether all of it came, or nobody wants it any more."""
        try:
            with suppress(OdhOciError):
                self._get(segment)
        except Broken as broken:
            segment.broken = broken
        except ConnectionTrouble as trouble:
            segment.broken = Broken(type(trouble).__name__)
        return segment.dropped or segment.filled == segment.size or self._patience.cancel.is_set()

    def _get(self, segment: _Segment) -> None:
        segment.broken = None
        response = self._web.get(self._file, segment.start + segment.filled, segment.start + segment.size)
        pace = Pace(_PIECE)
        try:
            while response.status == 206 and segment.filled < segment.size and not segment.dropped:
                began = time.monotonic()
                end = min(segment.size, segment.filled + pace.size)
                count = read_into(response, segment.buffer[segment.filled : end])
                if not count:
                    raise Broken("the connection ended early")
                pace.took(time.monotonic() - began)
                with self._condition:
                    segment.filled += count
                    self._came += count
                    self._condition.notify_all()
        finally:
            if segment.filled < segment.size:
                response.close()
            else:
                response.release_conn()

    def _close_main(self) -> None:
        main, self._main = self._main, None
        if main is not None:
            main.close()
