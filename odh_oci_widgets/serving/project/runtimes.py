"""The runtimes that a project can use: its own, the cluster's, the platform's templates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from odh_oci_widgets.cluster.errors import ClusterBusy, KindNotFound, NotAllowed, ObjectNotFound
from odh_oci_widgets.cluster.features import has_kserve
from odh_oci_widgets.cluster.project import Project
from odh_oci_widgets.cluster.resources import (
    CLUSTER_SERVING_RUNTIMES,
    DASHBOARD_CONFIGS,
    INFERENCE_SERVICES,
    SERVING_RUNTIMES,
    TEMPLATES,
)
from odh_oci_widgets.serving.errors import ServingError
from odh_oci_widgets.serving.kserve_objects import SERVICE_LABEL
from odh_oci_widgets.serving.runtimes import Runtime, RuntimeSource

#: Where Open Data Hub and Red Hat OpenShift AI keep their templates; another place is found where listing is allowed.
PLATFORM_NAMESPACES = ("opendatahub", "redhat-ods-applications")

_DASHBOARD = "opendatahub.io/dashboard=true"
_ABSENT = (NotAllowed, KindNotFound, ObjectNotFound, ClusterBusy)


def read_runtimes(project: Project) -> tuple[list[Runtime], list[str]]:
    """All runtimes that can be read, and a sentence for each place that cannot.

    Raises ServingError when the cluster has no KServe; ClusterError when it cannot be asked at all.
    """
    notes: list[str] = []
    found: list[Runtime] = []
    try:
        found += _of_project(project)
    except (KindNotFound, NotAllowed) as error:
        # who is not an administrator is told 403, not 404, about kinds that do not exist
        if not has_kserve(project):
            raise ServingError(
                f"KServe is not installed in the cluster {project.host}.",
                hint="Ask an administrator for Open Data Hub or KServe, or deploy to the sandbox.",
            ) from error
        notes.append(f"The project's serving runtimes cannot be read. {error}")
    try:
        found += list(_of_templates(project))
    except _ABSENT as error:
        notes.append(f"The platform's templates cannot be read: {error.message}")
    try:
        found += [
            Runtime(manifest=one, source=RuntimeSource.CLUSTER)
            for one in project.list(CLUSTER_SERVING_RUNTIMES)
            if not one["spec"].get("disabled")
        ]
    except _ABSENT as error:
        notes.append(f"The cluster's runtimes cannot be read: {error.message}")
    return found, notes


def _of_project(project: Project) -> Iterator[Runtime]:
    objects = project.list(SERVING_RUNTIMES)
    if not objects:
        return
    services = {one["metadata"]["name"] for one in project.list(INFERENCE_SERVICES)}
    for one in objects:
        if one["spec"].get("disabled"):
            continue
        metadata = one["metadata"]
        annotations = metadata.get("annotations") or {}
        copied = metadata["name"] in services or SERVICE_LABEL in (metadata.get("labels") or {})
        yield Runtime(
            manifest=one,
            source=RuntimeSource.COPY if copied else RuntimeSource.PROJECT,
            template=annotations.get("opendatahub.io/template-name"),
            template_display_name=annotations.get("opendatahub.io/template-display-name"),
        )


def _of_templates(project: Project) -> Iterator[Runtime]:
    """The templates' objects, without those that the dashboard's settings disable; in the dashboard's order."""
    templates = _templates(project)
    if not templates:
        return
    order, disabled = _dashboard_settings(project, templates[0]["metadata"]["namespace"])
    for template in templates:
        name = template["metadata"]["name"]
        objects = template.get("objects") or ()
        if name in disabled or not objects or objects[0].get("kind") != "ServingRuntime":
            continue
        annotations = template["metadata"].get("annotations") or {}
        yield Runtime(
            manifest=_with_protocol(objects[0], annotations.get("opendatahub.io/apiProtocol")),
            source=RuntimeSource.TEMPLATE,
            template=name,
            template_display_name=annotations.get("openshift.io/display-name"),
            order=order.index(name) if name in order else 1000,
        )


def _templates(project: Project) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    refusal: Exception | None = None
    for namespace in dict.fromkeys((*PLATFORM_NAMESPACES, project.namespace)):
        try:
            found += project.list(TEMPLATES, labels=_DASHBOARD, namespace=namespace)
        except KindNotFound:
            raise
        except (NotAllowed, ObjectNotFound) as error:
            if namespace != project.namespace:
                refusal = refusal or error
    if not found and refusal is not None:
        raise refusal
    return found


def _dashboard_settings(project: Project, namespace: str) -> tuple[list[str], set[str]]:
    try:
        configs = project.list(DASHBOARD_CONFIGS, namespace=namespace)
    except _ABSENT:
        return [], set()
    spec: dict[str, Any] = configs[0].get("spec") or {} if configs else {}
    return list(spec.get("templateOrder") or ()), set(spec.get("templateDisablement") or ())


def _with_protocol(manifest: dict[str, Any], protocol: str | None) -> dict[str, Any]:
    if protocol is None:
        return manifest
    metadata = manifest["metadata"]
    annotations = (metadata.get("annotations") or {}) | {"opendatahub.io/apiProtocol": protocol}
    return manifest | {"metadata": metadata | {"annotations": annotations}}
