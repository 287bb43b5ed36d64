"""What lies in an image's /models, and which model server of the sandbox takes it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from odh_oci_widgets.serving.errors import SandboxUnavailable

ONNX, HUGGINGFACE = "onnx", "huggingface"
#: format -> (the sandbox's server for it, the modules that it needs, what to do without them)
SERVERS = {
    ONNX: (
        "onnx",
        ("kserve", "onnxruntime"),
        "Install the extra: `pip install 'odh-oci-widgets[sandbox]'`.",
    ),
    HUGGINGFACE: (
        "vllm",
        ("vllm",),
        "Install vLLM (`pip install vllm`, with a GPU), or deploy to the project.",
    ),
}
#: Names that vLLM has for its model format in KServe
_ALIASES = {"vllm": HUGGINGFACE}


def server_for(model_format: str) -> str:
    """The sandbox's server for a format. Raises SandboxUnavailable when there is none, or it is not installed."""
    model_format = _ALIASES.get(model_format.lower(), model_format.lower())
    if model_format not in SERVERS:
        raise SandboxUnavailable(
            f"The sandbox cannot serve models of the format `{model_format}`.",
            hint="It takes ONNX (and Hugging Face models where vLLM is installed): export the model to ONNX, "
            "or deploy it to the project.",
        )
    server, modules, advice = SERVERS[model_format]
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise SandboxUnavailable(
            f"The sandbox needs {' and '.join(missing)} for a model of the format `{model_format}`.",
            hint=advice,
        )
    return server


def find_model(models: Path, model_format: str | None = None) -> tuple[str, str]:
    """Format and path (relative to `models`) of the model: the highest version where there are several.

    Raises SandboxUnavailable for a folder without a model, or with several that nobody chose between.
    """
    files = [path.relative_to(models) for path in sorted(models.rglob("*")) if path.is_file()]
    if model_format is None:
        model_format = _format(files)
    model_format = _ALIASES.get(model_format.lower(), model_format.lower())
    if model_format != ONNX:
        config = next((path for path in files if path.name == "config.json"), Path("config.json"))
        return model_format, str(config.parent)
    found = [path for path in files if path.suffix.lower() == ".onnx"]
    if not found:
        raise SandboxUnavailable(
            f"The image holds no ONNX file, only: {_listed(files)}.",
            hint="Name the right format with `format=`.",
        )
    newest = max(_version(path) for path in found)
    found = [path for path in found if _version(path) == newest]
    chosen = found if len(found) == 1 else [path for path in found if path.name == "model.onnx"]
    if len(chosen) != 1:
        raise SandboxUnavailable(
            f"The image holds several ONNX files: {_listed(found)}.", hint="Build it with one (`--include`)."
        )
    return ONNX, str(chosen[0])


def _format(files: list[Path]) -> str:
    suffixes = {path.suffix.lower() for path in files}
    if ".onnx" in suffixes:
        return ONNX
    if any(path.name == "config.json" for path in files) and suffixes & {".safetensors", ".bin"}:
        return HUGGINGFACE
    known = {
        ".gguf": "gguf",
        ".xml": "openvino_ir",
        ".joblib": "sklearn",
        ".pkl": "sklearn",
        ".ubj": "xgboost",
        ".pb": "tensorflow",
        ".pt": "pytorch",
    }
    for suffix, name in known.items():
        if suffix in suffixes:
            return name
    raise SandboxUnavailable(
        f"The image holds no model that the sandbox knows: {_listed(files) or 'nothing'}.",
        hint="Name its format with `format=`, or deploy it to the project.",
    )


def _version(path: Path) -> int:
    return int(path.parts[0]) if len(path.parts) > 1 and path.parts[0].isdecimal() else 0


def _listed(files: list[Path]) -> str:
    names = [f"`{path}`" for path in files[:5]]
    return ", ".join(names) + (f" and {len(files) - 5} more" if len(files) > 5 else "")
