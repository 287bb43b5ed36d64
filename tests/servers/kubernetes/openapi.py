"""OpenAPI as far as clients ask for it: which kinds there are, and that they take dryRun and fieldValidation."""

from __future__ import annotations

from typing import Any

from .resources import Catalogue

_OPTIONS = [
    {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
    for name in ("dryRun", "fieldManager", "fieldValidation")
]


def index(catalogue: Catalogue) -> dict[str, Any]:
    """`/openapi/v3`: one document for each group and version."""
    names = [_path(group, version) for group, versions in catalogue.groups().items() for version in versions]
    return {"paths": {name: {"serverRelativeURL": f"/openapi/v3/{name}?hash=0"} for name in names}}


def document(catalogue: Catalogue, name: str) -> dict[str, Any] | None:
    """`/openapi/v3/apis/GROUP/VERSION`, with the schemas of custom kinds."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for resource in catalogue:
        if _path(resource.group, resource.version) != name or not resource.stored:
            continue
        where = "/namespaces/{namespace}" if resource.namespaced else ""
        kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
        operation = {"parameters": _OPTIONS, "x-kubernetes-group-version-kind": kind}
        paths[f"/{name}{where}/{resource.plural}"] = {"post": {**operation, "x-kubernetes-action": "post"}}
        paths[f"/{name}{where}/{resource.plural}/{{name}}"] = {
            "put": {**operation, "x-kubernetes-action": "put"},
            "patch": {**operation, "x-kubernetes-action": "patch"},
        }
        title = ".".join([*reversed((resource.group or "core").split(".")), resource.version, resource.kind])
        schemas[title] = {
            **(resource.schema or {"type": "object"}),
            "x-kubernetes-group-version-kind": [kind],
        }
    if not paths:
        return None
    info = {"title": "Kubernetes", "version": "unversioned"}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}}


def _path(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"
