"""Bodies: decoding, strictness, and the shape of lists."""

from __future__ import annotations

import json
from typing import Any

import yaml

from .resources import Resource
from .schemas import prune, unknown_fields
from .server import Request
from .shapes import wrong_type
from .status import ApiError, bad_request

Object = dict[str, Any]


def decode(request: Request) -> Object:
    """The JSON or YAML object in a request's body."""
    kind = request.headers.get("content-type", "application/json").split(";")[0].strip()
    if kind not in ("application/json", "application/yaml", "*/*", ""):
        raise ApiError(
            415,
            "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include: application/json, "
            "application/yaml, application/vnd.kubernetes.protobuf",
        )
    return load(request.body, yaml_too=kind == "application/yaml")


def load(body: bytes, *, yaml_too: bool = False) -> Any:
    try:
        return yaml.load(body, Loader=yaml.CSafeLoader) if yaml_too else json.loads(body)
    except ValueError as error:
        text = (
            "unexpected end of JSON input" if not body else "invalid character looking for beginning of value"
        )
        raise bad_request(f"couldn't get version/kind; json parse error: {text}") from error
    except yaml.YAMLError as error:
        raise bad_request(f"error converting YAML to JSON: {error}") from error


def check_kind(resource: Resource, obj: Object) -> None:
    """The kind in the body is the kind of the path."""
    if not isinstance(obj, dict):
        raise bad_request(
            "couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value"
        )
    api_version, kind = obj.get("apiVersion"), obj.get("kind")
    if resource.custom and not kind:
        raise bad_request(f"Object 'Kind' is missing in '{json.dumps(obj)[:200]}'")
    obj.setdefault("apiVersion", resource.api_version)
    obj.setdefault("kind", resource.kind)
    if api_version not in (None, resource.api_version):
        raise bad_request(
            f"the API version in the data ({api_version}) does not match the expected API version "
            f"({resource.api_version})"
        )
    if kind not in (None, resource.kind):
        raise bad_request(
            f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: no kind "{kind}" '
            f'is registered for version "{resource.api_version}" in scheme'
        )
    if not isinstance(obj.get("metadata"), dict):
        obj["metadata"] = {}


def check_fields(
    resource: Resource, shape: Object | None, obj: Object, request: Request, warnings: list[str]
) -> None:
    """Types as the decoder wants them; unknown fields: refused when Strict, reported when Warn (the default)."""
    if shape is not None and (text := wrong_type(obj, shape)):
        raise bad_request(
            f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: {text}'
        )
    known = resource.schema if shape is None else shape
    unknown = unknown_fields(obj, known)
    if shape is not None:
        prune(obj, shape)
    level = request.query.get("fieldValidation", "Warn") or "Warn"
    if level == "Ignore":
        return
    if not unknown:
        return
    if level == "Strict":
        text = ", ".join(f'unknown field "{path}"' for path in unknown)
        raise bad_request(
            f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: '
            f"strict decoding error: {text}"
        )
    warnings += [f'unknown field "{path}"' for path in unknown]


def as_version(resource: Resource, obj: Object) -> Object:
    """An object of another version of the same kind, as this version shows it."""
    if obj.get("apiVersion") == resource.api_version and obj.get("kind") == resource.kind:
        return obj
    return {**obj, "apiVersion": resource.api_version, "kind": resource.kind}


def warning_header(warnings: list[str]) -> dict[str, str]:
    quoted = [
        f'299 - "{text.replace(chr(92), chr(92) * 2).replace(chr(34), chr(92) + chr(34))}"'
        for text in warnings
    ]
    return {"Warning": ", ".join(quoted)} if quoted else {}
