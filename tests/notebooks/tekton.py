"""Tekton's Task as a custom resource, strict: of its fields those that the tutorial may use, and no others."""

from __future__ import annotations

from typing import Any

_TEXT = {"type": "string"}
_ANY = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def _list_of(required: tuple[str, ...] = ("name",), **fields: Any) -> dict[str, Any]:
    item = {"type": "object", "required": list(required), "properties": {"name": _TEXT, **fields}}
    return {"type": "array", "items": item}


_STEPS = _list_of(
    image=_TEXT,
    script=_TEXT,
    command={"type": "array", "items": _TEXT},
    args={"type": "array", "items": _TEXT},
    env=_list_of(value=_TEXT, valueFrom=_ANY),
    computeResources=_ANY,
    securityContext=_ANY,
    volumeMounts=_list_of(("name", "mountPath"), mountPath=_TEXT, readOnly={"type": "boolean"}),
    workingDir=_TEXT,
)
_SPEC = {
    "type": "object",
    "required": ["steps"],
    "properties": {
        "description": _TEXT,
        "params": _list_of(
            type={"type": "string", "enum": ["string", "array", "object"]}, description=_TEXT, default=_TEXT
        ),
        "results": _list_of(type=_TEXT, description=_TEXT),
        "steps": _STEPS,
        "volumes": _list_of(configMap=_ANY, secret=_ANY, emptyDir=_ANY),
        "workspaces": _list_of(description=_TEXT, mountPath=_TEXT),
    },
}
_SCHEMA = {"type": "object", "properties": {"spec": _SPEC}}

TASKS: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "tasks.tekton.dev"},
    "spec": {
        "group": "tekton.dev",
        "scope": "Namespaced",
        "names": {"plural": "tasks", "singular": "task", "kind": "Task", "listKind": "TaskList"},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": _SCHEMA}}],
    },
}
