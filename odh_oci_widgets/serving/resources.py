"""Processors and memory of a service: always set, since a quota refuses pods without limits."""

from __future__ import annotations

import math
from typing import Any

from odh_oci_widgets.models.facts import Facts
from odh_oci_widgets.models.model import ModelFormat
from odh_oci_widgets.models.sizing import GIB, estimate_cpu, host_memory

from .runtimes import Runtime
from .spec import ServiceSpec

#: vLLM itself, Python and CUDA's libraries take their share whatever the model
_LEAST_GIB = 8


def resources_of(spec: ServiceSpec, runtime: Runtime) -> dict[str, Any]:
    """Requests and limits of the model server.

    Memory follows the model's size, as `models.sizing` reckons it: a generative server reads all weights through main
    memory before they are on the GPU (or keeps them there), a predictive one keeps them about twice while it
    compiles them. Where the size is not known, defaults that do for small models.
    Given values stand for request and limit alike, as in the dashboard.
    """
    requests, limits = _generative(spec.size) if runtime.generative else _predictive(spec.size)
    given = {name: value for name, value in (("cpu", spec.cpu), ("memory", spec.memory)) if value}
    resources: dict[str, Any] = {"requests": requests | given, "limits": limits | given}
    if spec.gpu:
        for part in resources.values():
            part[accelerator_of(spec, runtime)] = str(spec.gpu)
    return resources


def _generative(size: int) -> tuple[dict[str, str], dict[str, str]]:
    facts = Facts(format=ModelFormat.HUGGINGFACE, weight_bytes=size)
    memory = f"{max(_LEAST_GIB, math.ceil(host_memory(facts) / GIB))}Gi"
    return {"cpu": "1", "memory": memory}, {"cpu": "4", "memory": memory}


def _predictive(size: int) -> tuple[dict[str, str], dict[str, str]]:
    if not size:
        return {"cpu": "500m", "memory": "3Gi"}, {"cpu": "2", "memory": "3Gi"}
    needs = estimate_cpu(Facts(format=ModelFormat.UNKNOWN, weight_bytes=size))
    return (
        {"cpu": needs.cpu_request, "memory": needs.memory_request},
        {"cpu": needs.cpu_limit, "memory": needs.memory_limit},
    )


def accelerator_of(spec: ServiceSpec, runtime: Runtime) -> str:
    """The resource that stands for a GPU: the profile's; else NVIDIA's, unless the runtime is made for another."""
    if spec.accelerator:
        return spec.accelerator
    if "nvidia.com/gpu" in runtime.accelerators or not runtime.accelerators:
        return "nvidia.com/gpu"
    return runtime.accelerators[0]
