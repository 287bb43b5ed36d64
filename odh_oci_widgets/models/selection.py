"""Which files of a repository a server needs, and why the others stay behind."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from .model import ModelFormat

#: glob -> reason, whatever the format. Licences, READMEs and everything small that a server may read stay.
_NEVER = {
    ".gitattributes": "belongs to git",
    ".gitignore": "belongs to git",
    "*.png": "a picture for the model's page",
    "*.jpg": "a picture for the model's page",
    "*.jpeg": "a picture for the model's page",
    "*.gif": "a picture for the model's page",
    "*.webp": "a picture for the model's page",
    "*.svg": "a picture for the model's page",
    "*.mp4": "a film for the model's page",
    "*.pdf": "a document, no server reads it",
    "*.ipynb": "a notebook, no server reads it",
    "training_args.bin": "left over from training",
    "optimizer.*": "left over from training",
    "scheduler.*": "left over from training",
    "rng_state*": "left over from training",
    "trainer_state.json": "left over from training",
    "runs/*": "left over from training",
    "*events.out.tfevents.*": "left over from training",
}
#: glob -> reason, for a Hugging Face model that has safetensors
_BESIDE_SAFETENSORS = {
    "original/*": "the same weights in the author's own format",
    "*.pth": "the same weights as PyTorch pickles; safetensors are there",
    "*.pt": "the same weights as PyTorch pickles; safetensors are there",
    "*.bin": "the same weights as PyTorch pickles; safetensors are there",
    "*.bin.index.json": "the index of left-out weights",
    "*.ckpt": "the same weights as a training checkpoint; safetensors are there",
    "*.h5": "the same weights for TensorFlow; safetensors are there",
    "*.h5.index.json": "the index of left-out weights",
    "*.msgpack": "the same weights for Flax; safetensors are there",
    "*.msgpack.index.json": "the index of left-out weights",
    "*.ot": "the same weights for Rust; safetensors are there",
    "*.tflite": "the same model for TensorFlow Lite; safetensors are there",
    "*.mlmodel": "the same model for Core ML; safetensors are there",
    "coreml/*": "the same model for Core ML; safetensors are there",
    "*.mlpackage/*": "the same model for Core ML; safetensors are there",
    "onnx/*": "the same model as ONNX; safetensors are there",
    "*.onnx": "the same model as ONNX; safetensors are there",
    "*.onnx_data*": "the same model as ONNX; safetensors are there",
    "openvino/*": "the same model for OpenVINO; safetensors are there",
    "openvino_*": "the same model for OpenVINO; safetensors are there",
    "*.gguf": "the same model as GGUF; safetensors are there",
}


def left_out(paths: Collection[str], model_format: ModelFormat) -> dict[str, str]:
    """Path -> reason, for the files that the default selection leaves out.

    >>> paths = ["config.json", "model.safetensors", "pytorch_model.bin", "LICENSE"]
    >>> left_out(paths, ModelFormat.HUGGINGFACE)
    {'pytorch_model.bin': 'the same weights as PyTorch pickles; safetensors are there'}
    """
    reasons = _by_glob(paths, _NEVER)
    if model_format is ModelFormat.HUGGINGFACE and any(path.endswith(".safetensors") for path in paths):
        reasons |= _by_glob(paths, _BESIDE_SAFETENSORS)
        if any(fnmatchcase(path, "model*.safetensors") for path in paths):
            reasons |= _by_glob(
                paths, {"consolidated*.safetensors": "the same weights in Mistral's own format"}
            )
    elif model_format is ModelFormat.ONNX and not any(re.match(r"\d+/", path) for path in paths):
        reasons |= _all_but_one(
            paths,
            ".onnx",
            _onnx_rank,
            "another variant of the model; OpenVINO Model Server takes one per version",
        )
    elif model_format is ModelFormat.GGUF:
        reasons |= _all_but_one(paths, ".gguf", _gguf_rank, "another quantisation of the same model")
    return reasons


def _by_glob(paths: Collection[str], rules: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in paths:
        # A rule without a folder counts at every depth: `optimizer.pt` in `checkpoint-500/` too.
        name = PurePosixPath(path).name
        reason = next(
            (why for glob, why in rules.items() if fnmatchcase(path, glob) or fnmatchcase(name, glob)), None
        )
        if reason:
            found[path] = reason
    return found


def _all_but_one(
    paths: Collection[str], ending: str, rank: Callable[[str], tuple[int, int, str]], reason: str
) -> dict[str, str]:
    """The files with that ending but the best (smallest rank), with the data files that belong to them."""
    candidates = sorted((path for path in paths if path.endswith(ending)), key=rank)
    others = [path for path in candidates if _stem(path) != _stem(candidates[0])]
    # `model.onnx_data` and `model.onnx.data` hold the weights of `model.onnx`.
    return {
        path: reason
        for path in paths
        for other in others
        if path == other or path.startswith((other + "_", other + "."))
    }


def _stem(path: str) -> str:
    """The name without a shard's number: the parts of one GGUF belong together."""
    return path.split("-00", maxsplit=1)[0]


def _onnx_rank(path: str) -> tuple[int, int, str]:
    return (PurePosixPath(path).name != "model.onnx", path.count("/"), path)


def _gguf_rank(path: str) -> tuple[int, int, str]:
    # Q4_K_M is what llama.cpp's and Ollama's users take when they do not think about it.
    return ("q4_k_m" not in path.lower(), path.count("/"), path)
