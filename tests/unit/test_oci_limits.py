"""What a registry does not take is known before the work starts."""

from __future__ import annotations

import pytest

from odh_oci_widgets.oci import LayerTooLarge, PlanFile, ReferenceInvalid, Source, make_plan
from odh_oci_widgets.oci.limits import LAYER_LIMIT_VARIABLE, problems

OPENSHIFT = "image-registry.openshift-image-registry.svc:5000"
ROUTE = "default-route-openshift-image-registry.apps.cluster.example"
GB = 10**9


def plan(image: str, *sizes: int):
    files = [
        PlanFile(path=f"models/part-{number}.bin", size=size, source=Source(path=f"/model/part-{number}"))
        for number, size in enumerate(sizes or (7,))
    ]
    return make_plan(files, image, base="embedded")


@pytest.mark.parametrize("registry", [OPENSHIFT, ROUTE])
@pytest.mark.parametrize("name", ["model", "demo/team/model", "a/b/c/d"])
def test_openshifts_own_registry_has_project_and_name_only(registry: str, name: str) -> None:
    (problem,) = problems(plan(f"{registry}/{name}:1"), 0, {})
    assert isinstance(problem, ReferenceInvalid)
    assert "PROJECT/NAME" in problem.message
    assert f"`{name}`" in problem.message
    assert f"{registry}/my-project/" in problem.hint


@pytest.mark.parametrize(
    "image",
    [f"{OPENSHIFT}/demo/model:1", f"{ROUTE}/demo/model:1", "quay.io/a/b/c:1", "localhost:5000/model:1"],
)
def test_names_that_are_fine(image: str) -> None:
    assert problems(plan(image), 0, {}) == []


def test_quay_takes_layers_of_20_gb() -> None:
    image = "quay.io/me/model:1"
    assert problems(plan(image, 20 * GB - 10_000, 19 * GB), 0, {}) == []
    (problem,) = problems(plan(image, 20 * GB, 10 * GB), 0, {})
    assert isinstance(problem, LayerTooLarge)
    assert "part-0.bin" in problem.message
    assert "20,000,000,000" in problem.message
    assert LAYER_LIMIT_VARIABLE in problem.hint
    assert len(problems(plan(image, 21 * GB, 22 * GB), 0, {})) == 2


def test_other_registries_are_not_known_to_have_a_limit() -> None:
    assert problems(plan("ghcr.io/me/model:1", 500 * GB), 0, {}) == []


def test_the_limit_can_be_told() -> None:
    one, other = plan("quay.io/me/model:1", 30 * GB), plan("registry.example/me/model:1", 30 * GB)
    assert problems(one, 0, {LAYER_LIMIT_VARIABLE: str(40 * GB)}) == []
    assert problems(one, 0, {LAYER_LIMIT_VARIABLE: "0"}) == []
    assert len(problems(other, 0, {LAYER_LIMIT_VARIABLE: str(10 * GB)})) == 1
    assert len(problems(one, 0, {LAYER_LIMIT_VARIABLE: "much"})) == 1, "nonsense changes nothing"


def test_a_digest_is_no_place_for_a_new_image() -> None:
    (problem,) = problems(plan(f"quay.io/me/model@sha256:{'0' * 64}"), 0, {})
    assert isinstance(problem, ReferenceInvalid)


def test_a_layout_needs_room(tmp_path) -> None:
    layout = plan(f"oci:{tmp_path / 'not' / 'there' / 'yet'}:1")
    assert problems(layout, 1000, {}) == []
    (problem,) = problems(layout, 2**60, {})
    assert "has room for" in problem.message
    assert f"{2**60:,}" in problem.message
