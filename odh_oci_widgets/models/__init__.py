"""Choose: Hugging Face, the web, a folder; formats and the layout the runtime needs.

>>> from odh_oci_widgets.models import open_model
>>> model = open_model("hf://ibm-granite/granite-3.0-2b-instruct")
>>> model.format, len(model.revision), model.license
(<ModelFormat.HUGGINGFACE: 'huggingface'>, 40, 'apache-2.0')
"""

from __future__ import annotations

from .browsing import Entry, browse
from .errors import (
    ModelAccessMissing,
    ModelEmpty,
    ModelError,
    ModelGated,
    ModelNotFound,
    NotAModel,
    ObjectNotExported,
    PackageMissing,
    PathLeavesFolder,
    ReferenceNotUnderstood,
    RevisionNotFound,
    SizeUnknown,
    SourceUnreachable,
    TokenRefused,
)
from .facts import Facts, understand
from .from_object import from_object
from .gpus import GPUS, Gpu, card_of, find_gpu
from .hub import hub_endpoint, hub_token
from .model import GENERATIVE, Model, ModelFile, ModelFormat
from .onnx_header import Tensor
from .opening import open_model
from .runtime import RuntimeKind, Suggestion
from .searching import ModelSummary, Revision, revisions, search
from .sizing import CpuNeeds, Estimate, GpuFit, Part, estimate_cpu, estimate_gpu, fit_gpu, host_memory
from .transformers_config import Config, KvCache

__all__ = [
    "GENERATIVE",
    "GPUS",
    "Config",
    "CpuNeeds",
    "Entry",
    "Estimate",
    "Facts",
    "Gpu",
    "GpuFit",
    "KvCache",
    "Model",
    "ModelAccessMissing",
    "ModelEmpty",
    "ModelError",
    "ModelFile",
    "ModelFormat",
    "ModelGated",
    "ModelNotFound",
    "ModelSummary",
    "NotAModel",
    "ObjectNotExported",
    "PackageMissing",
    "Part",
    "PathLeavesFolder",
    "ReferenceNotUnderstood",
    "Revision",
    "RevisionNotFound",
    "RuntimeKind",
    "SizeUnknown",
    "SourceUnreachable",
    "Suggestion",
    "Tensor",
    "TokenRefused",
    "browse",
    "card_of",
    "estimate_cpu",
    "estimate_gpu",
    "find_gpu",
    "fit_gpu",
    "from_object",
    "host_memory",
    "hub_endpoint",
    "hub_token",
    "open_model",
    "revisions",
    "search",
    "understand",
]
