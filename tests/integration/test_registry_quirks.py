"""What registries do differently from each other makes no difference to the image."""

from __future__ import annotations

import hashlib
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from odh_oci_widgets.oci import Done, Event, Failed, Log, Plan, PlanFile, Retry, make_plan, run
from odh_oci_widgets.oci.reuse import record_tag
from odh_oci_widgets.oci.tuning import Tuning
from tests.servers.quirky_registry import QuirkyRegistry

from .oci_builds import build, files_of

MIB = 2**20
SIZE = 4 * MIB
QUICK = Tuning(chunk=MIB, block=2**16, backoff=0.01, max_backoff=0.05, stall=5.0)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[PlanFile]:
    folder = tmp_path_factory.mktemp("model")
    (folder / "model.bin").write_bytes(os.urandom(SIZE))
    return files_of(folder)


@pytest.fixture(scope="module")
def right(files: list[PlanFile], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of the image, wherever it is."""
    done, _ = build(make_plan(files, f"oci:{tmp_path_factory.mktemp('right')}/image:1", base="scratch"))
    return done.digest


def plan_at(registry: QuirkyRegistry, files: list[PlanFile], name: str = "me/model", **more: Any) -> Plan:
    return make_plan(files, f"{registry.host}/{name}:1", base="scratch", insecure=(registry.host,), **more)


def pushed(
    registry: QuirkyRegistry, files: list[PlanFile], right: str, tuning: Tuning = QUICK
) -> list[Event]:
    """Build; the right image stands there, whole."""
    done, events = build(plan_at(registry, files), tuning=tuning)
    manifest = registry.manifests["me/model", "1"]
    assert done.digest == right == f"sha256:{hashlib.sha256(manifest).hexdigest()}"
    for layer in json.loads(manifest)["layers"]:
        data = registry.blobs["me/model", layer["digest"]]
        assert f"sha256:{hashlib.sha256(data).hexdigest()}" == layer["digest"]
    return events


def retries(events: list[Event]) -> list[str]:
    return [event.reason for event in events if isinstance(event, Retry)]


@pytest.mark.parametrize("location", ["relative", "absolute", "other-scheme", "query"])
def test_an_upload_is_where_its_location_says(location: Any, files: list[PlanFile], right: str) -> None:
    with QuirkyRegistry(location=location) as registry:
        assert retries(pushed(registry, files, right)) == []
        assert registry.count("^PATCH") >= 5, "a tar of 4 MiB and its headers, in chunks of 1 MiB"


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_chunk_that_worked_may_be_answered_in_many_ways(
    status: int, files: list[PlanFile], right: str
) -> None:
    with QuirkyRegistry(patch_status=status) as registry:
        assert retries(pushed(registry, files, right)) == []


@pytest.mark.parametrize("patch_range", ["specification", "quay", "none"])
@pytest.mark.parametrize("state_range", ["specification", "quay"])
@pytest.mark.parametrize("location", ["relative", "query"])
def test_a_cut_upload_goes_on_where_the_registry_stands(
    patch_range: Any, state_range: Any, location: Any, files: list[PlanFile], right: str
) -> None:
    with QuirkyRegistry(
        patch_range=patch_range, state_range=state_range, location=location, cut=5 * MIB // 2
    ) as registry:
        assert len(retries(pushed(registry, files, right))) == 1
        assert registry.received < SIZE + 2**16, "not a byte of the layer twice"


def test_a_registry_that_does_not_say_how_far_it_got_gets_the_layer_again(
    files: list[PlanFile], right: str
) -> None:
    with QuirkyRegistry(state_range="none", cut=5 * MIB // 2) as registry:
        assert any("does not say how far" in reason for reason in retries(pushed(registry, files, right)))
        assert registry.received < 2 * SIZE


@pytest.mark.parametrize("minimum", [MIB // 2, 3 * MIB, 64 * MIB])
def test_chunks_are_as_large_as_the_registry_wants_them(
    minimum: int, files: list[PlanFile], right: str
) -> None:
    with QuirkyRegistry(minimum=minimum) as registry:
        assert retries(pushed(registry, files, right)) == []
        assert registry.received < SIZE + 2**16, "no chunk was refused"


def test_backends_that_do_not_know_each_others_uploads_get_the_layer_in_one_request(
    files: list[PlanFile], right: str
) -> None:
    with QuirkyRegistry(affinity=False) as registry:
        assert any("starts again" in reason for reason in retries(pushed(registry, files, right)))
        assert registry.received < SIZE + MIB + 2**16, "the first chunk was sent twice, and no more"


@pytest.mark.parametrize(("mount", "begun"), [(201, False), (202, True), (405, False)])
def test_a_mount_that_does_not_work_is_an_upload(
    mount: int, begun: bool, files: list[PlanFile], right: str
) -> None:
    with QuirkyRegistry(mount=mount) as registry:
        pushed(registry, files, right)
        registry.requests.clear()
        registry.received = 0
        like = (f"{registry.host}/me/model:1",)
        done, _ = build(plan_at(registry, files, "me/other", like=like), tuning=QUICK)
        assert done.digest == right
        assert registry.count(r"^POST .*mount=") >= 1
        if mount == 201:
            assert done.sent == 0
            assert registry.received < 4096
        else:
            assert done.sent > SIZE
        assert bool(registry.count("^DELETE .*/uploads/")) == begun, "what was begun is called off"
        assert not registry.uploads


def test_a_slow_commit_is_waited_for(files: list[PlanFile], right: str) -> None:
    """Longer than anything else may take without a byte."""
    with QuirkyRegistry(commit_seconds=1.5) as registry:
        tuning = Tuning(chunk=MIB, stall=0.7, backoff=0.01, commit=20.0)
        assert retries(pushed(registry, files, right, tuning)) == []


def test_a_slow_disk_is_waited_for_after_each_chunk(files: list[PlanFile], right: str) -> None:
    """The more bytes there were, the longer."""
    with QuirkyRegistry(disk_seconds=1.2) as registry:
        tuning = Tuning(chunk=MIB, stall=0.7, backoff=0.01, commit_per_byte=20.0 / MIB)
        assert retries(pushed(registry, files, right, tuning)) == []


def test_a_commit_that_outlasts_its_time_is_found_done(files: list[PlanFile], right: str) -> None:
    with QuirkyRegistry(commit_seconds=1.5) as registry:
        tuning = Tuning(chunk=MIB, stall=5.0, backoff=0.1, commit=0.6)
        assert retries(pushed(registry, files, right, tuning))
        assert registry.received < SIZE + 2**16, "no byte was sent again"


def test_a_commit_that_goes_on_behind_a_gateway_is_waited_for(files: list[PlanFile], right: str) -> None:
    """A route gives up after half a minute, the registry goes on, and knows the upload no more."""
    with QuirkyRegistry(commit_seconds=2.0, gateway=0.1) as registry:
        tuning = replace(QUICK, commit_per_byte=4e-6)
        assert any("504" in reason for reason in retries(pushed(registry, files, right, tuning)))
        assert registry.received == pytest.approx(SIZE, abs=2**16), "no byte was sent again"


def test_a_commit_that_never_ends_is_given_up(files: list[PlanFile]) -> None:
    with QuirkyRegistry(commit_seconds=600) as registry:
        started = time.monotonic()
        tuning = Tuning(chunk=MIB, stall=2.0, backoff=0.01, max_backoff=0.02, commit=0.1, attempts=3)
        last = list(run(plan_at(registry, files), tuning=tuning))[-1]
        assert isinstance(last, Failed)
        assert last.error.startswith("Registry")
        assert time.monotonic() - started < 30


def test_ten_gigabytes_may_take_ten_minutes_to_commit() -> None:
    default = Tuning()
    assert 600 <= default.commit + default.commit_per_byte * 10**10 <= 1200


@pytest.mark.parametrize("collected", [1, 2])
def test_layers_that_the_registry_forgot_meanwhile_are_sent_again(collected: int, tmp_path: Path) -> None:
    """As Quay, which deletes blobs that no manifest names; here between the last look and the manifest."""
    folder = tmp_path / "model"
    folder.mkdir()
    for number in range(2):
        (folder / f"part-{number}.bin").write_bytes(os.urandom(17 * MIB))
    files = files_of(folder)
    local, _ = build(make_plan(files, f"oci:{tmp_path / 'right'}:1", base="scratch"))
    with QuirkyRegistry(collects=collected) as registry:
        events = list(run(plan_at(registry, files), tuning=QUICK))
        last = events[-1]
        assert isinstance(last, Done), last
        assert last.digest == local.digest
        assert any(isinstance(event, Log) and "are sent again" in event.message for event in events)
        assert registry.received < (2 + collected) * 17 * MIB + 2**16
        document = json.loads(registry.manifests["me/model", "1"])
        assert all(("me/model", layer["digest"]) in registry.blobs for layer in document["layers"])


def test_what_is_finished_is_recorded_though_an_earlier_image_names_what_is_gone(tmp_path: Path) -> None:
    """The image of before lost a layer; the build that replaces it fails, and the next one goes on from there."""
    folder = tmp_path / "model"
    folder.mkdir()
    for number, size in enumerate([17, 18, 20, 19]):
        (folder / f"part-{number}.bin").write_bytes(os.urandom(size * MIB))
    lost, kept, new, wrong = sorted(files_of(folder), key=lambda file: file.path)
    one_at_a_time = replace(QUICK, streams=1, max_streams=1)
    with QuirkyRegistry() as registry:
        build(plan_at(registry, [lost, kept]), tuning=QUICK)
        layers = json.loads(registry.manifests["me/model", "1"])["layers"]
        gone = min(layers, key=lambda layer: layer["size"])["digest"]
        del registry.blobs["me/model", gone]
        promised = replace(wrong, sha256="0" * 64)
        failed = list(run(plan_at(registry, [lost, kept, new, promised]), tuning=one_at_a_time))[-1]
        assert isinstance(failed, Failed)
        assert failed.error == "SourceError"
        record = json.loads(registry.manifests["me/model", record_tag("1")])
        assert len(record["layers"]) == 2
        assert gone not in [layer["digest"] for layer in record["layers"]]
        registry.received = 0
        done, _ = build(plan_at(registry, [lost, kept, new, wrong]), tuning=one_at_a_time)
        assert registry.received < (17 + 19) * MIB + 2**16, "what is gone, and what was not finished"
        local, _ = build(make_plan([lost, kept, new, wrong], f"oci:{tmp_path / 'right'}:1", base="scratch"))
        assert done.digest == local.digest
