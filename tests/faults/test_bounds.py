"""What a fault costs: so many bytes are sent again, and no more."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from odh_oci_widgets.oci import (
    Done,
    Event,
    Failed,
    LayerProgress,
    LayerState,
    PlanFile,
    Retry,
    Source,
    make_plan,
    run,
)
from odh_oci_widgets.oci.tuning import Tuning
from tests.servers.quirky_registry import QuirkyRegistry
from tests.servers.registry import Registry

from .files import Files
from .proxy import Fault, Kind, Proxy
from .scenarios import COMMIT, FETCH, PATCH

MIB = 2**20
SIZE = 16 * MIB
CHUNK = 2 * MIB
#: headers, the image's config and its manifest
SMALL = 2**16


def tuning(**more: float) -> Tuning:
    return Tuning(chunk=CHUNK, block=2**16, backoff=0.01, max_backoff=0.05, stall=1.5, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry that these tests may kill."""
    # Its uploads survive a restart only with a secret of its own, by which it knows their addresses again.
    registry = Registry(tmp_path_factory.mktemp("bounds"), extra="  secret: tests\n")
    yield registry
    registry.stop()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> PlanFile:
    path = tmp_path_factory.mktemp("model") / "model.bin"
    path.write_bytes(random.Random(7).randbytes(SIZE))
    return PlanFile(path="models/model.bin", size=SIZE, source=Source(path=str(path)))


@pytest.fixture(scope="module")
def right(model: PlanFile, tmp_path_factory: pytest.TempPathFactory) -> str:
    image = f"oci:{tmp_path_factory.mktemp('right')}/image:1"
    last = list(run(make_plan([model], image, base="scratch")))[-1]
    assert isinstance(last, Done)
    return last.digest


def sent_again(
    upstream: str,
    faults: list[Fault],
    model: PlanFile,
    right: str,
    repository: str,
    *,
    restart: Callable[[], None] | None = None,
    logins: int | None = None,
) -> tuple[int, list[Event]]:
    """Bytes beyond those of the image, and the events of a build that ended well."""
    proxy = Proxy(upstream, faults, rng=random.Random(1), restart=restart, logins=logins, stall=4.0)
    try:
        plan = make_plan([model], f"{proxy.host}/{repository}:1", base="scratch", insecure=(proxy.host,))
        events = list(run(plan, tuning=tuning()))
    finally:
        proxy.close()
    assert isinstance(events[-1], Done), events[-1]
    assert events[-1].digest == right
    assert all(fault.fired for fault in faults), "the fault did not happen"
    return proxy.received - SIZE, events


#: The sixth chunk of eight, in its middle or at its end.
SIXTH = 5
TROUBLE = {
    "reset": Fault(Kind.RESET_REQUEST, *PATCH, nth=SIXTH, at=0.7),
    "cut": Fault(Kind.CUT_REQUEST, *PATCH, nth=SIXTH, at=0.7),
    "time-out": Fault(Kind.STALL_REQUEST, *PATCH, nth=SIXTH, at=0.7),
    "answer lost": Fault(Kind.LOSE_ANSWER, *PATCH, nth=SIXTH),
    "500": Fault(Kind.STATUS, *PATCH, nth=SIXTH, status=500),
    "503 at once": Fault(Kind.STATUS_EARLY, *PATCH, nth=SIXTH, status=503),
    "416": Fault(Kind.STATUS, *PATCH, nth=SIXTH, status=416),
    "401": Fault(Kind.STATUS, *PATCH, nth=SIXTH, status=401),
    "401 at the commit": Fault(Kind.STATUS, *COMMIT, status=401),
    "500 at the commit": Fault(Kind.STATUS, *COMMIT, status=500),
}
#: docker-registry forgets an upload when a chunk breaks off in its middle, or its answer is lost.
FORGOTTEN_THERE = {"reset", "cut", "time-out", "answer lost"}


def fresh(fault: Fault) -> Fault:
    return Fault(fault.kind, fault.method, fault.path, nth=fault.nth, at=fault.at, status=fault.status)


@pytest.mark.parametrize("trouble", TROUBLE)
def test_a_registry_that_keeps_what_came_gets_at_most_one_chunk_again(
    trouble: str, model: PlanFile, right: str
) -> None:
    with QuirkyRegistry(state_range="quay") as registry:
        again, _ = sent_again(registry.host, [fresh(TROUBLE[trouble])], model, right, "me/model")
    assert again <= CHUNK + SMALL


@pytest.mark.parametrize("trouble", TROUBLE)
def test_docker_registry_gets_at_most_one_chunk_again_or_the_layer_once_more(
    trouble: str, server: Registry, model: PlanFile, right: str
) -> None:
    again, _ = sent_again(
        server.host, [fresh(TROUBLE[trouble])], model, right, f"bounds/{trouble.replace(' ', '-')}"
    )
    assert again <= (SIZE if trouble in FORGOTTEN_THERE else CHUNK) + SMALL


