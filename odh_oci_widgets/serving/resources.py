"""Processors and memory of a service: always set, since a quota refuses pods without limits."""

from __future__ import annotations

import math
from typing import Any

from .runtimes import Runtime
from .spec import ServiceSpec

_GIB = 1 << 30


def resources_of(spec: ServiceSpec, runtime: Runtime) -> dict[str, Any]:
    """Requests and limits of the model server.

    Memory follows the model's size: a generative server reads all weights through main memory before they are on
    the GPU (or keeps them there), a predictive one keeps them about twice while it compiles them.
    Given values stand for request and limit alike, as in the dashboard.
    """
    if runtime.generative:
        least, factor, request_cpu, limit_cpu = 8, 1.2, "1", "4"
    else:
        least, factor, request_cpu, limit_cpu = 2, 2.0, "500m", "2"
    memory = spec.memory or f"{max(least, math.ceil(spec.size * factor / _GIB) + 1)}Gi"
    resources = {
        "requests": {"cpu": spec.cpu or request_cpu, "memory": memory},
        "limits": {"cpu": spec.cpu or limit_cpu, "memory": memory},
    }
    if spec.gpu:
        for part in resources.values():
            part[accelerator_of(spec, runtime)] = str(spec.gpu)
    return resources


def accelerator_of(spec: ServiceSpec, runtime: Runtime) -> str:
    """The resource that stands for a GPU: the profile's; else NVIDIA's, unless the runtime is made for another."""
    if spec.accelerator:
        return spec.accelerator
    if "nvidia.com/gpu" in runtime.accelerators or not runtime.accelerators:
        return "nvidia.com/gpu"
    return runtime.accelerators[0]
