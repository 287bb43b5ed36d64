"""How bytes come and go: several connections for one file, bounded re-sending, cancelling."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from odh_oci_widgets.oci import (
    Cancelled,
    Failed,
    LayerProgress,
    PlanFile,
    Retry,
    Source,
    error_of,
    http_pool,
    make_plan,
    run,
)
from odh_oci_widgets.oci.ahead import SEGMENT, AheadStream, Budget, _Segment
from odh_oci_widgets.oci.retry import Patience
from odh_oci_widgets.oci.sources import Web
from odh_oci_widgets.oci.tuning import Tuning
from tests.servers.registry import Registry

from .oci_builds import build

MIB = 2**20


class SlowSource:
    """Serves one file with Range, each connection at `rate` bytes a second; `peak` connections at a time.

    With `shared` all connections together have that rate. `cut`: the first answer that starts there ends after
    100 kB. `busy`: the first answer that starts there is that header `Retry-After`. `elsewhere`: the file is there.
    """

    def __init__(
        self,
        data: bytes,
        rate: float,
        *,
        ranges: bool = True,
        shared: bool = False,
        cut: int | None = None,
        busy: tuple[int, str] | None = None,
        elsewhere: str | None = None,
    ) -> None:
        self.peak = self.active = 0
        #: where each answer starts, and how many bytes were sent
        self.starts: list[int] = []
        self.sent = 0
        line = threading.Lock()
        self.tokens: list[str | None] = []
        lock = threading.Lock()
        source = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                source.tokens.append(self.headers.get("Authorization"))
                if elsewhere:
                    self.send_response(302)
                    self.send_header("Location", elsewhere)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                start, end, status = 0, len(data), 200
                asked = self.headers.get("Range")
                if asked and ranges:
                    first, _, last = asked.removeprefix("bytes=").partition("-")
                    start, end, status = int(first), int(last) + 1 if last else len(data), 206
                source.starts.append(start)
                first_time = source.starts.count(start) == 1
                if busy and busy[0] == start and first_time:
                    self.send_response(429)
                    self.send_header("Retry-After", busy[1])
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                if status == 206 and cut == start and first_time:
                    self.close_connection = True
                self.send_response(status)
                if status == 206:
                    self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
                self.send_header("Content-Length", str(end - start))
                self.end_headers()
                with lock:
                    source.active += 1
                    source.peak = max(source.peak, source.active)
                try:
                    for at in range(start, end, 2**16):
                        if self.close_connection and at - start > 100_000:
                            break
                        self.wfile.write(data[at : min(end, at + 2**16)])
                        with lock:
                            source.sent += min(end, at + 2**16) - at
                        with line if shared else nullcontext():
                            time.sleep(2**16 / rate)
                except OSError:
                    self.close_connection = True
                finally:
                    with lock:
                        source.active -= 1

            def log_message(self, *_arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/me/model/resolve/abc/model.bin"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def data() -> bytes:
    return os.urandom(40 * MIB)


@pytest.fixture
def slow(data: bytes) -> Iterator[SlowSource]:
    source = SlowSource(data, 8e6)
    yield source
    source.close()


def plan_for(data: bytes, source: Source, image: str, registry: Registry | None = None) -> Any:
    file = PlanFile(
        path="models/model.bin", size=len(data), source=source, sha256=hashlib.sha256(data).hexdigest()
    )
    return make_plan([file], image, base="scratch", insecure=(registry.host,) if registry else ())


def test_a_single_file_takes_several_connections_where_one_is_slow(
    data: bytes, slow: SlowSource, tmp_path: Path
) -> None:
    done, _ = build(plan_for(data, Source(url=slow.url), f"oci:{tmp_path / 'a'}:1"))
    assert slow.peak > 1
    (tmp_path / "model.bin").write_bytes(data)
    local, _ = build(plan_for(data, Source(path=str(tmp_path / "model.bin")), f"oci:{tmp_path / 'b'}:1"))
    assert done.digest == local.digest


def test_a_server_without_range_is_read_over_one_connection(data: bytes, tmp_path: Path) -> None:
    source = SlowSource(data, 40e6, ranges=False)
    try:
        build(plan_for(data, Source(url=source.url), f"oci:{tmp_path / 'a'}:1"))
    finally:
        source.close()


def test_a_connection_that_breaks_costs_the_others_nothing(data: bytes, tmp_path: Path) -> None:
    broken = 5 * SEGMENT
    source = SlowSource(data, 8e6, cut=broken)
    try:
        _, events = build(plan_for(data, Source(url=source.url), f"oci:{tmp_path / 'a'}:1"))
    finally:
        source.close()
    assert broken in source.starts, "it was fetched ahead"
    behind = [start for start in source.starts if start > broken + SEGMENT - 1]
    assert behind == list(range(broken + SEGMENT, len(data), SEGMENT)), "each of the others once, ahead"
    assert source.sent < len(data) + 2 * MIB
    assert not any(isinstance(event, Retry) for event in events)


@pytest.mark.parametrize("date", [False, True], ids=["seconds", "date"])
def test_a_source_that_is_too_busy_for_a_further_connection_is_left_alone_as_long_as_it_says(
    date: bool, data: bytes, tmp_path: Path
) -> None:
    wait = formatdate(time.time() + 6, usegmt=True) if date else "1"
    source = SlowSource(data, 8e6, busy=(5 * SEGMENT, wait))
    try:
        _, events = build(plan_for(data, Source(url=source.url), f"oci:{tmp_path / 'a'}:1"))
    finally:
        source.close()
    (retry,) = [event for event in events if isinstance(event, Retry)]
    assert "429" in retry.reason
    assert retry.wait_seconds >= (0.5 if date else 1)
    again = len(source.starts) - source.starts[::-1].index(5 * SEGMENT)
    assert len(source.starts) <= again + 1, "one connection from now on"


def test_a_line_that_one_connection_fills_is_left_to_one(data: bytes, tmp_path: Path) -> None:
    source = SlowSource(data, 8e6, shared=True)
    try:
        build(plan_for(data, Source(url=source.url), f"oci:{tmp_path / 'a'}:1"))
    finally:
        source.close()
    assert len(source.starts) <= 7, "not one for each segment"
    assert source.sent < len(data) + 2 * MIB


def test_a_slow_line_shows_progress_behind_what_was_read_ahead(data: bytes) -> None:
    """What is there already makes the blocks large; the line does not become faster by that."""
    source = SlowSource(data, 4e6, shared=True)
    stream = AheadStream(
        Web(http_pool(), {}),
        PlanFile(path="models/model.bin", size=len(data), source=Source(url=source.url)),
        0,
        Patience(Tuning(), threading.Event()),
        Budget(4 * SEGMENT),
    )
    try:
        for _ in range(3):
            assert len(stream.read(4 * MIB)) < MIB
    finally:
        stream.close()
        source.close()


def test_the_room_of_a_file_is_given_back_once(monkeypatch: pytest.MonkeyPatch) -> None:
    budget = Budget(4 * SEGMENT)
    stream = AheadStream.__new__(AheadStream)
    stream._condition, stream._budget, stream._segments = threading.Condition(), budget, {}
    buffer = budget.take()
    assert buffer is not None
    segment = stream._segments[0] = _Segment(0, SEGMENT, buffer)
    going, answered = threading.Event(), threading.Event()

    def tried(_: _Segment) -> bool:
        going.set()
        return answered.wait(10)

    monkeypatch.setattr(stream, "_tried", tried)
    thread = threading.Thread(target=stream._fetch, args=(segment,))
    thread.start()
    assert going.wait(10)
    stream._drop(segment)
    answered.set()
    thread.join(10)
    assert len([1 for _ in range(9) if budget.take() is not None]) == 4


def test_a_token_goes_no_further_than_its_own_server(data: bytes, tmp_path: Path) -> None:
    """The same name at another port is another server."""
    storage = SlowSource(data, 1e9)
    hub = SlowSource(data, 1e9, elsewhere=storage.url)
    try:
        plan = plan_for(data, Source(url=hub.url, auth="hf"), f"oci:{tmp_path / 'a'}:1")
        build(plan, secrets={"hf": "hf_onlyForTheHub"})
    finally:
        hub.close()
        storage.close()
    assert set(hub.tokens) == {"Bearer hf_onlyForTheHub"}
    assert set(storage.tokens) == {None}


def test_cancel_while_reading_ahead_leaves_no_connection(
    data: bytes, slow: SlowSource, tmp_path: Path
) -> None:
    cancel = threading.Event()
    for event in run(plan_for(data, Source(url=slow.url), f"oci:{tmp_path / 'a'}:1"), cancel=cancel):
        if slow.active > 1:
            cancel.set()
        last = event
    assert isinstance(last, Failed)
    assert isinstance(error_of(last), Cancelled)
    deadline = time.monotonic() + 20
    while slow.active or any(thread.name == "odh-oci-ahead" for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "a connection goes on"
        time.sleep(0.05)


def test_cancel_ends_a_build_at_once_and_leaves_nothing(data: bytes, registry: Registry) -> None:
    cancel = threading.Event()
    slow = SlowSource(data, 2e5)
    plan = plan_for(data, Source(url=slow.url), f"{registry.host}/streams/cancel:1", registry)
    asked = 0.0
    for event in run(plan, cancel=cancel):
        if isinstance(event, LayerProgress) and event.sent and not asked:
            asked = time.monotonic()
            cancel.set()
        last = event
    assert (
        time.monotonic() - asked < 10
    )  # a busy machine is slow, but the rest of the file would take far longer
    slow.close()
    assert isinstance(last, Failed)
    assert isinstance(error_of(last), Cancelled)
    assert registry.tags("streams/cancel") == []
    # docker-registry keeps the data of an upload that was cut all the same; it was told, as others understand.
    deadline = time.monotonic() + 20
    while '"DELETE /v2/streams/cancel/blobs/uploads/' not in registry.log.read_text():
        assert time.monotonic() < deadline, "the registry was not told"
        time.sleep(0.05)


def test_a_cancelled_layout_leaves_no_folder(data: bytes, slow: SlowSource, tmp_path: Path) -> None:
    cancel = threading.Event()
    for event in run(plan_for(data, Source(url=slow.url), f"oci:{tmp_path / 'out'}:1"), cancel=cancel):
        if isinstance(event, LayerProgress) and event.sent > 4 * MIB:
            cancel.set()
    assert isinstance(event, Failed)
    assert not (tmp_path / "out").exists()