def test_a_login_that_serves_for_a_few_requests_costs_a_chunk_each_time_at_most(
    server: Registry, model: PlanFile, right: str
) -> None:
    """Each token serves for five requests, so that it runs out twice or three times within the layer."""
    again, _ = sent_again(server.host, [], model, right, "bounds/logins", logins=5)
    assert again <= 4 * CHUNK + SMALL


@pytest.mark.parametrize("where", ["in a chunk", "between chunks", "at the commit"])
def test_a_registry_that_is_killed_and_started_again(
    where: str, server: Registry, model: PlanFile, right: str
) -> None:
    def restart() -> None:
        server.stop(kill=True)
        server.start()

    fault = {
        "in a chunk": Fault(Kind.RESTART, *PATCH, nth=SIXTH, at=0.5),
        "between chunks": Fault(Kind.RESTART, *PATCH, nth=SIXTH, at=0.0),
        "at the commit": Fault(Kind.RESTART, *COMMIT),
    }[where]
    again, events = sent_again(
        server.host, [fault], model, right, f"bounds/restart-{where.replace(' ', '-')}", restart=restart
    )
    assert any(isinstance(event, Retry) for event in events)
    assert again <= (SIZE if where == "in a chunk" else CHUNK) + SMALL


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_registry_gets_fewer_layers_at_once_and_is_asked_again_when_it_says(
    status: int, server: Registry, tmp_path: Path
) -> None:
    """Three layers begin, all are put off; from then on the layers come one after the other."""
    files = []
    for number in range(5):
        path = tmp_path / f"part-{number}.bin"
        path.write_bytes(random.Random(number).randbytes(17 * MIB))
        files.append(PlanFile(path=f"models/{path.name}", size=17 * MIB, source=Source(path=str(path))))
    busy = [
        Fault(Kind.STATUS, *PATCH, nth=nth, status=status, headers=(("Retry-After", "2"),))
        for nth in range(3)
    ]
    proxy = Proxy(server.host, busy, rng=random.Random(1))
    try:
        plan = make_plan(
            files, f"{proxy.host}/bounds/busy-{status}:1", base="scratch", insecure=(proxy.host,)
        )
        started = time.monotonic()
        events = list(run(plan, tuning=Tuning(chunk=64 * MIB, streams=3, max_streams=3, backoff=0.01)))
        seconds = time.monotonic() - started
    finally:
        proxy.close()
    assert isinstance(events[-1], Done), events[-1]
    waits = [event.wait_seconds for event in events if isinstance(event, Retry)]
    assert len(waits) == 3
    assert min(waits) >= 2
    assert seconds >= 2
    sending: set[int] = set()
    put_off, begun_later = 0, []
    for event in events:
        put_off += isinstance(event, Retry)
        if isinstance(event, LayerProgress):
            if event.state is LayerState.SENDING and event.layer not in sending:
                sending.add(event.layer)
                if put_off == len(busy):
                    begun_later.append(len(sending))
            elif event.state is LayerState.DONE:
                sending.remove(event.layer)
    assert begun_later
    assert set(begun_later) == {1}


@pytest.fixture(scope="module")
def hub(model: PlanFile) -> Iterator[Files]:
    server = Files({"model.bin": Path(model.source.path or "").read_bytes()})
    yield server
    server.close()


def test_a_busy_hub_is_asked_again_when_it_says(
    hub: Files, model: PlanFile, right: str, tmp_path: Path
) -> None:
    busy = Fault(Kind.STATUS, *FETCH, status=429, headers=(("Retry-After", "2"),))
    proxy = Proxy(hub.host, [busy], rng=random.Random(1))
    try:
        file = replace(model, source=Source(url=f"{proxy.url}/storage/model.bin"))
        started = time.monotonic()
        plan = make_plan([file], f"oci:{tmp_path / 'image'}:1", base="scratch")
        *events, last = run(plan, tuning=tuning())
        seconds = time.monotonic() - started
    finally:
        proxy.close()
    assert isinstance(last, Done), last
    assert last.digest == right
    assert seconds >= 2
    (retry,) = [event for event in events if isinstance(event, Retry)]
    assert retry.wait_seconds == 2


@pytest.mark.parametrize("side", ["registry", "hub"])
def test_who_says_to_come_back_in_an_hour_is_not_waited_for(
    side: str, server: Registry, hub: Files, model: PlanFile
) -> None:
    path = PATCH if side == "registry" else FETCH
    busy = Fault(Kind.STATUS, *path, status=503, headers=(("Retry-After", "3600"),), always=True)
    there = Proxy(server.host, [busy] if side == "registry" else [], rng=random.Random(1))
    source = Proxy(hub.host, [busy] if side == "hub" else [], rng=random.Random(1))
    try:
        file = replace(model, source=Source(url=f"{source.url}/storage/model.bin"))
        image = f"{there.host}/bounds/hour-{side}:1"
        started = time.monotonic()
        last = list(run(make_plan([file], image, base="scratch", insecure=(there.host,)), tuning=tuning()))[
            -1
        ]
        seconds = time.monotonic() - started
    finally:
        there.close()
        source.close()
    assert isinstance(last, Failed)
    assert last.error == ("RegistryError" if side == "registry" else "SourceError")
    assert "503" in last.message
    assert seconds < 10
