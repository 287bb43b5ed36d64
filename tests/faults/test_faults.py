"""Builds through broken lines. A failing seed is run again with `pytest tests/faults -k 'seed[17]'`."""

from __future__ import annotations

import faulthandler
import hashlib
import json
import random
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from odh_oci_widgets.oci import Done, Event, Failed, PlanFile, Source, errors, make_plan, run
from odh_oci_widgets.oci.tuning import Tuning
from tests.servers.registry import Registry
from tests.servers.tokens import certificate

from .files import Files
from .proxy import Fault, Kind, Proxy
from .scenarios import PUBLISH, Scenario, scenario

SEEDS = 220
#: A build of 2 MB that takes longer hangs.
BOUND_SECONDS = 60.0


def content(name: str, size: int) -> bytes:
    return hashlib.shake_256(name.encode()).digest(size)


MODEL = {
    "model-00001.safetensors": content("1", 1_000_000),
    "model-00002.safetensors": content("2", 700_001),
    "config.json": content("3", 700),
    "tokenizer.json": content("4", 90_000),
}


def tuning(chunk: int) -> Tuning:
    return Tuning(
        chunk=chunk,
        block=20_000,
        attempts=7,
        backoff=0.01,
        max_backoff=0.05,
        max_retry_after=3.0,
        stall=2.0,
        commit=6.0,
    )


def build(image: str, *, insecure: str | None, source, chunk: int = 300_000) -> list[Event]:
    """Two layers of one large file each, and one of two small files; `source(name)` is where a file's bytes are."""
    files = [
        PlanFile(
            path=f"models/{name}",
            size=len(data),
            source=source(name),
            sha256=hashlib.sha256(data).hexdigest(),
        )
        for name, data in MODEL.items()
    ]
    plan = make_plan(files, image, base="scratch", insecure=(insecure,) if insecure else ())
    return list(run(plan, tuning=tuning(chunk)))


def build_in_time(seed: int, *arguments, **options) -> list[Event]:
    """The events, or a failure with all stacks where the build hangs."""
    events: list[Event] = []
    thread = threading.Thread(target=lambda: events.extend(build(*arguments, **options)), daemon=True)
    thread.start()
    thread.join(BOUND_SECONDS)
    if thread.is_alive():
        faulthandler.dump_traceback(file=sys.__stderr__)
        pytest.fail(f"seed {seed}: the build hangs")
    return events


class Images:
    """What a registry really holds, asked without a proxy."""

    def __init__(self, host: str) -> None:
        self.host = host

    def digest(self, repository: str, tag: str) -> str | None:
        """The tag's digest, every blob checked; None where the tag does not exist."""
        manifest = self._get(f"{repository}/manifests/{tag}")
        if manifest is None:
            return None
        document = json.loads(manifest)
        for blob in (document["config"], *document["layers"]):
            data = self._get(f"{repository}/blobs/{blob['digest']}")
            assert data is not None, f"{blob['digest']} is missing"
            assert f"sha256:{hashlib.sha256(data).hexdigest()}" == blob["digest"]
            assert len(data) == blob["size"]
        return f"sha256:{hashlib.sha256(manifest).hexdigest()}"

    def _get(self, path: str) -> bytes | None:
        request = urllib.request.Request(f"http://{self.host}/v2/{path}")
        request.add_header("Accept", "application/vnd.oci.image.manifest.v1+json")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry that these tests may kill."""
    registry = Registry(tmp_path_factory.mktemp("faults"))
    yield registry
    registry.stop()


@pytest.fixture(scope="module")
def files() -> Iterator[Files]:
    server = Files(MODEL)
    yield server
    server.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("model")
    for name, data in MODEL.items():
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Certificate and key of an authority that is trusted."""
    crt, key, _ = certificate(tmp_path / "tls")
    monkeypatch.setenv("SSL_CERT_FILE", str(crt))
    return crt, key


