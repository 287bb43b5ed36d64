"""OpenShift's own definitions of its objects, with unknown fields refused."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

_FILE = (
    Path(__file__).resolve().parents[2]
    / "shared/schemas/openshift/openshift-build-template-image-route-project-v1.definitions.json"
)


def errors(manifest: dict[str, Any]) -> list[str]:
    """What the API would find wrong with an object, as `path: message`."""
    if not _FILE.is_file():
        pytest.skip("OpenShift's definitions are not beside this checkout")
    group = manifest["apiVersion"].partition(".")[0]
    name = f"com.github.openshift.api.{group}.v1.{manifest['kind']}"
    schema = {"$ref": f"#/definitions/{name}", "definitions": _definitions()}
    return [
        f"{error.json_path}: {error.message}"
        for error in jsonschema.Draft4Validator(schema).iter_errors(manifest)
    ]


@functools.cache
def _definitions() -> dict[str, Any]:
    found = json.loads(_FILE.read_text())
    definitions = found.get("definitions", found)
    for one in definitions.values():
        if "properties" in one:
            one.setdefault("additionalProperties", False)
    return dict(definitions)
