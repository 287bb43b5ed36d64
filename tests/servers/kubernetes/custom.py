"""Custom kinds: KServe's and Open Data Hub's definitions, from the shared folder or trimmed ones of our own."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import yaml

from .resources import Catalogue, Resource

Object = dict[str, Any]

_ANY = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_STRING = {"type": "string"}
_INTEGER = {"type": "integer"}
_STRINGS = {"type": "array", "items": _STRING}
_STRING_MAP = {"type": "object", "additionalProperties": _STRING}
_QUANTITIES = {"type": "object", "additionalProperties": {"x-kubernetes-int-or-string": True}}


def _object(required: list[str] | None = None, **properties: Any) -> Object:
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def _array(items: Object, *keys: str) -> Object:
    kind = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)} if keys else {}
    return {"type": "array", "items": items, **kind}


def _named(**more: Any) -> Object:
    return _object(["name"], name=_STRING, **more)


_RESOURCES = _object(limits=_QUANTITIES, requests=_QUANTITIES, claims=_array(_ANY, "name"))
_ENV = _array(_named(value=_STRING, valueFrom=_ANY), "name")
_PORTS = _array(
    _object(["containerPort"], containerPort=_INTEGER, name=_STRING, hostPort=_INTEGER, hostIP=_STRING,
            protocol={"type": "string", "default": "TCP"}), "containerPort", "protocol",
)  # fmt: skip
_CONTAINER = {
    "name": _STRING, "image": _STRING, "command": _STRINGS, "args": _STRINGS, "env": _ENV, "ports": _PORTS,
    "resources": _RESOURCES, "volumeMounts": _array(_ANY), "imagePullPolicy": _STRING, "workingDir": _STRING,
    "livenessProbe": _ANY, "readinessProbe": _ANY, "startupProbe": _ANY, "securityContext": _ANY, "envFrom": _array(_ANY),
    "lifecycle": _ANY, "terminationMessagePath": _STRING, "terminationMessagePolicy": _STRING,
}  # fmt: skip
_POD = {
    "imagePullSecrets": _array(_named() | {"x-kubernetes-map-type": "atomic"}, "name"),
    "nodeSelector": _STRING_MAP | {"x-kubernetes-map-type": "atomic"}, "tolerations": _array(_ANY),
    "serviceAccountName": _STRING, "volumes": _array(_ANY), "affinity": _ANY, "securityContext": _ANY,
    "automountServiceAccountToken": {"type": "boolean"}, "containers": _array(_object(**_CONTAINER)),
    "initContainers": _array(_object(**_CONTAINER)), "hostIPC": {"type": "boolean"}, "priorityClassName": _STRING,
}  # fmt: skip
_FORMAT = _object(["name"], name=_STRING, version=_STRING, autoSelect={"type": "boolean"}, priority=_INTEGER)
_MODEL = _object(
    modelFormat=_object(["name"], name=_STRING, version=_STRING), runtime=_STRING, storageUri=_STRING,
    protocolVersion=_STRING, storage=_ANY, **_CONTAINER,
)  # fmt: skip
_PREDICTOR = _object(
    minReplicas=_INTEGER, maxReplicas=_INTEGER, model=_MODEL, timeout={"type": "integer", "format": "int64"},
    deploymentStrategy=_ANY, labels=_STRING_MAP, annotations=_STRING_MAP, storageUris=_array(_ANY), scaleTarget=_INTEGER,
    scaleMetric=_STRING, autoScaling=_ANY, workerSpec=_ANY, **_POD,
)  # fmt: skip
_ISVC = _object(
    spec=_object(["predictor"], predictor=_PREDICTOR, transformer=_ANY, explainer=_ANY), status=_ANY
)
_RUNTIME = _object(
    spec=_object(
        ["containers"], multiModel={"type": "boolean"}, disabled={"type": "boolean"}, supportedModelFormats=_array(_FORMAT),
        protocolVersions=_STRINGS, annotations=_STRING_MAP, labels=_STRING_MAP, workerSpec=_ANY, builtInAdapter=_ANY,
        **_POD,
    )
)  # fmt: skip
_HARDWARE_PROFILE = _object(
    spec=_object(
        identifiers=_array(_object(
            ["displayName", "identifier", "minCount", "defaultCount"], displayName=_STRING, identifier=_STRING,
            minCount={"x-kubernetes-int-or-string": True}, maxCount={"x-kubernetes-int-or-string": True},
            defaultCount={"x-kubernetes-int-or-string": True}, resourceType=_STRING,
        )),
        scheduling=_object(["type"], type={"type": "string", "enum": ["Queue", "Node"]},
                           kueue=_object(localQueueName=_STRING, priorityClass=_STRING),
                           node=_object(nodeSelector=_STRING_MAP, tolerations=_array(_ANY))),
    )
)  # fmt: skip
_DASHBOARD_CONFIG = _object(
    spec=_object(dashboardConfig=_ANY, templateOrder=_STRINGS, templateDisablement=_STRINGS, modelServerSizes=_array(_ANY),
                 notebookController=_ANY, hardwareProfileOrder=_STRINGS, modelServing=_ANY, genAiStudioConfig=_ANY),
)  # fmt: skip

KSERVE_GROUP = "serving.kserve.io"

#: what stands in for the shared folder: (group, version, plural, kind, namespaced, schema)
_OWN = (
    (KSERVE_GROUP, "v1beta1", "inferenceservices", "InferenceService", True, _ISVC),
    (KSERVE_GROUP, "v1alpha1", "servingruntimes", "ServingRuntime", True, _RUNTIME),
    (KSERVE_GROUP, "v1alpha1", "clusterservingruntimes", "ClusterServingRuntime", False, _RUNTIME),
)
#: too large to load at every start; only listed by what is tested
_LLM = tuple(
    (
        KSERVE_GROUP,
        version,
        "llminferenceservices",
        "LLMInferenceService",
        True,
        _object(spec=_ANY, status=_ANY),
    )
    for version in ("v1alpha1", "v1alpha2")
)
_ODH = (
    ("infrastructure.opendatahub.io", "v1", "hardwareprofiles", "HardwareProfile", True, _HARDWARE_PROFILE),
    ("opendatahub.io", "v1alpha", "odhdashboardconfigs", "OdhDashboardConfig", True, _DASHBOARD_CONFIG),
)
_SHORT = {"inferenceservices": ("isvc",), "llminferenceservices": ("llmisvc",)}


def _resource(group: str, version: str, plural: str, kind: str, namespaced: bool, schema: Object) -> Resource:
    status = ("status",) if plural in ("inferenceservices", "llminferenceservices") else ()
    return Resource(group, version, plural, kind, namespaced, subresources=status, short=_SHORT.get(plural, ()),
                    generation=True, custom=True, schema=schema)  # fmt: skip


def resources_of(definition: Object) -> list[Resource]:
    """The kinds that a CustomResourceDefinition offers, one for each served version."""
    spec = definition["spec"]
    names = spec["names"]
    return [
        Resource(
            spec["group"],
            version["name"],
            names["plural"],
            names["kind"],
            spec["scope"] == "Namespaced",
            subresources=tuple(version.get("subresources") or ()),
            short=tuple(names.get("shortNames") or ()),
            generation=True,
            custom=True,
            schema=version["schema"]["openAPIV3Schema"],
        )
        for version in spec["versions"]
        if version.get("served", True)
    ]


@functools.cache
def _load(folder: Path) -> tuple[Resource, ...]:
    found: list[Resource] = []
    for plural in ("inferenceservices", "servingruntimes", "clusterservingruntimes"):
        found += resources_of(read_definition(folder / f"{KSERVE_GROUP}_{plural}.yaml"))
    return tuple(found)


def read_definition(path: Path) -> Object:
    """A definition from its YAML, kept as JSON beside the temporary files: two megabytes of YAML take a second."""
    state = path.stat()
    kept = (
        Path(tempfile.gettempdir()) / f"{path.stem}-{os.getuid()}-{state.st_size}-{int(state.st_mtime)}.json"
    )
    with contextlib.suppress(OSError, ValueError):
        return dict(json.loads(kept.read_text()))
    with path.open("rb") as file:
        definition: Object = yaml.load(file, Loader=yaml.CSafeLoader)
    draft = kept.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps(definition))
    draft.replace(kept)
    return definition


def add_custom(catalogue: Catalogue, *, schemas: Path | None, kserve: bool, odh: bool) -> None:
    """KServe's kinds (the real definitions where `schemas` has them) and Open Data Hub's."""
    folder = schemas / "kserve-crds" if schemas else None
    found: list[Resource] = []
    if kserve:
        real = _load(folder) if folder and folder.is_dir() else None
        found += real or [_resource(*entry) for entry in _OWN]
        found += [_resource(*entry) for entry in _LLM]
    if odh:
        found += [_resource(*entry) for entry in _ODH]
    for resource in found:
        catalogue.add(resource)


def follow_definition(catalogue: Catalogue, definition: Object, change: str) -> None:
    """A CustomResourceDefinition came, changed or went."""
    for resource in resources_of(definition):
        if change == "DELETED":
            catalogue.remove(resource.group, resource.version, resource.plural)
        else:
            catalogue.add(resource)
