"""Https that does not come about: tried again where that helps, and otherwise one clear error, soon."""

from __future__ import annotations

import hashlib
import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from odh_oci_widgets.oci import Done, Event, Failed, PlanFile, Retry, Source, make_plan, preflight, run
from odh_oci_widgets.oci.tuning import Tuning
from tests.servers.registry import Registry
from tests.servers.tokens import certificate

from .files import Files
from .proxy import Proxy

DATA = hashlib.shake_256(b"tls").digest(300_000)
QUICK = Tuning(backoff=0.05, max_backoff=0.1, stall=5.0)
ALWAYS = 10**6


@pytest.fixture
def tls(tmp_path: Path) -> tuple[Path, Path]:
    crt, key, _ = certificate(tmp_path / "tls")
    return crt, key


@pytest.fixture(scope="module")
def files() -> Iterator[Files]:
    server = Files({"model.bin": DATA})
    yield server
    server.close()


@contextmanager
def behind_tls(upstream: str, tls: tuple[Path, Path], *, handshakes: int = 0) -> Iterator[Proxy]:
    proxy = Proxy(upstream, [], rng=random.Random(3), tls=tls, handshakes=handshakes)
    try:
        yield proxy
    finally:
        proxy.close()


@contextmanager
def cut_first(registry: Registry) -> Iterator[str]:
    """A pipe to the registry; the first connection through it ends at once."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def pipe(source: socket.socket, target: socket.socket) -> None:
            with suppress(OSError):
                while data := source.recv(2**16):
                    target.sendall(data)
            with suppress(OSError):
                target.shutdown(socket.SHUT_WR)

        def accept() -> None:
            with suppress(OSError):
                server.accept()[0].close()
                while True:
                    client, _ = server.accept()
                    upstream = socket.create_connection(("127.0.0.1", registry.port))
                    for pair in ((client, upstream), (upstream, client)):
                        threading.Thread(target=pipe, args=pair, daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"


def build(image: str, url: str, tuning: Tuning = QUICK, **options: object) -> list[Event]:
    file = PlanFile(
        path="models/model.bin",
        size=len(DATA),
        source=Source(url=url),
        sha256=hashlib.sha256(DATA).hexdigest(),
    )
    plan = make_plan([file], image, base="scratch", **options)  # type: ignore[arg-type]
    return list(run(plan, tuning=tuning))


def retries(events: list[Event]) -> list[str]:
    return [event.reason for event in events if isinstance(event, Retry)]


def test_a_cut_handshake_is_tried_again_on_both_sides(
    registry: Registry, files: Files, tls: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tls[0]))
    with (
        behind_tls(registry.host, tls, handshakes=2) as there,
        behind_tls(files.host, tls, handshakes=3) as hub,
    ):
        events = build(f"{there.host}/tls/cut:1", f"{hub.url}/storage/model.bin")
    assert isinstance(events[-1], Done), events[-1]
    assert len(retries(events)) == 5


def test_a_registry_whose_handshakes_never_end_is_one_error(
    registry: Registry, files: Files, tls: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tls[0]))
    with behind_tls(registry.host, tls, handshakes=ALWAYS) as there:
        last = build(f"{there.host}/tls/never:1", f"http://{files.host}/storage/model.bin")[-1]
    assert isinstance(last, Failed)
    assert last.error in {"RegistryUntrusted", "RegistryUnreachable"}
    assert there.host in last.message
    assert last.hint


def test_a_hub_whose_handshakes_never_end_is_one_error(
    files: Files, tls: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tls[0]))
    with behind_tls(files.host, tls, handshakes=ALWAYS) as hub:
        last = build(f"oci:{tmp_path / 'image'}:1", f"{hub.url}/storage/model.bin")[-1]
    assert isinstance(last, Failed)
    assert last.error == "SourceError"
    assert hub.host in last.message
    assert not (tmp_path / "image").exists()


def test_a_certificate_of_the_hub_that_is_not_trusted_is_said_at_once(
    files: Files, tls: tuple[Path, Path], tmp_path: Path
) -> None:
    """No second try, which would end the same way; with the tries and waits that users have."""
    with behind_tls(files.host, tls) as hub:
        url = f"{hub.url}/storage/model.bin"
        started = time.monotonic()
        events = build(f"oci:{tmp_path / 'image'}:1", url, Tuning())
        seconds = time.monotonic() - started
        file = PlanFile(path="models/model.bin", size=len(DATA), source=Source(url=url))
        forecast = preflight(make_plan([file], f"oci:{tmp_path / 'image'}:1", base="scratch"))
    last = events[-1]
    assert isinstance(last, Failed)
    assert last.error == "SourceError"
    assert f"The certificate of {hub.host} is not trusted" in last.message
    assert "SSL_CERT_FILE" in last.hint
    assert retries(events) == []
    assert seconds < 5
    (problem,) = forecast.problems
    assert "is not trusted" in problem.message


def test_a_certificate_of_the_registry_that_is_not_trusted_is_said_at_once(
    registry: Registry, files: Files, tls: tuple[Path, Path]
) -> None:
    with behind_tls(registry.host, tls) as there:
        started = time.monotonic()
        events = build(f"{there.host}/tls/untrusted:1", f"http://{files.host}/storage/model.bin", Tuning())
        seconds = time.monotonic() - started
    last = events[-1]
    assert isinstance(last, Failed)
    assert last.error == "RegistryUntrusted"
    assert f"The certificate of {there.host} is not trusted" in last.message
    assert retries(events) == []
    assert seconds < 5


def test_insecure_does_not_mean_plain_http_after_one_broken_handshake(
    files: Files, tls: tuple[Path, Path], tmp_path: Path
) -> None:
    """A registry answers plain HTTP at its TLS port politely, with 400."""
    real = Registry(tmp_path / "registry", tls=tls)
    try:
        with cut_first(real) as host:
            image = f"{host}/tls/insecure:1"
            events = build(image, f"http://{files.host}/storage/model.bin", insecure=(host,))
    finally:
        real.stop()
    assert isinstance(events[-1], Done), events[-1]
