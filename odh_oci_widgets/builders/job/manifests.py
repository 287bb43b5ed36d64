"""The objects of a build in the project: a Job, a ConfigMap with plan and engine, a Secret with credentials."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from odh_oci_widgets.builders.errors import PlanTooLarge
from odh_oci_widgets.builders.marks import metadata
from odh_oci_widgets.oci import engine_zip
from odh_oci_widgets.oci.plan import Plan

from .workbench import PROXY_VARIABLES, Folders, Workbench

#: Runs the engine outside a workbench.
DEFAULT_IMAGE = "registry.access.redhat.com/ubi9/python-312:latest"
CONTAINER = "engine"

#: What a ConfigMap may hold, with some room for its metadata; binary data counts as it is, not in base64
#: (ValidateConfigMap of Kubernetes).
CONFIG_MAP_BYTES = 2**20 - 16 * 2**10
#: The engine's exit statuses for a failure that the same plan would meet again.
EXITS_FAILED = [1, 2]

_PLAN, _ENGINE, _BASE = "plan.json", "odh-oci-engine.pyz", "base"
_INPUT = "/opt/odh-oci/input"
_SECRETS = "/opt/odh-oci/secrets"
#: What is written there stands in the pod's status, and needs no log: the default path of every container.
_RESULT = "/dev/termination-log"
#: Where the engine looks for the cluster's certificates; no token is mounted there.
_CLUSTER_TRUST = "/var/run/secrets/kubernetes.io/serviceaccount"


@dataclass(frozen=True, kw_only=True)
class JobSettings:
    """How the Job runs. `image` None: the workbench's own, outside of one `DEFAULT_IMAGE`."""

    image: str | None = None
    cpu: str = "1"
    memory: str = "256Mi"
    #: seconds, over all attempts
    deadline: int = 6 * 3600
    #: attempts after the first, when a pod is evicted or killed
    retries: int = 3
    #: seconds that a finished Job with its log stays
    keep: int = 24 * 3600
    verify: bool = True


def job(
    plan: Plan,
    build_id: str,
    settings: JobSettings,
    folders: Folders,
    workbench: Workbench | None,
    base: Mapping[str, bytes],
) -> dict[str, Any]:
    """The Job. It has no service account token, no privilege, a read-only root and no storage of its own.

    `base`: small files of the layout that stands for the plan's base, by their paths in it.
    """
    files = {_PLAN: _PLAN, _ENGINE: _ENGINE} | {_key(path): f"{_BASE}/{path}" for path in base}
    items = [{"key": key, "path": path} for key, path in files.items()]
    volumes: list[Mapping[str, Any]] = [
        {"name": "input", "configMap": {"name": build_id, "items": items}},
        {"name": "credentials", "secret": {"secretName": build_id, "defaultMode": 0o440}},
        {"name": "cluster-trust", "projected": {"sources": _CLUSTER_TRUST_SOURCES}},
        *folders.volumes,
    ]
    mounts: list[Mapping[str, Any]] = [
        {"name": "input", "mountPath": _INPUT, "readOnly": True},
        {"name": "credentials", "mountPath": _SECRETS, "readOnly": True},
        {"name": "cluster-trust", "mountPath": _CLUSTER_TRUST, "readOnly": True},
        *folders.mounts,
    ]
    environment: list[dict[str, Any]] = [
        {"name": "PYTHONDONTWRITEBYTECODE", "value": "1"},
        {"name": "PYTHONUNBUFFERED", "value": "1"},
        {"name": "REGISTRY_AUTH_FILE", "value": f"{_SECRETS}/auth.json"},
        {"name": "ODH_OCI_S3", "value": f"{_SECRETS}/s3.json"},
        {"name": "ODH_OCI_RESULT", "value": _RESULT},
        *([{"name": "ODH_OCI_BASE", "value": f"{_INPUT}/{_BASE}"}] if base else []),
    ]
    if workbench and (trust := workbench.trust):
        file, mount, volume = trust
        environment.append({"name": "SSL_CERT_FILE", "value": file})
        if mount["mountPath"] not in {one["mountPath"] for one in mounts}:
            mounts.append({**mount, "readOnly": True})
            volumes.append(dict(volume))
    environment += [
        # From the Secret: the address of a proxy may hold a password, too.
        {"name": name, "valueFrom": {"secretKeyRef": {"name": build_id, "key": name, "optional": True}}}
        for name in ("HF_TOKEN", *PROXY_VARIABLES)
    ]
    resources = {"cpu": settings.cpu, "memory": settings.memory}
    command = ["python3", f"{_INPUT}/{_ENGINE}", f"{_INPUT}/{_PLAN}"]
    pod: dict[str, Any] = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": CONTAINER,
                "image": settings.image or (workbench.image if workbench else DEFAULT_IMAGE),
                "command": command if settings.verify else [*command, "--no-verify"],
                "env": environment,
                "resources": {"requests": resources, "limits": resources},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "readOnlyRootFilesystem": True,
                },
                "volumeMounts": mounts,
                "terminationMessagePolicy": "FallbackToLogsOnError",
            }
        ],
        "volumes": volumes,
    }
    if workbench and workbench.pull_secrets and not settings.image:
        pod["imagePullSecrets"] = [{"name": name} for name in workbench.pull_secrets]
    if folders.node:
        # By the node's name: its labels may not be read, and a `nodeName` would pass by the scheduler.
        match = {"key": "metadata.name", "operator": "In", "values": [folders.node]}
        pod["affinity"] = {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{"matchFields": [match]}]
                }
            }
        }
    if folders.tolerations:
        pod["tolerations"] = [dict(one) for one in folders.tolerations]
    marks = metadata(plan, build_id)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": marks,
        "spec": {
            "backoffLimit": settings.retries,
            "activeDeadlineSeconds": settings.deadline,
            "ttlSecondsAfterFinished": settings.keep,
            "podFailurePolicy": {
                "rules": [
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                    {
                        "action": "FailJob",
                        "onExitCodes": {
                            "containerName": CONTAINER,
                            "operator": "In",
                            "values": EXITS_FAILED,
                        },
                    },
                ]
            },
            "template": {"metadata": {"labels": marks["labels"]}, "spec": pod},
        },
    }


