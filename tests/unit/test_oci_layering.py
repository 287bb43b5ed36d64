"""How files are spread over layers, and which plans are refused."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odh_oci_widgets.oci import Plan, PlanFile, PlanInvalid, Source, make_plan
from odh_oci_widgets.oci.layering import GROUP_BYTES
from odh_oci_widgets.oci.plan import MAX_MODEL_LAYERS, OWN_LAYER_BYTES


def file(path: str, size: int, **options: Any) -> PlanFile:
    return PlanFile(
        path=f"models/{path}", size=size, source=Source(url=f"https://hub.example/{path}"), **options
    )


def groups(files: list[PlanFile]) -> list[set[str]]:
    return [{f.path for f in layer.files} for layer in make_plan(files, "r.example/a/b:1").layers]


SIZES = st.lists(st.integers(0, 5) | st.integers(0, 10**5) | st.integers(0, 10**11), min_size=1, max_size=300)


@given(SIZES, st.randoms(use_true_random=False))
def test_every_file_once_in_at_most_100_layers_whatever_the_order(
    sizes: list[int], rng: random.Random
) -> None:
    files = [file(f"{number}.bin", size) for number, size in enumerate(sizes)]
    plan = make_plan(files, "r.example/a/b:1")
    assert 1 <= len(plan.layers) <= MAX_MODEL_LAYERS
    assert sorted(f.path for layer in plan.layers for f in layer.files) == sorted(f.path for f in files)
    shuffled = files[:]
    rng.shuffle(shuffled)
    assert make_plan(shuffled, "r.example/a/b:1") == plan


def test_a_large_file_stands_alone_and_small_ones_share_little() -> None:
    files = [file("model.safetensors", 2**30), *(file(f"{n}.json", 10_000) for n in range(21))]
    plan = make_plan(files, "r.example/a/b:1")
    assert [f.path for f in plan.layers[0].files] == ["models/model.safetensors"]
    for layer in plan.layers[1:]:
        assert sum(f.size for f in layer.files) <= GROUP_BYTES


def test_a_file_that_grows_moves_only_its_own_group() -> None:
    files = [file(f"{n}.json", 3_000) for n in range(60)]
    before = groups(files)
    files[7] = file("7.json", 9_000)
    after = groups(files)
    assert len([group for group in after if group not in before]) <= 2


def test_many_shards_take_as_few_neighbours_together_as_needed() -> None:
    shards = [file(f"model-{n:05}-of-00163.safetensors", 4 * 10**9) for n in range(163)]
    plan = make_plan(shards, "r.example/a/b:1")
    assert max(len(layer.files) for layer in plan.layers) == 3
    assert all(f.size >= OWN_LAYER_BYTES for layer in plan.layers for f in layer.files)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ([], "no file"),
        ([PlanFile(path="etc/passwd", size=1, source=Source(path="x"))], "outside"),
        ([PlanFile(path="models/../etc/passwd", size=1, source=Source(path="x"))], "outside"),
        ([PlanFile(path="models", size=1, source=Source(path="x"))], "outside"),
        ([PlanFile(path="models//a", size=1, source=Source(path="x"))], "outside"),
        ([file(".wh.a", 1)], ".wh."),
        ([file("a", 1), file("a", 1)], "twice"),
        ([file("a", 1), file("a/b", 1)], "both"),
        ([file("a", -1)], "size"),
        ([file("a", 1, sha256="xyz")], "hex"),
        ([PlanFile(path="models/a", size=1, source=Source())], "exactly one source"),
        ([file("a" * 300, 1)], "no file name"),
    ],
)
def test_a_plan_that_cannot_work_is_refused(files: list[PlanFile], reason: str) -> None:
    with pytest.raises(PlanInvalid, match=reason) as caught:
        make_plan(files, "r.example/a/b:1")
    assert caught.value.hint


def test_created_comes_from_source_date_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    assert make_plan([file("a", 1)], "r.example/a/b:1").created == "1970-01-01T00:00:00Z"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert make_plan([file("a", 1)], "r.example/a/b:1").created == "2023-11-14T22:13:20Z"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(PlanInvalid, match="SOURCE_DATE_EPOCH"):
        make_plan([file("a", 1)], "r.example/a/b:1")


def test_a_plan_survives_json() -> None:
    plan = make_plan([file("a", 1, sha256="0" * 64)], "r.example/a/b:1", like=("r.example/a/b:0",))
    assert Plan.from_json(plan.to_json()) == plan
    with pytest.raises(PlanInvalid):
        Plan.from_json("{}")
