"""The JSON Schema of a plan takes real plans, and refuses what the engine refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from odh_oci_widgets.builders import plan_image
from odh_oci_widgets.oci import Plan, PlanFile, PlanInvalid, Source, make_plan
from tests.documentation import plan_schema
from tests.onnx_models import linear

SCHEMA = jsonschema.Draft202012Validator(plan_schema.schema())
Change = Callable[[dict[str, Any]], Any]


@pytest.fixture
def real(tmp_path) -> dict[str, Any]:
    """The plan of a model on this disk, as JSON."""
    model = linear(tmp_path / "iris.onnx", 4, 3)
    return json.loads(plan_image(str(model), "quay.io/me/iris:1").to_json())


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(plan_schema.schema())
    assert json.loads(plan_schema.pages()["reference/plan.schema.json"]) == plan_schema.schema()


def test_real_plans_are_valid(real):
    SCHEMA.validate(real)
    web = PlanFile(
        path="models/model.safetensors",
        size=7,
        source=Source(url="https://hub.example/m", auth="hf"),
        sha256="a" * 64,
    )
    plan = make_plan([web], "oci:here", base="embedded", insecure=("r.test:5000",), like=("r.test/m:1",))
    SCHEMA.validate(json.loads(plan.to_json()))


def file(plan: dict[str, Any]) -> dict[str, Any]:
    return plan["layers"][0]["files"][0]


WRONG: dict[str, Change] = {
    "no layers": lambda plan: plan.update(layers=[]),
    "no image": lambda plan: plan.pop("image"),
    "a field that is none": lambda plan: plan.update(password="secret"),
    "no platform": lambda plan: plan.update(platforms=[]),
    "half a platform": lambda plan: plan.update(base="scratch", platforms=["amd64"]),
    "two platforms in one": lambda plan: plan.update(platforms=["linux/amd64,linux/arm64"]),
    "a platform twice": lambda plan: plan.update(platforms=["linux/amd64", "linux/amd64"]),
    "a path outside models": lambda plan: file(plan).update(path="etc/passwd"),
    "a path that climbs": lambda plan: file(plan).update(path="models/../etc/passwd"),
    "a path that deletes": lambda plan: file(plan).update(path="models/.wh.config.json"),
    "models itself": lambda plan: file(plan).update(path="models"),
    "an empty part": lambda plan: file(plan).update(path="models//x"),
    "a negative size": lambda plan: file(plan).update(size=-1),
    "a short hash": lambda plan: file(plan).update(sha256="abc"),
    "a git id that is none": lambda plan: file(plan).update(git_oid="g" * 40),
    "no source": lambda plan: file(plan).update(source={}),
    "two sources": lambda plan: file(plan).update(source={"path": "/a", "url": "https://b"}),
    "too many layers": lambda plan: plan.update(
        layers=[{"files": [{**file(plan), "path": f"models/{number}"}]} for number in range(101)]
    ),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_wrong_plans_are_refused_by_schema_and_engine(real, change):
    change(real)
    assert not SCHEMA.is_valid(real)
    with pytest.raises(PlanInvalid):
        Plan.from_json(json.dumps(real))