@pytest.fixture(scope="module")
def right(server: Registry, folder) -> str:
    """The digest of the image when nothing goes wrong."""
    image = f"{server.host}/right:1"
    last = build(image, insecure=server.host, source=lambda name: Source(path=str(folder / name)))[-1]
    assert isinstance(last, Done), last
    assert Images(server.host).digest("right", "1") == last.digest
    return last.digest


@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", range(SEEDS))
def test_seed(seed: int, server: Registry, files: Files, folder, right: str) -> None:
    play(seed, server, files, folder, right)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", range(0, SEEDS, 7))
def test_seed_over_tls(
    seed: int, server: Registry, files: Files, folder, right: str, trusted: tuple[Path, Path]
) -> None:
    """The same behind https, where connections end in their handshake, too."""
    play(seed, server, files, folder, right, tls=trusted, handshakes=seed % 2)


@pytest.mark.parametrize("nth", [0, 1], ids=["under its digest", "under its tag"])
def test_a_page_of_somebody_else_is_no_image(nth: int, server: Registry, folder) -> None:
    """A manifest that the registry never saw is answered with 200, as the login page of a network does."""
    portal = Proxy(server.host, [Fault(Kind.PAGE, *PUBLISH, nth=nth, always=True)], rng=random.Random(1))
    try:
        image = f"{portal.host}/portal/{nth}:1"
        last = build(image, insecure=portal.host, source=lambda name: Source(path=str(folder / name)))[-1]
    finally:
        portal.close()
    assert isinstance(last, Failed), last
    assert last.error == "RegistryError"
    assert "does not have it" in last.message
    assert Images(server.host).digest(f"portal/{nth}", "1") is None


def play(seed: int, server: Registry, files: Files, folder, right: str, **proxy) -> None:
    """The right image or one clear error; after an error the next try gives the right image."""
    what = scenario(seed)
    repository = f"seed/{seed}"

    restarting = threading.Lock()

    def restart() -> None:
        with restarting:
            server.stop(kill=True)
            server.start()

    rng = random.Random(seed)
    registry_side = Proxy(
        server.host, list(what.registry), rng=rng, restart=restart, logins=what.logins, **proxy
    )
    hub_side = Proxy(files.host, list(what.hub), rng=rng, **proxy)

    def source(name: str) -> Source:
        if not (what.web or what.hub):
            return Source(path=str(folder / name))
        return Source(url=f"{hub_side.url}/{'resolve' if what.redirects else 'storage'}/{name}")

    try:
        events = build_in_time(
            seed,
            f"{registry_side.host}/{repository}:1",
            insecure=None if proxy else registry_side.host,
            source=source,
            chunk=what.chunk,
        )
        with restarting:  # a restart that no request of the build had to wait for
            pass
        judge(what, events, Images(server.host).digest(repository, "1"), right)
        assert not registry_side.violations
    except BaseException:
        print(f"scenario {what}")
        print(*registry_side.requests, *hub_side.requests, sep="\n")
        raise
    finally:
        registry_side.close()
        hub_side.close()
    if isinstance(events[-1], Failed):
        again = build(
            f"{server.host}/{repository}:1",
            insecure=server.host,
            source=lambda name: Source(path=str(folder / name)),
        )
        assert isinstance(again[-1], Done), again[-1]
        assert again[-1].digest == right == Images(server.host).digest(repository, "1")


def judge(what: Scenario, events: list[Event], found: str | None, right: str) -> None:
    last = events[-1]
    print(*events, sep="\n")
    if isinstance(last, Done):
        assert last.digest == right, "a wrong image was called done"
        assert found == right, "not the image that was called done"
        return
    assert isinstance(last, Failed)
    assert not what.sure, "a fault that passes ended the build"
    kind = getattr(errors, last.error)
    assert issubclass(kind, errors.OdhOciError)
    assert kind is not errors.OdhOciError, "an error of the engine itself"
    assert last.message.endswith(".")
    assert last.hint
    assert found in {None, right}, "an error left a wrong image behind"