def config_map(
    plan: Plan, build_id: str, base: Mapping[str, bytes], owner: Mapping[str, Any]
) -> dict[str, Any]:
    """Plan, engine, and the small files of the base's layout. Raises PlanTooLarge."""
    text = plan.to_json()
    room = CONFIG_MAP_BYTES - len(text.encode()) - sum(map(len, base.values()))
    engine = engine_zip()
    if len(engine) > room:  # a large plan: the engine that starts more slowly
        engine = engine_zip(compiled=False)
    if len(engine) > room:
        raise PlanTooLarge(
            f"The plan of {plan.image} is too large for a Job: {len(text)} bytes, beside {len(engine)} of the engine.",
            hint="Leave files out (`--exclude`), or build here (`--builder kernel`).",
        )
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(plan, build_id, owner),
        "data": {_PLAN: text},
        "binaryData": {_ENGINE: base64.b64encode(engine).decode()}
        | {_key(path): base64.b64encode(data).decode() for path, data in base.items()},
    }


def _key(path: str) -> str:
    """The name of a file of the base's layout in the ConfigMap, where there are no folders."""
    return f"{_BASE}.{path.rpartition('/')[2]}"


def secret(
    plan: Plan,
    build_id: str,
    auths: Mapping[str, Mapping[str, str]],
    secrets: Mapping[str, str],
    proxies: Mapping[str, str],
    owner: Mapping[str, Any],
) -> dict[str, Any]:
    """All that is secret: registry credentials, the hub's token, signatures for S3, addresses of proxies."""
    data = {"auth.json": json.dumps({"auths": auths}), "s3.json": secrets.get("s3", "{}"), **proxies}
    if token := secrets.get("hf"):
        data["HF_TOKEN"] = token
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": metadata(plan, build_id, owner),
        "stringData": data,
    }


_CLUSTER_TRUST_SOURCES = [
    {
        "configMap": {
            "name": "kube-root-ca.crt",
            "items": [{"key": "ca.crt", "path": "ca.crt"}],
            "optional": True,
        }
    },
    {
        "configMap": {
            "name": "openshift-service-ca.crt",
            "items": [{"key": "service-ca.crt", "path": "service-ca.crt"}],
            "optional": True,
        }
    },
]
