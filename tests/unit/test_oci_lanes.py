"""How many layers go at once: more while that pays, fewer when a server is busy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from odh_oci_widgets.oci.lanes import Lanes
from odh_oci_widgets.oci.tuning import Tuning

MB = 10**6


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Line:
    """Lanes whose tasks never end by themselves, over a line of `most` bytes a second, `each` for one stream."""

    def __init__(self, tuning: Tuning, *, each: float, most: float) -> None:
        self.clock = Clock()
        self.lanes = Lanes(tuning, self._broke, clock=self.clock)
        self.each, self.most = each, most
        self.started = 0
        self._release = threading.Event()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _broke(self, error: BaseException) -> None:
        raise error

    def _task(self) -> None:
        with self._changed:
            self.started += 1
            self._changed.notify_all()
        self._release.wait(30)

    def _run(self) -> None:
        self.lanes.run([self._task] * 50, self._release.is_set)

    def wait_for(self, streams: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.started >= streams, 10), f"{self.started} streams"

    def seconds(self, count: float) -> None:
        """Let so much time go by, with the bytes that the streams bring in it."""
        for _ in range(int(count / 0.25)):
            self.wait_for(self.lanes.limit)
            self.clock.now += 0.25
            self.lanes.moved(int(min(self.most, self.each * self.lanes.limit) * 0.25))

    @contextmanager
    def open(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._release.set()
            self._thread.join(10)


def test_streams_are_added_up_to_the_cap_while_each_brings_more() -> None:
    line = Line(Tuning(streams=2, max_streams=5), each=10 * MB, most=1000 * MB)
    with line.open():
        line.wait_for(2)
        assert line.lanes.limit == 2
        line.seconds(60)
        assert line.lanes.limit == 5
        assert line.started == 5


def test_a_stream_that_brings_nothing_is_taken_back() -> None:
    """Of layers side by side all are unfinished when a build dies: one after the other is better where it is as fast."""
    line = Line(Tuning(streams=2, max_streams=6), each=50 * MB, most=100 * MB)
    with line.open():
        line.seconds(10)
        assert line.lanes.limit == 2
        assert line.started == 3, "it was tried"


def test_a_line_that_gets_better_gets_more_streams() -> None:
    line = Line(Tuning(streams=2, max_streams=5), each=50 * MB, most=100 * MB)
    with line.open():
        line.seconds(20)
        assert line.lanes.limit == 2
        line.most = 1000 * MB
        line.seconds(60)
        assert line.lanes.limit == 5


def test_a_busy_server_gets_fewer_streams_and_no_more_later() -> None:
    line = Line(Tuning(streams=3, max_streams=6), each=10 * MB, most=1000 * MB)
    with line.open():
        line.wait_for(3)
        line.lanes.busy()
        assert line.lanes.limit == 2
        line.seconds(20)
        assert line.lanes.limit == 2


def test_one_stream_always_stays() -> None:
    lanes = Lanes(Tuning(streams=2), pytest.fail)
    for _ in range(10):
        lanes.busy()
    assert lanes.limit == 1
    done: list[int] = []
    lanes.run([lambda number=number: done.append(number) for number in range(4)], lambda: False)  # type: ignore[misc]
    assert done == [0, 1, 2, 3]


def test_speed_counts_only_where_all_lanes_are_in_use() -> None:
    clock = Clock()
    lanes = Lanes(Tuning(streams=3), pytest.fail, clock=clock)
    for _ in range(20):
        clock.now += 1
        lanes.moved(10 * MB)
    assert lanes.limit == 3


@pytest.mark.parametrize("streams", [1, 3])
def test_never_more_at_once_than_allowed(streams: int) -> None:
    lock, active, peak = threading.Lock(), 0, 0
    meet = threading.Barrier(streams)

    def task() -> None:
        nonlocal active, peak
        with lock:
            active += 1
            peak = max(peak, active)
        meet.wait(10)  # all lanes are in use at the same time
        with lock:
            active -= 1

    Lanes(Tuning(streams=streams, max_streams=streams), pytest.fail).run(
        [task] * (streams * 4), lambda: False
    )
    assert peak == streams


def test_after_a_stop_no_further_task_starts_and_errors_are_told() -> None:
    errors: list[BaseException] = []
    stop = threading.Event()

    def broke(error: BaseException) -> None:
        errors.append(error)
        stop.set()

    def fail() -> None:
        raise ValueError("broken")

    def never() -> None:
        pytest.fail("it was started")

    tasks: list[Callable[[], None]] = [fail, never, never]
    Lanes(Tuning(streams=1), broke).run(tasks, stop.is_set)
    assert [str(error) for error in errors] == ["broken"]
