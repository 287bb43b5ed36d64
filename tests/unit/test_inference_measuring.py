"""The load test."""

from __future__ import annotations

import itertools
import threading
import time

import pytest

from odh_oci_widgets.inference import Endpoint, Measurement, Sampling, ServerFailed, TextClient, measure
from odh_oci_widgets.inference.measuring import text_call
from tests.servers.vllm import VLLM


def test_percentiles_are_of_what_succeeded_and_failures_are_counted_by_sentence():
    numbers = itertools.count()

    def call(_):
        if next(numbers) % 4 == 3:
            raise ServerFailed("out of memory")
        time.sleep(0.01)

    done: list[int] = []
    result = measure(call, requests=19, concurrency=3, progress=lambda now, _: done.append(now))
    assert len(result.latencies) == 14
    assert result.errors == {"out of memory": 5}
    assert sorted(done) == list(range(1, 20))
    assert 0.01 <= result.percentile(50) <= result.percentile(99) == max(result.latencies)
    assert result.to_dict()["latency"]["p95"] == result.percentile(95)


def test_as_many_at_a_time_as_asked():
    barrier = threading.Barrier(5, timeout=10)
    calls = itertools.count()

    def call(_):
        if next(calls):  # the first does not count
            barrier.wait()

    assert len(measure(call, requests=10, concurrency=5).latencies) == 10


def test_the_first_error_is_raised_when_nothing_can_be_measured():
    def call(_):
        raise ServerFailed("no")

    with pytest.raises(ServerFailed):
        measure(call)


def test_a_cancel_ends_it_within_a_token():
    server = VLLM(delay=0.02)
    cancel = threading.Event()
    call = text_call(TextClient(Endpoint(server.url), "granite"), "hello", Sampling(max_tokens=10))
    results: list[Measurement] = []
    thread = threading.Thread(target=lambda: results.append(measure(call, requests=1000, cancel=cancel)))
    thread.start()
    while len(server.requests) < 10:
        time.sleep(0.01)
    cancel.set()
    thread.join(10)
    server.stop()
    assert results[0].cancelled
    assert 0 < len(results[0].latencies) < 1000
    assert results[0].percentile(50) >= 0.2


@pytest.mark.parametrize("answered", [0, 3])
def test_a_cancel_does_not_wait_for_a_server_that_is_silent(answered: int):
    cancel, silent = threading.Event(), threading.Event()
    calls = itertools.count()

    def call(_):
        if next(calls) >= answered:
            cancel.set()
            silent.wait()

    results: list[Measurement] = []
    thread = threading.Thread(
        target=lambda: results.append(measure(call, concurrency=1, cancel=cancel)), daemon=True
    )
    thread.start()
    thread.join(60)
    silent.set()
    assert results[0].cancelled
    assert len(results[0].latencies) == max(answered - 1, 0)


def test_nothing_measured_has_no_percentiles():
    empty = Measurement(requests=1, concurrency=1, seconds=0, latencies=())
    assert empty.percentile(50) is None
    assert empty.requests_per_second == 0
