"""What fields core and OpenShift kinds have, from the official client's models and from OpenShift's definitions."""

from __future__ import annotations

import datetime as dt
import functools
import json
import re
import types
import typing
from pathlib import Path
from typing import Any

from .resources import Resource

Schema = dict[str, Any]

_ANY: Schema = {}
#: maps of quantities: `1` and `"1"` are both right
_QUANTITIES = {"limits", "requests", "hard", "used", "capacity", "min", "max", "default", "defaultRequest"}
_SCALARS = {
    str: "string",
    int: "integer",
    bool: "boolean",
    float: "number",
    bytes: "string",
    dt.datetime: "string",
}
_OPENSHIFT = "com.github.openshift.api."


@functools.cache
def shape_of(resource: Resource, schemas: Path | None) -> Schema | None:
    """The structure of a kind that is not custom; None where nothing is known."""
    if resource.custom or resource.kind in ("CustomResourceDefinition", "Event"):
        return None
    if resource.group.endswith(".openshift.io"):
        return _of_openshift(resource, schemas)
    from kubernetes import client

    model = getattr(client, f"{resource.version.capitalize()}{resource.kind}", None)
    return _of_model(model) if model else None


@functools.cache
def _of_model(model: Any) -> Schema:
    properties: Schema = {}
    if hasattr(model, "model_fields"):  # the client from 37 on
        for name, info in model.model_fields.items():
            alias = info.serialization_alias or info.alias or name
            properties[alias] = _of_type(info.annotation, alias)
    else:
        for name, text in model.openapi_types.items():
            alias = model.attribute_map[name]
            properties[alias] = _of_text(text, alias)
    properties.pop("metadata", None) if "kind" in properties else None
    title = re.sub(r"^V\d+((alpha|beta)\d+)?", "", model.__name__)
    return {"type": "object", "properties": properties, "title": title}


def _of_type(annotation: Any, name: str) -> Schema:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _of_type(arguments[0], name)
    if origin in (typing.Union, types.UnionType):
        known = [argument for argument in arguments if argument is not type(None)]
        return _of_type(known[0], name) if len(known) == 1 else _ANY
    if origin is list:
        return {"type": "array", "items": _of_type(arguments[0], name)}
    if origin is dict:
        value = _ANY if name in _QUANTITIES else _of_type(arguments[1], name)
        return {"type": "object", "additionalProperties": value or True}
    if hasattr(annotation, "model_fields"):
        return _of_model(annotation)
    return {"type": _SCALARS[annotation]} if annotation in _SCALARS else _ANY


def _of_text(text: str, name: str) -> Schema:
    """`list[V1Container]`, `dict(str, str)`: how older clients name types."""
    from kubernetes import client

    if found := re.fullmatch(r"list\[(.*)\]", text):
        return {"type": "array", "items": _of_text(found[1], name)}
    if found := re.fullmatch(r"dict\(str, (.*)\)", text):
        value = _ANY if name in _QUANTITIES else _of_text(found[1], name)
        return {"type": "object", "additionalProperties": value or True}
    scalar = {
        "str": "string",
        "int": "integer",
        "bool": "boolean",
        "float": "number",
        "datetime": "string",
    }.get(text)
    if scalar:
        return {"type": scalar}
    model = getattr(client, text, None)
    return _of_model(model) if model is not None and hasattr(model, "openapi_types") else _ANY


@functools.cache
def _definitions(path: Path) -> Schema:
    return dict(json.loads(path.read_text())["definitions"])


def _of_openshift(resource: Resource, schemas: Path | None) -> Schema | None:
    folder = schemas / "openshift" if schemas else None
    found = sorted(folder.glob("*.definitions.json")) if folder else []
    if not found:
        return None
    definitions = _definitions(found[0])
    group = resource.group.removesuffix(".openshift.io")
    name = f"{_OPENSHIFT}{group}.{resource.version}.{resource.kind}"
    if name not in definitions:
        return None
    shape = _resolved(definitions, definitions[name], name, ())
    shape["properties"].pop("metadata", None)
    return shape


def _resolved(definitions: Schema, schema: Schema, name: str, above: tuple[str, ...]) -> Schema:
    if "$ref" in schema:
        ref = schema["$ref"].rsplit("/", 1)[-1]
        if ref in above or ref not in definitions:
            return _ANY
        return _resolved(definitions, definitions[ref], ref, (*above, ref))
    if name.endswith(("Quantity", "IntOrString", "RawExtension", "JSON")):
        return _ANY
    made: Schema = {"type": schema["type"]} if "type" in schema else {}
    if "properties" in schema:
        made["title"] = name.rsplit(".", 1)[-1]
        made["properties"] = {
            key: _resolved(definitions, value, key, above) for key, value in schema["properties"].items()
        }
    if "items" in schema:
        made["items"] = _resolved(definitions, schema["items"], name, above)
    if isinstance(schema.get("additionalProperties"), dict):
        made["additionalProperties"] = (
            _resolved(definitions, schema["additionalProperties"], name, above) or True
        )
    return made


_GO = {"string": "string", "integer": "int32", "boolean": "bool", "number": "float64"}


def wrong_type(value: Any, shape: Schema, path: str = "", inside: str = "") -> str:
    """The decoder's words for the first value of a wrong type; "" when all are right."""
    kind = shape.get("type")
    if value is None or kind is None:
        return ""
    right = {
        "object": dict,
        "array": list,
        "string": str,
        "boolean": bool,
        "integer": int,
        "number": (int, float),
    }
    if not isinstance(value, right[kind]) or (isinstance(value, bool) and kind != "boolean"):
        wanted = _GO.get(kind) or _go_of(shape)
        struct = f"Go struct field {inside}.{path}" if inside else "Go value"
        return f"json: cannot unmarshal {_json_name(value)} into {struct} of type {wanted}"
    title = shape.get("title", inside)
    if isinstance(value, dict):
        extra = shape.get("additionalProperties")
        properties = shape.get("properties") or {}
        for name, item in value.items():
            below = properties.get(name) or (extra if isinstance(extra, dict) else {})
            if text := wrong_type(item, below, f"{path}.{name}" if path else name, title):
                return text
    if isinstance(value, list):
        for item in value:
            if text := wrong_type(item, shape.get("items") or {}, path, inside):
                return text
    return ""


def _go_of(shape: Schema) -> str:
    if shape.get("type") == "array":
        below = shape.get("items") or {}
        return f"[]{_GO.get(below.get('type', '')) or _go_of(below)}"
    if "title" in shape:
        return f"v1.{shape['title']}"
    return "map[string]string"


def _json_name(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return {str: "string", list: "array", dict: "object"}.get(type(value), "number")
