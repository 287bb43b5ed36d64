"""Which of Open Data Hub's runtimes fits a model, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from .model import ModelFormat
from .onnx_header import Tensor


class RuntimeKind(StrEnum):
    """Families of serving runtimes, by the value of their annotation `opendatahub.io/kserve-runtime`.

    >>> from odh_oci_widgets.models import RuntimeKind
    >>> RuntimeKind("vllm")
    <RuntimeKind.VLLM: 'vllm'>
    """

    VLLM = "vllm"
    OVMS = "ovms"
    MLSERVER = "mlserver"


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """A runtime (None: none of them serves the model), the reason, and the arguments it needs for this model.

    >>> from odh_oci_widgets import open_model, understand
    >>> suggestion = understand(open_model("iris.onnx")).suggestion
    >>> suggestion.kind, suggestion.why
    (<RuntimeKind.OVMS: 'ovms'>, 'OpenVINO Model Server runs ONNX on CPUs without further settings.')
    """

    kind: RuntimeKind | None = None
    why: str = ""
    args: tuple[str, ...] = ()


_BY_FORMAT = {
    ModelFormat.OPENVINO_IR: Suggestion(
        kind=RuntimeKind.OVMS, why="OpenVINO IR is OpenVINO Model Server's own format."
    ),
    ModelFormat.TENSORFLOW: Suggestion(
        kind=RuntimeKind.OVMS, why="OpenVINO Model Server reads TensorFlow's SavedModel."
    ),
    ModelFormat.SKLEARN: Suggestion(
        kind=RuntimeKind.MLSERVER,
        why="MLServer loads scikit-learn pickles; its scikit-learn must be the version that wrote them.",
    ),
    ModelFormat.XGBOOST: Suggestion(kind=RuntimeKind.MLSERVER, why="MLServer loads XGBoost models."),
    ModelFormat.LIGHTGBM: Suggestion(kind=RuntimeKind.MLSERVER, why="MLServer loads LightGBM models."),
    ModelFormat.GGUF: Suggestion(
        why="No runtime of Open Data Hub is made for GGUF; choose the safetensors model it was made from."
    ),
    ModelFormat.PYTORCH: Suggestion(why="Bare PyTorch weights hold no model to run; export it to ONNX."),
    ModelFormat.UNKNOWN: Suggestion(why="The format is not known; choose the runtime yourself."),
}


def suggest(
    model_format: ModelFormat,
    *,
    architecture: str | None = None,
    needs_code: bool = False,
    ml_operators: Sequence[str] = (),
    outputs: Sequence[Tensor] = (),
) -> Suggestion:
    """The runtime for a model of that format.

    >>> suggest(ModelFormat.ONNX, ml_operators=["Scaler"]).kind
    <RuntimeKind.MLSERVER: 'mlserver'>
    >>> suggest(ModelFormat.HUGGINGFACE, architecture="LlamaForCausalLM").why
    'vLLM serves LlamaForCausalLM: completions, and chat where there is a template.'
    """
    if model_format is ModelFormat.HUGGINGFACE:
        return _vllm(architecture, needs_code=needs_code)
    if model_format is ModelFormat.ONNX:
        return _onnx(ml_operators, outputs)
    return _BY_FORMAT[model_format]


def _vllm(architecture: str | None, *, needs_code: bool) -> Suggestion:
    name = architecture or "this model"
    args = ("--trust-remote-code",) if needs_code else ()
    code = (
        " It brings Python code of its own, which --trust-remote-code lets run: read it first."
        if needs_code
        else ""
    )
    if architecture is None or architecture.endswith(
        ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
    ):
        why = f"vLLM serves {name}: completions, and chat where there is a template."
    else:
        why = f"{name} does not write text: vLLM serves it for embeddings or classification, not completions."
        args = ("--runner=pooling", *args)
    return Suggestion(kind=RuntimeKind.VLLM, why=why + code, args=args)


def _onnx(ml_operators: Sequence[str], outputs: Sequence[Tensor]) -> Suggestion:
    classical = [tensor for tensor in outputs if tensor.datatype in {"sequence", "map"}]
    if classical:
        return Suggestion(
            why=f"Output `{classical[0].name}` is a {classical[0].datatype}, which the inference protocol cannot carry:"
            " export it again with options={'zipmap': False}.",
        )
    if ml_operators:
        return Suggestion(
            kind=RuntimeKind.MLSERVER,
            why=f"It uses {', '.join(ml_operators)} of ai.onnx.ml, which MLServer's onnxruntime has"
            " and OpenVINO lacks.",
        )
    return Suggestion(
        kind=RuntimeKind.OVMS, why="OpenVINO Model Server runs ONNX on CPUs without further settings."
    )
