"""How bytes come and go: several connections for one file, bounded re-sending, cancelling."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from odh_oci_widgets.oci import (
    Cancelled,
    Failed,
    LayerProgress,
    PlanFile,
    Source,
    error_of,
    make_plan,
    run,
)
from tests.servers.registry import Registry

from .oci_builds import build

MIB = 2**20


class SlowSource:
    """Serves one file with Range, each connection at `rate` bytes a second; `peak` connections at a time."""

    def __init__(self, data: bytes, rate: float, *, ranges: bool = True) -> None:
        self.peak = self.active = 0
        self.tokens: list[str | None] = []
        lock = threading.Lock()
        source = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                source.tokens.append(self.headers.get("Authorization"))
                start, end, status = 0, len(data), 200
                asked = self.headers.get("Range")
                if asked and ranges:
                    first, _, last = asked.removeprefix("bytes=").partition("-")
                    start, end, status = int(first), int(last) + 1 if last else len(data), 206
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
                        self.wfile.write(data[at : min(end, at + 2**16)])
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
