"""Asking the model itself whether it is ready."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from odh_oci_widgets.cluster.errors import ClusterError
from odh_oci_widgets.cluster.project import Manifest, Project
from odh_oci_widgets.inference.errors import CallTimeout, InferenceError, ServerUnreachable
from odh_oci_widgets.inference.http import Endpoint

from .pods import SERVER
from .snapshot import Answer

#: A ready model answers at once; one that is loading may not.
_SECONDS = 5.0


def ask(
    project: Project, service: Manifest, pod: Manifest, *, url: str | None, headers: Mapping[str, str]
) -> Answer:
    """What the model says at its URL; where that cannot be reached from here, what it says to the cluster."""
    path = ready_path(service)
    why = "it has no address yet"
    if url is not None:
        try:
            Endpoint(url, headers=headers, timeout=_SECONDS).send("GET", path)
        except (ServerUnreachable, CallTimeout) as error:
            why = error.message
        except InferenceError as error:
            return Answer(ready=False, status=error.status, text=error.message)
        else:
            return Answer(ready=True, status=200)
    if _ask_through_api(project, pod, path):
        return Answer(ready=True, status=200, text=why, reachable=False)
    return Answer(ready=False, text=why)


def ready_path(service: Manifest) -> str:
    """The path that answers 200 once the model is loaded."""
    return "/v1/models" if is_generative(service) else f"/v2/models/{service['metadata']['name']}/ready"


def is_generative(service: Manifest) -> bool:
    """Whether the service speaks the OpenAI protocol."""
    told = (service["metadata"].get("annotations") or {}).get("opendatahub.io/model-type")
    model = ((service.get("spec") or {}).get("predictor") or {}).get("model") or {}
    name = str((model.get("modelFormat") or {}).get("name", "")).lower()
    return told == "generative" if told else name in {"vllm", "huggingface"}


def _ask_through_api(project: Project, pod: Manifest, path: str) -> bool:
    """Whether the model server in the pod says yes to the cluster's API, which reaches what we do not."""
    containers = (pod.get("spec") or {}).get("containers") or ()
    server: dict[str, Any] = next((one for one in containers if one.get("name") == SERVER), {})
    port = next((one["containerPort"] for one in server.get("ports") or ()), 8080)
    where = f"/api/v1/namespaces/{project.namespace}/pods/{pod['metadata']['name']}:{port}/proxy{path}"
    try:
        with project.api.stream(where, what="ask the model", read_timeout=_SECONDS):
            return True
    except ClusterError:
        return False
