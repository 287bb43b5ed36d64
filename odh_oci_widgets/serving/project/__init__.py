"""Services of the project: KServe InferenceServices."""

from __future__ import annotations

from odh_oci_widgets.cluster.errors import KindNotFound, NotAllowed
from odh_oci_widgets.cluster.features import has_kserve
from odh_oci_widgets.cluster.project import Project, connect
from odh_oci_widgets.cluster.resources import INFERENCE_SERVICES
from odh_oci_widgets.serving.errors import ServiceNotFound
from odh_oci_widgets.serving.protocol import Service

from .llm_service import LLMService, list_llm_services
from .service import ProjectService

__all__ = ["LLMService", "ProjectService", "find", "list_services"]


def find(name: str, *, project: Project | None = None) -> ProjectService:
    """The service of that name, whoever made it. Raises ServiceNotFound, ClusterError."""
    project = project or connect()
    if project.find(INFERENCE_SERVICES, name) is None:
        raise ServiceNotFound(
            f"There is no service `{name}` in the project `{project.namespace}`.",
            hint="`odh-oci list` shows those there are.",
        )
    return ProjectService(project, name)


def list_services(*, project: Project | None = None) -> list[Service]:
    """All services of the project, whoever made them; none where the cluster has no KServe. Raises ClusterError.

    LLMInferenceServices come last, to be looked at only.
    """
    project = project or connect()
    try:
        objects = project.list(INFERENCE_SERVICES)
    except (KindNotFound, NotAllowed):
        if has_kserve(project):
            raise
        return []
    found: list[Service] = [ProjectService(project, one["metadata"]["name"], manifest=one) for one in objects]
    return [*found, *list_llm_services(project)]
