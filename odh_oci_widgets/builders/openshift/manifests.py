"""The objects of an OpenShift build: BuildConfig, ConfigMap with the plan, Secrets, ImageStream."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from odh_oci_widgets.builders.auths import INTERNAL_REGISTRY
from odh_oci_widgets.builders.containerfile import (
    DOWNLOADER,
    SECRETS_FOLDER,
    containerfile,
    local_files,
    secret_files,
)
from odh_oci_widgets.builders.marks import BUILD_LABEL, LIFETIME_LABELS, metadata
from odh_oci_widgets.oci.plan import Plan
from odh_oci_widgets.oci.reference import Reference

#: A BuildConfig must fit into one object of the cluster, with everything else it holds.
CONTAINERFILE_BYTES = 2**20 - 128 * 2**10
_MEBIBYTE = 2**20
#: Copies of the model that stand on the node at once: downloaded, copied into the image, as a layer, on its way out.
_COPIES = 4
#: What base images, the hub's client and the builder take besides, in MiB.
_ROOM = 2048


@dataclass(frozen=True, kw_only=True)
class OpenShiftSettings:
    """How the build runs."""

    #: image of the stage that downloads: `pip`, `curl`, `sha256sum` and a shell
    downloader: str = DOWNLOADER
    cpu: str = "1"
    memory: str = "2Gi"
    #: of the node's disk; None: by the model's size
    ephemeral_storage: str | None = None
    #: seconds
    deadline: int = 6 * 3600
    #: seconds, after the deadline, that a build with its log stays
    keep: int = 24 * 3600
    #: bytes of a folder of this machine that may go through the cluster's API
    upload_limit: int = 512 * _MEBIBYTE


def build_config(plan: Plan, build_id: str, settings: OpenShiftSettings, *, namespace: str, push_secret: bool,
                 verify: bool = True) -> dict[str, Any]:  # fmt: skip
    """The BuildConfig. Raises PlanInvalid for what OpenShift cannot build."""
    text = containerfile(plan, downloader=settings.downloader, verify=verify)
    files = local_files(plan)
    docker: dict[str, Any] = {
        "imageOptimizationPolicy": "SkipLayers",
    }
    if secret_files(plan, {}):
        docker["volumes"] = [
            {
                "name": "odh-oci",
                "source": {"type": "Secret", "secret": {"secretName": build_id, "optional": True}},
                "mounts": [{"destinationPath": SECRETS_FOLDER}],
            }
        ]
    output: dict[str, Any] = {"to": output_of(plan, namespace)}
    if push_secret:
        docker["pullSecret"] = output["pushSecret"] = {"name": push_secret_name(build_id)}
    storage = settings.ephemeral_storage or f"{_ROOM + _COPIES * _mebibytes(plan)}Mi"
    os_name, _, architecture = plan.platforms[0].partition("/")
    return {
        "apiVersion": "build.openshift.io/v1",
        "kind": "BuildConfig",
        "metadata": metadata(plan, build_id),
        "spec": {
            "runPolicy": "Serial",
            "successfulBuildsHistoryLimit": 1,
            "failedBuildsHistoryLimit": 1,
            "completionDeadlineSeconds": settings.deadline,
            # With files of this machine the Containerfile comes with them.
            "source": {"type": "Binary", "binary": {}}
            if files
            else {"type": "Dockerfile", "dockerfile": text},
            "strategy": {"type": "Docker", "dockerStrategy": docker},
            "output": output,
            "mountTrustedCA": True,
            "nodeSelector": {
                "kubernetes.io/os": os_name,
                "kubernetes.io/arch": architecture.partition("/")[0],
            },
            "resources": {
                "requests": {
                    "cpu": settings.cpu,
                    "memory": settings.memory,
                    "ephemeral-storage": storage,
                },
                "limits": {"memory": settings.memory},
            },
        },
    }


def lifetime(plan: Plan, build_id: str, settings: OpenShiftSettings) -> dict[str, Any]:
    """A Job that makes no pod, is done at once, and goes after its time with all that it owns.

    No completions are wanted, so that the cluster's Job controller finds them reached, whatever the pod would be.
    """
    container = {
        "name": "none",
        "image": settings.downloader,
        "command": ["true"],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    pod = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    marks = metadata(plan, build_id)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": marks | {"labels": LIFETIME_LABELS | {BUILD_LABEL: build_id}},
        "spec": {
            "completions": 0,
            "parallelism": 0,
            "ttlSecondsAfterFinished": settings.deadline + settings.keep,
            "template": {"spec": pod},
        },
    }


def output_of(plan: Plan, namespace: str) -> dict[str, str]:
    """Where the image goes: a tag of an ImageStream for the internal registry, else the registry's own name."""
    reference = Reference.parse(plan.image)
    project, _, name = reference.repository.partition("/")
    if not is_internal(reference) or not name or "/" in name:
        return {"kind": "DockerImage", "name": str(reference)}
    made = {"kind": "ImageStreamTag", "name": f"{name}:{reference.tag or 'latest'}"}
    return made if project == namespace else made | {"namespace": project}


def is_internal(reference: Reference) -> bool:
    """Whether the image is in the registry of the cluster."""
    return reference.registry.partition(":")[0].startswith(INTERNAL_REGISTRY)


def image_stream(plan: Plan, namespace: str) -> dict[str, Any] | None:
    """The ImageStream that the image's tag stands in; None where there is none to make. It outlives the build."""
    to = output_of(plan, namespace)
    if to["kind"] != "ImageStreamTag" or "namespace" in to:
        return None
    name = to["name"].partition(":")[0]
    return {
        "apiVersion": "image.openshift.io/v1",
        "kind": "ImageStream",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": "odh-oci-widgets"}},
        "spec": {"lookupPolicy": {"local": False}},
    }


def secrets(
    plan: Plan, build_id: str, auths: Mapping[str, Any], given: Mapping[str, str], owner: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """All that is secret: what the steps read, and the registries' credentials."""
    made = []
    files = secret_files(plan, given)
    if files:
        made.append(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "type": "Opaque",
                "metadata": metadata(plan, build_id, owner),
                "stringData": dict(files),
            }
        )
    if auths:
        made.append(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "type": "kubernetes.io/dockerconfigjson",
                "metadata": metadata(plan, build_id, owner) | {"name": push_secret_name(build_id)},
                "stringData": {".dockerconfigjson": json.dumps({"auths": auths})},
            }
        )
    return made


def push_secret_name(build_id: str) -> str:
    """Name of the Secret with the registries' credentials."""
    return f"{build_id}-push"


def config_map(plan: Plan, build_id: str, owner: Mapping[str, Any]) -> dict[str, Any]:
    """The plan, by which another kernel knows what is built; without signatures of addresses."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(plan, build_id, owner),
        "data": {"plan.json": _unsigned(plan).to_json()},
    }


def _unsigned(plan: Plan) -> Plan:
    layers = tuple(
        dataclasses.replace(
            layer,
            files=tuple(
                dataclasses.replace(
                    file,
                    source=dataclasses.replace(file.source, url=file.source.url.partition("?")[0]),
                )
                if file.source.url
                else file
                for file in layer.files
            ),
        )
        for layer in plan.layers
    )
    return dataclasses.replace(plan, layers=layers)


def _mebibytes(plan: Plan) -> int:
    size = sum(file.size for layer in plan.layers for file in layer.files)
    return -(-size // _MEBIBYTE)
