"""The JSON Schema of a plan, made from the dataclasses."""

from __future__ import annotations

import dataclasses
import inspect
import json
import types
from collections.abc import Mapping
from typing import Any, get_args, get_origin, get_type_hints

from odh_oci_widgets.oci.plan import MAX_MODEL_LAYERS, Plan, PlanFile, PlanLayer, Source

from .source import comments
from .words import about, fenced, page, table

#: What the types do not say, and `checked()` refuses: (class, field) -> more of the schema.
_BOUNDS: dict[tuple[type, str], dict[str, Any]] = {
    (Plan, "version"): {"const": 1},
    (Plan, "layers"): {"minItems": 1, "maxItems": MAX_MODEL_LAYERS},
    (Plan, "platforms"): {
        "minItems": 1,
        "uniqueItems": True,
        "items": {"type": "string", "pattern": "^[a-z0-9]+(/[a-z0-9_]+){1,2}$"},
    },
    (PlanFile, "path"): {"pattern": r"^models(/(?!\.{1,2}(/|$))(?!\.wh\.)[^/\u0000]+)+$"},
    (PlanFile, "size"): {"minimum": 0},
    (PlanFile, "sha256"): {"pattern": "^[0-9a-fA-F]{64}$"},
    (PlanFile, "git_oid"): {"pattern": "^[0-9a-fA-F]{40}$"},
}
_PLAIN = {str: "string", int: "integer", bool: "boolean", float: "number", types.NoneType: "null"}


def schema() -> dict[str, Any]:
    """The schema, with one definition for each class of a plan."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A plan of ODH OCI Widgets",
        **_of_class(Plan),
        "$defs": {cls.__name__: _of_class(cls) for cls in (PlanLayer, PlanFile, Source)},
    }


def pages() -> dict[str, str]:
    """Path -> page, and the schema beside it."""
    parts = [
        about(inspect.getmodule(Plan)),
        (
            "`odh-oci build MODEL IMAGE --plan-only --json`, `plan.to_json()` and “Show code” give one; "
            "`Plan.from_json(text)` reads "
            "it. The [JSON Schema](plan.schema.json) is made from the code, too, and refuses what the "
            "engine refuses, except what "
            "needs more than one place of the plan to see: a path that stands in it twice."
        ),
    ]
    for cls in (Plan, PlanLayer, PlanFile, Source):
        parts += [f"## {cls.__name__}", about(cls), _fields(cls)]
    parts += ["## An example", fenced(json.dumps(json.loads(_example().to_json()), indent=2), "json")]
    return {
        "reference/plan.md": page("Plan", *parts),
        "reference/plan.schema.json": json.dumps(schema(), indent=2),
    }


def _example() -> Plan:
    file = PlanFile(
        path="models/1/model.onnx",
        size=13964571,
        source=Source(url="https://models.example/mobilenetv2-7.onnx"),
    )
    return Plan(image="quay.io/me/mobilenet:1", layers=(PlanLayer(files=(file,)),), base="embedded")


def _of_class(cls: type) -> dict[str, Any]:
    hints, known = get_type_hints(cls), comments(cls)
    fields = dataclasses.fields(cls)
    made: dict[str, Any] = {
        "type": "object",
        "description": " ".join(about(cls).split()),
        "properties": {
            one.name: _of_type(hints[one.name])
            | ({"description": known[one.name]} if one.name in known else {})
            | _BOUNDS.get((cls, one.name), {})
            for one in fields
        },
        "required": [one.name for one in fields if _must(one)],
        "additionalProperties": False,
    }
    if cls is Source:
        made["oneOf"] = [
            {"required": [name], "properties": {name: {"type": "string"}, other: {"type": "null"}}}
            for name, other in (("path", "url"), ("url", "path"))
        ]
    return made


def _of_type(hint: Any) -> dict[str, Any]:
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    if dataclasses.is_dataclass(hint):
        return {"$ref": f"#/$defs/{hint.__name__}"}
    arguments = get_args(hint)
    if get_origin(hint) is tuple:
        return {"type": "array", "items": _of_type(arguments[0])}
    if get_origin(hint) is Mapping:
        return {"type": "object", "additionalProperties": _of_type(arguments[1])}
    if isinstance(hint, types.UnionType):
        return {"type": [_PLAIN[one] for one in arguments]}
    raise TypeError(hint)  # a new kind of field: say here what it is in JSON


def _must(one: dataclasses.Field[Any]) -> bool:
    return one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING


def _fields(cls: type) -> str:
    known = comments(cls)
    rows = []
    for one in dataclasses.fields(cls):
        default = (
            "must be there"
            if _must(one)
            else "`{}`"
            if one.default is dataclasses.MISSING
            else f"`{json.dumps(one.default)}`"
        )
        rows.append((f"`{one.name}`", f"`{one.type}`".replace("|", "or"), default, known.get(one.name, "")))
    return table(("field", "type", "default", "is"), rows)
