"""Call a model: completions and chat (OpenAI protocol), classification and raw tensors (Open Inference Protocol V2)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

#: public name -> module that holds it, imported at first use: `Prediction` needs no numpy
_HOME = {
    "complete": "calls",
    "classify": "calls",
    "Completion": "results",
    "Prediction": "results",
    "Endpoint": "http",
    "TextClient": "generation",
    "TextStream": "text_stream",
    "Sampling": "generation",
    "Measurement": "measuring",
    "measure": "measuring",
    "Call": "history",
    "Calls": "history",
    "Style": "code",
    "text_code": "code",
    "classification_code": "code",
    "tensor_code": "code",
    "read_arrays": "array_files",
    "V2Client": "v2",
    "ModelMetadata": "v2",
    "TensorSpec": "tensors",
    "TensorSummary": "tensors",
    "summarise": "tensors",
    "InferenceError": "errors",
    "ServerUnreachable": "errors",
    "CallTimeout": "errors",
    "CallNotAllowed": "errors",
    "ModelUnknown": "errors",
    "ModelNotReady": "errors",
    "RequestRefused": "errors",
    "ServerFailed": "errors",
    "WrongShape": "errors",
    "NotAPicture": "errors",
    "NotAClassifier": "errors",
    "LabelsInvalid": "errors",
}

__all__ = [
    "Call",
    "CallNotAllowed",
    "CallTimeout",
    "Calls",
    "Completion",
    "Endpoint",
    "InferenceError",
    "LabelsInvalid",
    "Measurement",
    "ModelMetadata",
    "ModelNotReady",
    "ModelUnknown",
    "NotAClassifier",
    "NotAPicture",
    "Prediction",
    "RequestRefused",
    "Sampling",
    "ServerFailed",
    "ServerUnreachable",
    "Style",
    "TensorSpec",
    "TensorSummary",
    "TextClient",
    "TextStream",
    "V2Client",
    "WrongShape",
    "classification_code",
    "classify",
    "complete",
    "measure",
    "read_arrays",
    "summarise",
    "tensor_code",
    "text_code",
]

if TYPE_CHECKING:
    from .array_files import read_arrays
    from .calls import classify, complete
    from .code import Style, classification_code, tensor_code, text_code
    from .errors import (
        CallNotAllowed,
        CallTimeout,
        InferenceError,
        LabelsInvalid,
        ModelNotReady,
        ModelUnknown,
        NotAClassifier,
        NotAPicture,
        RequestRefused,
        ServerFailed,
        ServerUnreachable,
        WrongShape,
    )
    from .generation import Sampling, TextClient
    from .history import Call, Calls
    from .http import Endpoint
    from .measuring import Measurement, measure
    from .results import Completion, Prediction
    from .tensors import TensorSpec, TensorSummary, summarise
    from .text_stream import TextStream
    from .v2 import ModelMetadata, V2Client


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
