"""What is there already is neither read nor sent: by whom it was built does not matter."""

from __future__ import annotations

import hashlib
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from odh_oci_widgets.oci import (
    Failed,
    LayerProgress,
    LayerState,
    Log,
    PlanFile,
    Source,
    make_plan,
    preflight,
    run,
)
from odh_oci_widgets.oci.events import from_json
from odh_oci_widgets.oci.reuse import record_tag
from tests.servers.hub import Hub
from tests.servers.registry import Registry

from .oci_builds import build, files_of


class Counter:
    """A pipe to a registry that counts what goes through, and can be slow. `host` is where it listens.

    Each request has `rate` bytes a second; once `stalls_at` bytes went through, almost nothing more does.
    """

    def __init__(self, upstream: str, *, rate: float = 0.0, stalls_at: float = math.inf) -> None:
        self.sent = 0
        self.received = 0
        self.rate = rate
        self.stalls_at = stalls_at
        #: requests on their way
        self.active = 0
        lock = threading.Lock()
        counter = self
        import http.client

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass(self) -> None:
                with lock:
                    counter.active += 1
                try:
                    self._pass_on()
                finally:
                    with lock:
                        counter.active -= 1

            def _pass_on(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                upstream_connection = http.client.HTTPConnection(upstream)
                upstream_connection.putrequest(
                    self.command, self.path, skip_host=True, skip_accept_encoding=True
                )
                for name, value in self.headers.items():
                    upstream_connection.putheader(name, value)
                upstream_connection.endheaders()
                while length:
                    chunk = self.rfile.read1(min(length, 2**18))
                    if not chunk:
                        return
                    length -= len(chunk)
                    counter.sent += len(chunk)
                    if rate := 1e5 if counter.sent > counter.stalls_at else counter.rate:
                        time.sleep(len(chunk) / rate)
                    upstream_connection.send(chunk)
                answer = upstream_connection.getresponse()
                body = answer.read()
                counter.received += len(body)
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in {"content-length", "transfer-encoding", "date", "connection"}:
                        self.send_header(name, value.replace(upstream, self.headers["Host"]))
                shown = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(body))
                self.send_header("Content-Length", shown or "0")
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self) -> None:
                self._pass()

            def do_PUT(self) -> None:
                self._pass()

            def do_POST(self) -> None:
                self._pass()

            def do_PATCH(self) -> None:
                self._pass()

            def do_HEAD(self) -> None:
                self._pass()

            def do_DELETE(self) -> None:
                self._pass()

            def log_message(self, *_arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def counter(registry: Registry) -> Iterator[Counter]:
    counter = Counter(registry.host)
    yield counter
    counter.close()


def hub_files(hub: Hub, name: str, files: dict[str, bytes], *, commit: str = "main") -> list[PlanFile]:
    """As the hub tells of them: sha256 of large files, git's id of small ones."""
    found = []
    for path, data in files.items():
        large = len(data) > 10**6
        found.append(
            PlanFile(
                path=f"models/{path}",
                size=len(data),
                source=Source(url=f"{hub.url}/{name}/resolve/{commit}/{path}", auth="hf"),
                sha256=hashlib.sha256(data).hexdigest() if large else None,
                git_oid=None if large else hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest(),
            )
        )
    return found


def model(large: int = 20 * 2**20) -> dict[str, bytes]:
    small = {f"part-{number:02}.json": os.urandom(10_000) for number in range(21)}
    return {"model.safetensors": os.urandom(large), **small}


def test_one_changed_small_file_moves_less_than_100_kb(counter: Counter, tmp_path: Path) -> None:
    first = model()
    second = {**first, "part-07.json": os.urandom(10_000)}
    with Hub({"acme/one": first, "acme/two": second}) as hub:
        build(
            make_plan(
                hub_files(hub, "acme/one", first),
                f"{counter.host}/reuse/hub:v1",
                base="embedded",
                insecure=(counter.host,),
            )
        )
        counter.sent = counter.received = 0
        hub.requests.clear()
        plan = make_plan(
            hub_files(hub, "acme/two", second),
            f"{counter.host}/reuse/hub:v2",
            base="embedded",
            insecure=(counter.host,),
        )
        forecast = preflight(plan)
        assert not forecast.problems
        assert forecast.to_move < 50_000
        counter.sent = counter.received = 0
        started = time.monotonic()
        done, _ = build(plan)
        seconds = time.monotonic() - started
        read = sum(
            len(second[seen.path.rsplit("/", 1)[1]]) for seen in hub.requests if "resolve" in seen.path
        )
        assert counter.sent + counter.received + read < 100_000
        assert done.sent < 50_000
        assert seconds < 3, "under a second on an idle machine; see benchmarks"

        counter.sent = counter.received = 0
        again, _ = build(plan)
        assert again.digest == done.digest
        assert again.sent == 0
        assert counter.sent == 0, "nothing at all is sent for an unchanged image"


def test_local_files_are_hashed_only_where_that_can_help(registry: Registry, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "a.bin").write_bytes(os.urandom(2**21))
    (folder / "b.json").write_text("{}")
    image = f"{registry.host}/reuse/local:1"
    first, _ = build(make_plan(files_of(folder), image, base="embedded", insecure=(registry.host,)))
    (folder / "b.json").write_text("[]")
    second, _ = build(make_plan(files_of(folder), image, base="embedded", insecure=(registry.host,)))
    assert second.digest != first.digest
    assert second.sent < 10_000


def test_layers_are_mounted_from_another_repository(registry: Registry, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "a.bin").write_bytes(os.urandom(2**21))
    one, other = f"{registry.host}/reuse/from:1", f"{registry.host}/reuse/to:1"
    first, _ = build(make_plan(files_of(folder), one, base="embedded", insecure=(registry.host,)))
    plan = make_plan(files_of(folder), other, base="embedded", insecure=(registry.host,), like=(one,))
    assert preflight(plan).to_move < 2_000_000  # the base, which preflight does not mount from there
    second, _ = build(plan)
    assert second.digest == first.digest
    assert second.sent < 2**21


def test_a_killed_build_is_continued_on_another_machine(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kill -9 at 90 % of four layers; then a fresh home: what was finished is not sent, and the rest once."""
    folder = tmp_path / "model"
    folder.mkdir()
    sizes = [8 * 2**20, 20 * 2**20, 24 * 2**20, 28 * 2**20]
    for number, size in enumerate(sizes):
        (folder / f"model-{number}.bin").write_bytes(os.urandom(size))
    slow = Counter(registry.host, rate=25e6, stalls_at=0.9 * sum(sizes))
    try:
        image = f"{slow.host}/reuse/killed:1"
        plan = make_plan(files_of(folder), image, base="scratch", insecure=(slow.host,))
        path = tmp_path / "plan.json"
        path.write_text(plan.to_json())
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "from odh_oci_widgets.oci.remote import main; raise SystemExit(main())",
                str(path),
            ],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        assert process.stdout is not None
        finished: dict[str | None, int] = {}

        def read() -> None:
            for line in process.stdout:
                event = from_json(line.decode())
                if isinstance(event, LayerProgress) and event.state is LayerState.DONE:
                    finished[event.digest] = event.total

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        deadline = time.monotonic() + 60
        named: dict[str | None, int] = {}
        while not (named and slow.sent > slow.stalls_at and {*named} <= recorded(slow.host, "reuse/killed")):
            assert process.poll() is None
            assert time.monotonic() < deadline, "what is finished is not recorded"
            time.sleep(0.02)
            named = dict(finished)
        process.send_signal(signal.SIGKILL)
        process.wait()
        reader.join(10)
        process.stdout.close()
        slow.rate, slow.stalls_at = 0.0, math.inf
        while slow.active:  # what it sent last is still on its way
            assert time.monotonic() < deadline
            time.sleep(0.02)
        slow.sent = 0
        monkeypatch.setenv("HOME", str(tmp_path / "another machine"))
        done, events = build(plan)
        assert any(isinstance(event, Log) and "continued" in event.message for event in events)
        assert done.reused >= sum(named.values())
        rest = sum(sizes) - sum(named.values())
        assert slow.sent < rest + 2**16, "what was not finished, and what names it all"
        assert registry.tags("reuse/killed") == ["1"], "the record is gone"
    finally:
        slow.close()


def recorded(host: str, repository: str) -> set[str]:
    """Digests of the layers that the record of an unfinished build names."""
    url = f"http://{host}/v2/{repository}/manifests/{record_tag('1')}"
    request = urllib.request.Request(url, headers={"Accept": "application/vnd.oci.image.manifest.v1+json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return {layer["digest"] for layer in json.load(answer)["layers"]}
    except urllib.error.HTTPError:
        return set()


def test_a_failed_build_leaves_its_finished_layers_to_the_next(registry: Registry, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "a.bin").write_bytes(os.urandom(2 * 2**20))
    (folder / "b.bin").write_bytes(os.urandom(60 * 2**20))
    image = f"{registry.host}/reuse/failed:1"
    small, large = sorted(files_of(folder), key=lambda file: file.size)
    wrong = replace(large, sha256="0" * 64)
    failed = list(run(make_plan([small, wrong], image, base="scratch", insecure=(registry.host,))))[-1]
    assert isinstance(failed, Failed)
    assert failed.error == "SourceError"
    assert "not what was promised" in failed.message
    done, _ = build(make_plan([small, large], image, base="scratch", insecure=(registry.host,)))
    assert done.reused > 2 * 2**20
    assert done.sent < 61 * 2**20
    assert registry.tags("reuse/failed") == ["1"]
