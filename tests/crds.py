"""KServe's own schemas as strict JSON Schema: an unknown field is an error, as it is for `kubectl --validate=strict`.

From `../shared/schemas/kserve-crds` beside the checkout; a small extract stands in where that folder is not.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import jsonschema

from tests.servers.kubernetes.custom import read_definition

_FOLDER = Path(__file__).resolve().parents[2] / "shared" / "schemas" / "kserve-crds"
_MAP = {"type": "object", "additionalProperties": {"type": "string"}}
_RESOURCES = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"requests": {"type": "object"}, "limits": {"type": "object"}},
}
_EXTRACT = {
    "ServingRuntime": {
        "type": "object",
        "properties": {
            "annotations": _MAP,
            "multiModel": {"type": "boolean"},
            "protocolVersions": {"type": "array", "items": {"type": "string"}},
            "supportedModelFormats": {"type": "array"},
            "containers": {"type": "array"},
        },
    },
    "InferenceService": {
        "type": "object",
        "required": ["predictor"],
        "properties": {
            "predictor": {
                "type": "object",
                "properties": {
                    "minReplicas": {"type": "integer"},
                    "maxReplicas": {"type": "integer"},
                    "imagePullSecrets": {"type": "array"},
                    "tolerations": {"type": "array"},
                    "deploymentStrategy": {"type": "object"},
                    "model": {
                        "type": "object",
                        "properties": {
                            "runtime": {"type": "string"},
                            "modelFormat": {"type": "object"},
                            "storageUri": {"type": "string"},
                            "args": {"type": "array", "items": {"type": "string"}},
                            "resources": _RESOURCES,
                        },
                    },
                },
            }
        },
    },
}


def errors(manifest: dict[str, Any]) -> list[str]:
    """What KServe would find wrong with an object, as `path: message`."""
    group, _, version = manifest["apiVersion"].partition("/")
    assert group == "serving.kserve.io"
    schema = _schema(manifest["kind"], version)
    return [
        f"{error.json_path}: {error.message}"
        for error in jsonschema.Draft7Validator(schema).iter_errors(manifest)
    ]


@functools.cache
def _schema(kind: str, version: str) -> dict[str, Any]:
    root = {
        "type": "object",
        "properties": {"apiVersion": {}, "kind": {}, "metadata": {"type": "object"}, "spec": _EXTRACT[kind]},
    }
    if _FOLDER.is_dir():
        crd = read_definition(_FOLDER / f"serving.kserve.io_{kind.lower()}s.yaml")
        root = next(v for v in crd["spec"]["versions"] if v["name"] == version)["schema"]["openAPIV3Schema"]
        root["properties"]["metadata"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return _strict(root)


def _strict(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    properties = schema.get("properties")
    # a field may be called `properties` or `format`: the map of fields is no schema itself
    made = {key: _strict(value) for key, value in schema.items() if key not in {"properties", "format"}}
    if made.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
    if isinstance(properties, dict):
        made["properties"] = {key: _strict(value) for key, value in properties.items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            made.setdefault("additionalProperties", False)
    return made
