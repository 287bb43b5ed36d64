"""Hardware profiles: what the cluster's administrators offer, as the dashboard shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .errors import ClusterError, KindNotFound, NotAllowed, ObjectNotFound
from .gpus import Gpu, gpu_of
from .project import Project
from .resources import HARDWARE_PROFILES

#: Where Open Data Hub and Red Hat OpenShift AI keep what is for all projects.
PLATFORM_NAMESPACES = ("opendatahub", "redhat-ods-applications")


@dataclass(frozen=True, kw_only=True)
class HardwareProfile:
    """One profile. `resources` are its defaults: `{"cpu": "2", "memory": "4Gi", "nvidia.com/gpu": "1"}`.

    >>> from odh_oci_widgets import connect
    >>> from odh_oci_widgets.cluster import list_profiles
    >>> profile = list_profiles(connect())[0]
    >>> profile.display_name, profile.resources
    ('Default', {'cpu': '2', 'memory': '4Gi'})
    """

    name: str
    namespace: str
    display_name: str
    resources: dict[str, str] = field(default_factory=dict)
    resource_version: str = ""
    #: what its node selector and its resources tell of the GPU; see `models.gpus.card_of` for the whole card
    gpu: Gpu | None = None
    #: what may name the card besides: values of the node selector and the tolerations, names of the resources
    card_words: tuple[str, ...] = ()

    @property
    def accelerators(self) -> dict[str, str]:
        """The part of `resources` that is neither processor nor memory."""
        return {name: count for name, count in self.resources.items() if name not in {"cpu", "memory"}}


def list_profiles(project: Project) -> list[HardwareProfile]:
    """The project's and the platform's profiles; those that cannot be read are left out.

    >>> from odh_oci_widgets import connect
    >>> from odh_oci_widgets.cluster import list_profiles
    >>> [profile.name for profile in list_profiles(connect())]
    ['default-profile', 'nvidia-t4']
    """
    found: list[HardwareProfile] = []
    for namespace in dict.fromkeys((project.namespace, *PLATFORM_NAMESPACES)):
        try:
            objects = project.list(HARDWARE_PROFILES, namespace=namespace)
        except (NotAllowed, KindNotFound, ObjectNotFound):
            continue
        found += [
            _profile(one)
            for one in objects
            if (one["metadata"].get("annotations") or {}).get("opendatahub.io/disabled") != "true"
        ]
    return found


def read_profile(project: Project, name: str) -> HardwareProfile:
    """The profile `name` or `namespace/name`; without a namespace the project's comes first.

    Raises ClusterError with the names there are.
    """
    namespace, _, short = name.rpartition("/")
    profiles = list_profiles(project)
    for one in profiles:
        if one.name == short and namespace in {"", one.namespace}:
            return one
    names = ", ".join(f"`{one.namespace}/{one.name}`" for one in profiles) or "none"
    raise ClusterError(f"There is no hardware profile `{name}`.", hint=f"There are: {names}.")


def _profile(manifest: dict[str, Any]) -> HardwareProfile:
    metadata, spec = manifest["metadata"], manifest.get("spec") or {}
    annotations = metadata.get("annotations") or {}
    node = (spec.get("scheduling") or {}).get("node") or {}
    selector, identifiers = node.get("nodeSelector") or {}, spec.get("identifiers") or ()
    return HardwareProfile(
        name=metadata["name"],
        namespace=metadata["namespace"],
        display_name=annotations.get("opendatahub.io/display-name") or metadata["name"],
        resources={
            str(one["identifier"]): str(one.get("defaultCount", one.get("minCount", 1)))
            for one in identifiers
        },
        resource_version=str(metadata.get("resourceVersion", "")),
        gpu=gpu_of(selector, [str(one["identifier"]) for one in identifiers]),
        card_words=(
            *map(str, selector.values()),
            *(str(one.get("value") or "") for one in node.get("tolerations") or ()),
            *(str(one.get("displayName") or "") for one in identifiers),
            annotations.get("opendatahub.io/description") or "",
        ),
    )
