"""Serving runtimes: what a model server takes, which one fits a model, and our own definitions for want of any."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from odh_oci_widgets.models.model import ModelFormat

from .errors import RuntimeNotFound

#: The names that runtimes give our formats, best first. A format not named here keeps its own name.
_FORMAT_NAMES: dict[str, tuple[str, ...]] = {
    ModelFormat.HUGGINGFACE: ("vLLM", "huggingface"),
    ModelFormat.GGUF: ("gguf",),
}

#: Formats whose images hold `models/1/`, as OpenVINO Model Server wants it; other servers look in `models/`.
_VERSIONED = {"onnx", "openvino_ir", "tensorflow"}

NVIDIA = "nvidia.com/gpu"

#: Architectures that a runtime's own words may restrict it to.
_ARCHITECTURES = ("ppc64le", "s390x", "arm64", "aarch64", "x86")
_THIS_ARCHITECTURE = {"x86_64": "x86", "AMD64": "x86"}.get(platform.machine(), platform.machine())


class RuntimeSource(StrEnum):
    """Where a runtime's definition was read. The value is a word for people."""

    PROJECT = "project"
    TEMPLATE = "template"
    CLUSTER = "cluster"
    #: a copy that belongs to another service of the project
    COPY = "copy"
    #: our own definition
    OWN = "own"


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """A model server as KServe runs it: the ServingRuntime (or ClusterServingRuntime) object, and where it is from."""

    manifest: Mapping[str, Any]
    source: RuntimeSource
    template: str | None = None
    template_display_name: str | None = None
    #: place in the dashboard's order; large where it has none
    order: int = 1000
    #: why this one was taken, in words
    why: str = ""

    @property
    def name(self) -> str:
        """The name of the object."""
        return str(self.manifest["metadata"]["name"])

    @property
    def display_name(self) -> str:
        """The name for people."""
        annotations = self.manifest["metadata"].get("annotations") or {}
        return str(annotations.get("openshift.io/display-name") or self.template_display_name or self.name)

    @property
    def formats(self) -> tuple[tuple[str, str | None], ...]:
        """The formats it takes: (name, version)."""
        listed = self.manifest["spec"].get("supportedModelFormats") or ()
        return tuple((entry["name"], entry.get("version")) for entry in listed)

    @property
    def accelerators(self) -> tuple[str, ...]:
        """Resource names of the accelerators it is made for: `nvidia.com/gpu`."""
        annotations = self.manifest["metadata"].get("annotations") or {}
        try:
            found = json.loads(annotations.get("opendatahub.io/recommended-accelerators", "[]"))
        except ValueError:
            return ()
        return tuple(str(one) for one in found) if isinstance(found, list) else ()

    @property
    def container(self) -> Mapping[str, Any]:
        """The model server's container."""
        containers: list[Mapping[str, Any]] = self.manifest["spec"].get("containers") or [{}]
        return next((c for c in containers if c.get("name") == "kserve-container"), containers[0])

    @property
    def port(self) -> int:
        """The port on which the model server answers REST; 8080 where it is not said."""
        ports = self.container.get("ports") or ()
        return int(ports[0]["containerPort"]) if ports else 8080

    @property
    def generative(self) -> bool:
        """Whether it speaks the OpenAI protocol (vLLM and the like) rather than Open Inference V2."""
        return any(name.lower() in {"vllm", "huggingface"} for name, _ in self.formats)

    def format_for(self, model_format: str) -> tuple[str, str | None] | None:
        """The name and version by which it takes `model_format`; None when it does not."""
        taken = {name.lower(): (name, version) for name, version in reversed(self.formats)}
        for wanted in _FORMAT_NAMES.get(model_format, (model_format,)):
            if wanted.lower() in taken:
                return taken[wanted.lower()]
        return None


def choose(
    runtimes: Iterable[Runtime],
    *,
    model_format: str | None,
    gpu: int = 0,
    accelerator: str | None = None,
    name: str | None = None,
) -> Runtime:
    """The runtime named, or the best fit to the format; `why` says which and why.

    Raises RuntimeNotFound: no such name, or none that takes the format; it lists what there is.
    """
    everything = list(runtimes)
    if name is not None:
        named = [one for one in everything if name in {one.name, one.template}]
        if not named:
            raise RuntimeNotFound(f"There is no serving runtime `{name}`.", hint=_offer(everything))
        return replace(named[0], why=f"`{name}` was asked for. {named[0].why}".rstrip())
    if model_format is None:
        raise RuntimeNotFound(
            "The model's format is not known, so no serving runtime can be chosen.",
            hint="Name the format (`--format`, `format=`), for example `onnx` or `huggingface`, or the runtime.",
        )
    fitting = [
        one
        for one in everything
        if one.format_for(model_format)
        and not one.manifest["spec"].get("workerSpec")  # several nodes: not ours
    ]
    if not fitting:
        raise RuntimeNotFound(
            f"No serving runtime takes the format `{model_format}`.", hint=_offer(everything)
        )
    best = min(fitting, key=lambda one: _rank(one, model_format, gpu, accelerator or NVIDIA))
    taken = best.format_for(model_format)
    why = f"{best.display_name} takes {taken[0] if taken else model_format} ({_PLACE[best.source]})."
    if best.generative and best.accelerators and not gpu:
        why += f" It is made for {', '.join(best.accelerators)}, and no GPU is asked for: it may not start."
    return replace(best, why=f"{why} {best.why}".rstrip())


