"""How many layers are on their way at once: more where that is faster, fewer when a server is busy.

No more than are of use: of layers that go side by side all are unfinished when a build dies.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from threading import Condition, Thread

from .tuning import Tuning

#: Seconds between two looks at the speed.
_WINDOW = 2.0
#: One more stream must bring at least this much more, or it is taken back.
_GAIN = 1.1
#: Looks between a stream that brought nothing and the next try; before the first one, too.
_REST, _FIRST_REST = 10, 1


class Lanes:
    """Runs tasks in threads, as many at a time as the line is worth. `on_error` hears what a task raised."""

    def __init__(
        self,
        tuning: Tuning,
        on_error: Callable[[BaseException], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._condition = Condition()
        self._on_error = on_error
        self._limit = tuning.streams
        self._most = tuning.max_streams
        self._active = 0
        self._moved = 0
        self._clock = clock
        self._looked = (clock(), 0)
        self._speed = 0.0
        self._trying = False
        self._rest = _FIRST_REST

    @property
    def limit(self) -> int:
        """Streams allowed now."""
        return self._limit

    def moved(self, count: int) -> None:
        """So many bytes went over the line; looks now and then whether one more stream is worth it."""
        with self._condition:
            self._moved += count
            now = self._clock()
            since, before = self._looked
            if now - since < _WINDOW or self._active < self._limit:
                return
            speed = (self._moved - before) / (now - since)
            self._looked = (now, self._moved)
            self._judge(speed)

    def _judge(self, speed: float) -> None:
        """Keep the stream that was added last if it brought more; try one more now and then."""
        gained, self._speed = speed > self._speed * _GAIN, speed
        if self._trying and not gained:
            self._limit -= 1
            self._trying = False
            self._rest = _REST
        elif self._rest and not self._trying:
            self._rest -= 1
        elif self._limit < self._most:
            self._limit += 1
            self._trying = True
            self._condition.notify_all()
        else:
            self._trying = False

    def busy(self) -> None:
        """A server asked for less."""
        with self._condition:
            self._limit = self._most = max(1, self._limit - 1)
            self._trying = False

    def run(self, tasks: Iterable[Callable[[], None]], stopped: Callable[[], bool]) -> None:
        """Run all tasks, in order of their start; returns when all ended. After `stopped()` no further one starts."""
        threads = []
        for task in tasks:
            with self._condition:
                while self._active >= self._limit and not stopped():
                    self._condition.wait(0.2)
                if stopped():
                    break
                self._active += 1
            thread = Thread(target=self._one, args=(task,), daemon=True, name="odh-oci-layer")
            threads.append(thread)
            thread.start()
        for thread in threads:
            thread.join()

    def _one(self, task: Callable[[], None]) -> None:
        try:
            task()
        except BaseException as error:  # noqa: BLE001 - whoever runs the lanes judges it
            self._on_error(error)
        finally:
            with self._condition:
                self._active -= 1
                self._condition.notify_all()
