"""What kind of cluster it is: OpenShift, KServe, builds, the internal registry, templates, GPU profiles."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import ClusterError, KindNotFound, NotAllowed, ObjectNotFound
from .hardware import PLATFORM_NAMESPACES, HardwareProfile, list_profiles
from .project import Project
from .resources import CONFIG_MAPS, IMAGE_STREAMS, INFERENCE_SERVICES, TEMPLATES

_ABSENT = (NotAllowed, KindNotFound, ObjectNotFound)


@dataclass(frozen=True, kw_only=True)
class Features:
    """What was found. None: it could not be found out."""

    #: Kubernetes' version: `v1.36.2`
    version: str
    openshift: bool
    kserve: bool
    #: KServe's: `Standard` (also called RawDeployment) or `Knative`
    deployment_mode: str | None = None
    builds: bool = False
    #: host and port of the internal registry, from inside the cluster
    internal_registry: str | None = None
    #: number of serving runtime templates of the platform
    templates: int | None = None
    hardware_profiles: tuple[HardwareProfile, ...] = ()

    @property
    def gpu_profiles(self) -> tuple[HardwareProfile, ...]:
        """The hardware profiles with accelerators."""
        return tuple(one for one in self.hardware_profiles if one.accelerators)


def read_features(project: Project) -> Features:
    """Ask the cluster. Raises ClusterError when it cannot be asked at all."""
    groups = api_groups(project)
    kserve = "serving.kserve.io" in groups
    return Features(
        version=_version(project),
        openshift=project.api.openshift,
        kserve=kserve,
        deployment_mode=_deployment_mode(project) if kserve else None,
        builds="build.openshift.io" in groups,
        internal_registry=internal_registry(project) if "image.openshift.io" in groups else None,
        templates=_templates(project) if "template.openshift.io" in groups else 0,
        hardware_profiles=tuple(list_profiles(project)) if "infrastructure.opendatahub.io" in groups else (),
    )


def api_groups(project: Project) -> frozenset[str]:
    """The API groups that the cluster serves."""
    return project.api.groups()


def has_kserve(project: Project) -> bool:
    """Whether KServe's kinds are known to the cluster."""
    return "serving.kserve.io" in api_groups(project)


def internal_registry(project: Project) -> str | None:
    """Host and port of OpenShift's own registry; None where it is removed, or there is no OpenShift.

    The image streams of the project `openshift`, which everybody may read, carry its address while it runs.
    """
    for namespace in ("openshift", project.namespace):
        try:
            answer = project.api.request(
                "GET", IMAGE_STREAMS.path(namespace), what="read image streams", query={"limit": 1}
            )
        except _ABSENT:
            continue
        for one in answer.get("items") or ():
            where = str((one.get("status") or {}).get("dockerImageRepository") or "")
            if "/" in where:
                return where.partition("/")[0]
    return None


def _version(project: Project) -> str:
    try:
        return str(
            project.api.request("GET", "/version", what="ask the cluster's version").get("gitVersion", "")
        )
    except ClusterError:
        return ""


def _deployment_mode(project: Project) -> str | None:
    """What KServe itself reports of a service; else its settings, where they may be read."""
    import json

    try:
        for one in project.list(INFERENCE_SERVICES):
            mode = (one.get("status") or {}).get("deploymentMode")
            if mode:
                return {"RawDeployment": "Standard", "Serverless": "Knative"}.get(mode, str(mode))
    except _ABSENT:
        pass
    for namespace in (*PLATFORM_NAMESPACES, "kserve"):
        try:
            settings = project.find(CONFIG_MAPS, "inferenceservice-config", namespace=namespace)
            mode = json.loads((settings or {}).get("data", {}).get("deploy", "{}")).get(
                "defaultDeploymentMode"
            )
        except (*_ABSENT, ValueError):
            continue
        if mode:
            return {"RawDeployment": "Standard", "Serverless": "Knative"}.get(mode, str(mode))
    return None


def _templates(project: Project) -> int | None:
    for namespace in PLATFORM_NAMESPACES:
        try:
            found = project.list(TEMPLATES, labels="opendatahub.io/dashboard=true", namespace=namespace)
        except _ABSENT:
            continue
        if found:
            return len(found)
    return None