_PLACE = {
    RuntimeSource.PROJECT: "a runtime of the project",
    RuntimeSource.TEMPLATE: "from the platform's template",
    RuntimeSource.CLUSTER: "a runtime of the cluster",
    RuntimeSource.COPY: "copied from another service of the project",
    RuntimeSource.OWN: "our own definition",
}


def _rank(runtime: Runtime, model_format: str, gpu: int, accelerator: str) -> tuple[Any, ...]:
    """Smaller is better: the hardware first, then the layout of the image, then whose definition it is."""
    words = f"{runtime.name} {runtime.display_name}".lower()
    named = [one for one in _ARCHITECTURES if one in words]
    foreign = bool(named) and _THIS_ARCHITECTURE not in named
    if gpu:
        unfit = 0 if accelerator in runtime.accelerators else 1 if runtime.accelerators else 2
    else:
        unfit = int(runtime.generative and bool(runtime.accelerators))
    openvino = any(name == "openvino_ir" for name, _ in runtime.formats)
    annotations = runtime.manifest["metadata"].get("annotations") or {}
    return (
        foreign,
        unfit,
        model_format in _VERSIONED and not openvino,
        list(RuntimeSource).index(runtime.source),
        "opendatahub.io/fast-version" in annotations,
        runtime.order,
        runtime.name,
    )


def _offer(runtimes: list[Runtime]) -> str:
    if not runtimes:
        return "Ask an administrator for a serving runtime in this project."
    listed = "; ".join(
        f"`{one.name}` ({', '.join(dict.fromkeys(n for n, _ in one.formats))})"
        for one in sorted(runtimes, key=lambda one: one.name)
    )
    return f"There are: {listed}."


#: Images of our own definitions: the ones Open Data Hub's manifests name (odh-model-controller config/base/params.env).
VLLM_CUDA_IMAGE = "quay.io/vllm/vllm-cuda:latest"
VLLM_CPU_IMAGE = "quay.io/vllm/vllm:latest"
OVMS_IMAGE = "quay.io/opendatahub/openvino_model_server:2025.1-release"


def own_runtimes(*, image: str | None = None, gpu: int = 0, why: str = "") -> list[Runtime]:
    """Definitions of vLLM and OpenVINO Model Server for projects where no runtime can be read.

    They do what the platform's templates do. `image` replaces the model server's image; `why` is shown with them.
    """
    vllm: dict[str, Any] = {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ServingRuntime",
        "metadata": {
            "name": "vllm",
            "annotations": {"openshift.io/display-name": "vLLM"},
            "labels": {"opendatahub.io/dashboard": "true"},
        },
        "spec": {
            "annotations": {
                "opendatahub.io/kserve-runtime": "vllm",
                "prometheus.io/port": "8080",
                "prometheus.io/path": "/metrics",
            },
            "multiModel": False,
            "supportedModelFormats": [{"name": "vLLM", "autoSelect": True}],
            "containers": [
                {
                    "name": "kserve-container",
                    "image": image or (VLLM_CUDA_IMAGE if gpu else VLLM_CPU_IMAGE),
                    "command": ["python", "-m", "vllm.entrypoints.openai.api_server"],
                    "args": ["--port=8080", "--model=/mnt/models", "--served-model-name={{.Name}}"],
                    "env": [{"name": "HF_HOME", "value": "/tmp/hf_home"}],  # noqa: S108 - inside the container
                    "ports": [{"containerPort": 8080, "protocol": "TCP"}],
                }
            ],
        },
    }
    if gpu:
        vllm["metadata"]["annotations"]["opendatahub.io/recommended-accelerators"] = '["nvidia.com/gpu"]'
    ovms: dict[str, Any] = {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ServingRuntime",
        "metadata": {
            "name": "ovms",
            "annotations": {"openshift.io/display-name": "OpenVINO Model Server"},
            "labels": {"opendatahub.io/dashboard": "true"},
        },
        "spec": {
            "annotations": {
                "opendatahub.io/kserve-runtime": "ovms",
                "prometheus.io/port": "8888",
                "prometheus.io/path": "/metrics",
            },
            "multiModel": False,
            "protocolVersions": ["v2", "grpc-v2"],
            "supportedModelFormats": [
                {"name": "openvino_ir", "version": "opset13", "autoSelect": True},
                {"name": "onnx", "version": "1"},
                {"name": "tensorflow", "version": "2", "autoSelect": True},
            ],
            "containers": [
                {
                    "name": "kserve-container",
                    "image": image or OVMS_IMAGE,
                    "args": [
                        "--model_name={{.Name}}",
                        "--port=8001",
                        "--rest_port=8888",
                        "--model_path=/mnt/models",
                        "--file_system_poll_wait_seconds=0",
                    ],
                    "ports": [{"containerPort": 8888, "protocol": "TCP"}],
                }
            ],
        },
    }
    return [Runtime(manifest=one, source=RuntimeSource.OWN, why=why) for one in (vllm, ovms)]
