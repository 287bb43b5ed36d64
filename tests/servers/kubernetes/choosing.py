"""What a real cluster would do with a service, as far as it can be told from what stands in the API."""

from __future__ import annotations

from typing import Any

from .cluster import KubernetesApi
from .derived import pod_refused
from .kinds import quantity
from .playing import runtime_of
from .recording import Recording
from .status import ApiError

Object = dict[str, Any]

_MODELCAR = {"limits": {"cpu": "10m", "memory": "15Mi"}, "requests": {"cpu": "10m", "memory": "15Mi"}}


def choose(api: KubernetesApi, service: Object) -> str | Recording:
    """The situation of a service whose image is good: ready, unless something stands against it."""
    model = service["spec"]["predictor"].get("model") or {}
    runtime = runtime_of(api, service)
    if model.get("runtime") and runtime is None:
        return "runtime-missing"
    wanted = model.get("modelFormat") or {}
    runtimes = [runtime] if runtime else api.find("servingruntimes", service["metadata"]["namespace"])
    if not any(_supports(found, wanted, named=runtime is not None) for found in runtimes):
        return "format-unsupported"
    if why := _refusal(api, service):
        return pod_refused(why)
    devices = _devices(model)
    if devices and not any(_has(node, devices) for node in api.find("nodes")):
        return "unschedulable"
    labels = service["metadata"].get("labels") or {}
    notes = service["metadata"].get("annotations") or {}
    if labels.get("networking.kserve.io/visibility") == "exposed":
        return "ready-exposed"
    if notes.get("security.opendatahub.io/enable-auth") == "true":
        return "ready-token"
    return "ready-vllm-gpu" if devices else "ready-internal"


def _supports(runtime: Object, wanted: Object, *, named: bool) -> bool:
    for offered in runtime["spec"].get("supportedModelFormats") or []:
        if offered["name"] != wanted.get("name") or not (named or offered.get("autoSelect")):
            continue
        if not wanted.get("version") or not offered.get("version") or offered["version"] == wanted["version"]:
            return True
    return False


def _refusal(api: KubernetesApi, service: Object) -> str:
    """Why admission would refuse the pod; "" when it would not."""
    model = service["spec"]["predictor"].get("model") or {}
    containers = [
        {"name": "kserve-container", "resources": model.get("resources") or {}},
        {"name": "modelcar", "resources": _MODELCAR},
    ]
    meta = {"name": "pod", "namespace": service["metadata"]["namespace"]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": containers}}
    try:
        api.admit(pod, meta["namespace"])
    except ApiError as error:
        return error.message.split("is forbidden: ", 1)[-1]
    return ""


def _devices(model: Object) -> dict[str, float]:
    limits = (model.get("resources") or {}).get("limits") or {}
    return {name: quantity(value) for name, value in limits.items() if "/" in name and quantity(value)}


def _has(node: Object, devices: dict[str, float]) -> bool:
    offered = (node.get("status") or {}).get("allocatable") or {}
    return all(quantity(offered.get(name, 0)) >= amount for name, amount in devices.items())
