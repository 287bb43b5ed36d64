"""The pod this process runs in, as far as a Job beside it needs to know: image, node, volumes, trust, proxy."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from odh_oci_widgets.builders.errors import SourceNotReachable
from odh_oci_widgets.cluster.errors import ClusterError
from odh_oci_widgets.cluster.project import Project
from odh_oci_widgets.cluster.resources import CLAIMS, PODS
from odh_oci_widgets.oci.plan import Plan

#: Variables that name the file of trusted certificates, in a workbench of Open Data Hub.
TRUST_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


@dataclass(frozen=True, kw_only=True)
class Workbench:
    """What a Job takes over from the workbench. Volumes and mounts are as they stand in the pod."""

    pod: str
    namespace: str
    image: str
    node: str | None
    tolerations: tuple[Mapping[str, Any], ...]
    pull_secrets: tuple[str, ...]
    volumes: Mapping[str, Mapping[str, Any]]
    mounts: tuple[Mapping[str, Any], ...]
    environ: Mapping[str, str]

    def mount_of(self, path: str) -> Mapping[str, Any] | None:
        """The mount that a path of the container lies in: the longest that fits."""
        inside = [mount for mount in self.mounts if PurePosixPath(path).is_relative_to(mount["mountPath"])]
        return max(inside, key=lambda mount: len(mount["mountPath"]), default=None)

    @property
    def trust(self) -> tuple[str, Mapping[str, Any], Mapping[str, Any]] | None:
        """File, mount and volume of the trusted certificates, where they come from a ConfigMap."""
        for variable in TRUST_VARIABLES:
            file = self.environ.get(variable)
            mount = self.mount_of(file) if file else None
            volume = self.volumes.get(mount["name"]) if mount else None
            if file and mount and volume and "configMap" in volume:
                return file, mount, volume
        return None


def find_workbench(project: Project, environ: Mapping[str, str] = os.environ) -> Workbench | None:
    """The pod we are in; None outside a cluster, and where we may not read it."""
    if "KUBERNETES_SERVICE_HOST" not in environ:
        return None
    name = environ.get("HOSTNAME") or socket.gethostname()
    try:
        pod = project.get(PODS, name)
    except ClusterError:
        return None
    spec = pod["spec"]
    containers = spec["containers"]
    # The notebook's container is the one the notebook controller gave its address; sidecars have none.
    container = next(
        (one for one in containers if any(env["name"] == "NB_PREFIX" for env in one.get("env") or ())),
        containers[0],
    )
    return Workbench(
        pod=name,
        namespace=project.namespace,
        image=container["image"],
        node=spec.get("nodeName"),
        tolerations=tuple(spec.get("tolerations") or ()),
        pull_secrets=tuple(secret["name"] for secret in spec.get("imagePullSecrets") or ()),
        volumes={volume["name"]: volume for volume in spec.get("volumes") or ()},
        mounts=tuple(container.get("volumeMounts") or ()),
        environ={name: environ[name] for name in (*TRUST_VARIABLES, *PROXY_VARIABLES) if environ.get(name)},
    )


@dataclass(frozen=True, kw_only=True)
class Folders:
    """Claims that a plan reads from, as a Job mounts them.

    `node` where one can only be mounted there, with `tolerations` of what keeps other pods off it, as off GPUs.
    """

    volumes: tuple[Mapping[str, Any], ...] = ()
    mounts: tuple[Mapping[str, Any], ...] = ()
    node: str | None = None
    tolerations: tuple[Mapping[str, Any], ...] = ()


def folders_of(plan: Plan, workbench: Workbench | None, project: Project) -> Folders:
    """The volumes behind the plan's local files, mounted read-only. Raises SourceNotReachable where there is none."""
    paths = sorted({file.source.path for layer in plan.layers for file in layer.files if file.source.path})
    if not paths:
        return Folders()
    if workbench is None:
        raise SourceNotReachable(
            f"A Job in the project cannot read `{paths[0]}`: this is not a workbench of the project, or its pod may not"
            " be read.",
            hint="Build here (`--builder kernel`), or choose a model of a hub or the web.",
        )
    mounts: dict[str, Mapping[str, Any]] = {}
    volumes: dict[str, Mapping[str, Any]] = {}
    node = None
    for path in paths:
        mount = workbench.mount_of(str(Path(path)))
        claim = _claim(workbench, mount)
        if mount is None or claim is None:
            raise SourceNotReachable(
                f"A Job cannot read `{path}`: it is not on a volume of the workbench.",
                hint="Move it to the workbench's storage, or build here (`--builder kernel`).",
            )
        modes = (project.find(CLAIMS, claim) or {}).get("spec", {}).get("accessModes") or ["ReadWriteOnce"]
        if "ReadWriteOncePod" in modes and len(modes) == 1:
            raise SourceNotReachable(
                f"A Job cannot read `{path}`: its volume `{claim}` may be mounted by one pod only, and the workbench"
                " has it.",
                hint="Build here (`--builder kernel`).",
            )
        # The workbench writes: that a volume could be read from many nodes, if nobody wrote, does not help.
        if "ReadWriteMany" not in modes and set(modes) != {"ReadOnlyMany"}:
            node = workbench.node
        mounts[mount["mountPath"]] = {
            **{key: mount[key] for key in ("name", "mountPath", "subPath") if key in mount},
            "readOnly": True,
        }
        # Read-only by the mount, not by the claim: some drivers refuse to stage one volume both ways on a node.
        volumes[mount["name"]] = {"name": mount["name"], "persistentVolumeClaim": {"claimName": claim}}
    return Folders(
        volumes=tuple(volumes.values()),
        mounts=tuple(mounts.values()),
        node=node,
        tolerations=workbench.tolerations if node else (),
    )


def _claim(workbench: Workbench, mount: Mapping[str, Any] | None) -> str | None:
    volume = workbench.volumes.get(mount["name"]) if mount else None
    claim = (volume or {}).get("persistentVolumeClaim")
    return str(claim["claimName"]) if claim else None
