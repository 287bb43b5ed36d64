"""Structural schemas of custom resources: unknown fields, pruning, defaults, types."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

from .status import FieldError, required

Schema = dict[str, Any]
_TYPES = {
    "object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float),
}  # fmt: skip
#: the root of every object, whatever its schema says of it
_ROOT = {"apiVersion", "kind", "metadata"}
_META = {
    "name", "generateName", "namespace", "labels", "annotations", "ownerReferences", "finalizers", "managedFields", "uid",
    "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink",
}  # fmt: skip


def unknown_fields(obj: dict[str, Any], schema: Schema | None) -> list[str]:
    """Paths of fields that the schema does not declare (a custom resource's), or that metadata does not have."""
    found = [f"metadata.{name}" for name in obj.get("metadata") or {} if name not in _META]
    if schema is not None:
        for name, value in obj.items():
            if name in _ROOT:
                continue
            if name not in schema.get("properties", {}):
                if not schema.get("x-kubernetes-preserve-unknown-fields"):
                    found.append(name)
            else:
                found += _unknown(value, schema["properties"][name], name)
    return sorted(found)


def _unknown(value: Any, schema: Schema, path: str) -> list[str]:
    if isinstance(value, list):
        items = schema.get("items") or {}
        return [p for i, item in enumerate(value) for p in _unknown(item, items, f"{path}[{i}]")]
    if not isinstance(value, dict):
        return []
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        return [p for name, item in value.items() for p in _unknown(item, extra, f"{path}.{name}")]
    if extra or schema.get("type") != "object":
        return []
    properties = schema.get("properties") or {}
    keep = schema.get("x-kubernetes-preserve-unknown-fields")
    found = []
    for name, item in value.items():
        if name in properties:
            found += _unknown(item, properties[name], f"{path}.{name}")
        elif not keep:
            found.append(f"{path}.{name}")
    return found


def prune(obj: dict[str, Any], schema: Schema) -> None:
    """Drop undeclared fields, as a server does without a word when nobody asked for strictness."""
    for path in unknown_fields({k: v for k, v in obj.items() if k != "metadata"}, schema):
        node, last = _parent(obj, path)
        if isinstance(node, dict):
            node.pop(last, None)


def _parent(obj: Any, path: str) -> tuple[Any, str]:
    """Walk a path of `unknown_fields`; names with dots in them are found by trying the longest first."""
    node, rest = obj, path
    while True:
        if isinstance(node, list):
            index, rest = rest[1:].split("]", 1)
            node, rest = node[int(index)], rest.lstrip(".")
            continue
        if rest in node:
            return node, rest
        name = next(n for n in sorted(node, key=len, reverse=True) if rest.startswith((f"{n}.", f"{n}[")))
        node, rest = node[name], rest[len(name) :]
        rest = rest.removeprefix(".")


def apply_defaults(value: Any, schema: Schema) -> None:
    if isinstance(value, dict):
        for name, below in (schema.get("properties") or {}).items():
            if name not in value and "default" in below:
                value[name] = copy.deepcopy(below["default"])
            if name in value and name != "metadata":
                apply_defaults(value[name], below)
        extra = schema.get("additionalProperties")
        if isinstance(extra, dict):
            for item in value.values():
                apply_defaults(item, extra)
    elif isinstance(value, list):
        for item in value:
            apply_defaults(item, schema.get("items") or {})


def errors(obj: dict[str, Any], schema: Schema) -> list[FieldError]:
    """What the schema refuses, in the words of a server."""
    found = [required(name) for name in schema.get("required") or [] if name not in obj]
    for name, below in (schema.get("properties") or {}).items():
        if name in obj and name not in _ROOT:
            found += _errors(obj[name], below, name)
    return found


def _type_name(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return next(name for name, kind in _TYPES.items() if isinstance(value, kind))


def _errors(value: Any, schema: Schema, path: str) -> list[FieldError]:
    if value is None and schema.get("nullable"):
        return []
    if schema.get("x-kubernetes-int-or-string"):
        ok = isinstance(value, int | str) and not isinstance(value, bool)
        pattern = schema.get("pattern")
        if ok and isinstance(value, str) and pattern and not re.search(pattern, value):
            return [_invalid(path, value, f"should match '{pattern}'")]
        return [] if ok else [_wrong_type(path, value, "integer,string")]
    kind = schema.get("type")
    right = kind is None or (
        isinstance(value, _TYPES[kind]) and not (isinstance(value, bool) and kind in ("integer", "number"))
    )
    if not right:
        return [_wrong_type(path, value, kind)]
    found: list[FieldError] = []
    if isinstance(value, dict):
        properties = schema.get("properties") or {}
        found += [required(f"{path}.{name}") for name in schema.get("required") or [] if name not in value]
        extra = schema.get("additionalProperties")
        for name, item in value.items():
            below = properties.get(name) or (extra if isinstance(extra, dict) else None)
            if below:
                found += _errors(item, below, f"{path}.{name}")
    elif isinstance(value, list):
        for i, item in enumerate(value):
            found += _errors(item, schema.get("items") or {}, f"{path}[{i}]")
        found += _duplicates(value, schema, path)
    elif "enum" in schema and value not in schema["enum"]:
        options = ", ".join(json.dumps(option) for option in schema["enum"])
        found.append(FieldError(path, f"Unsupported value: {json.dumps(value)}: supported values: {options}",
                                "FieldValueNotSupported"))  # fmt: skip
    elif isinstance(value, str) and schema.get("pattern") and not re.search(schema["pattern"], value):
        found.append(_invalid(path, value, f"{path} in body should match '{schema['pattern']}'"))
    elif isinstance(value, int | float) and value < schema.get("minimum", value):
        minimum = schema["minimum"]
        found.append(_invalid(path, value, f"{path} in body should be greater than or equal to {minimum}"))
    return found


def _duplicates(value: list[Any], schema: Schema, path: str) -> list[FieldError]:
    keys = schema.get("x-kubernetes-list-map-keys") or []
    seen: list[Any] = []
    found = []
    for i, item in enumerate(value):
        if keys and isinstance(item, dict):
            key = {name: item.get(name) for name in keys}
            if key in seen:
                shown = json.dumps(key, separators=(",", ":"))
                found.append(FieldError(f"{path}[{i}]", f"Duplicate value: {shown}", "FieldValueDuplicate"))
            seen.append(key)
    return found


def _wrong_type(path: str, value: Any, kind: str) -> FieldError:
    got = _type_name(value)
    text = f'Invalid value: "{got}": {path} in body must be of type {kind}: "{got}"'
    return FieldError(path, text, "FieldValueTypeInvalid")


def _invalid(path: str, value: Any, why: str) -> FieldError:
    return FieldError(path, f"Invalid value: {json.dumps(value)}: {why}")
