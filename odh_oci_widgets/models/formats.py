"""The format of a model, from the names of its files."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import PurePosixPath

from .model import ModelFormat

#: names that scikit-learn, XGBoost and LightGBM models have by the convention of KServe's runtimes
_BY_NAME = {
    "model.joblib": ModelFormat.SKLEARN,
    "model.pkl": ModelFormat.SKLEARN,
    "model.pickle": ModelFormat.SKLEARN,
    "model.bst": ModelFormat.XGBOOST,
    "model.ubj": ModelFormat.XGBOOST,
    "model.json": ModelFormat.XGBOOST,
    "model.lgb": ModelFormat.LIGHTGBM,
    "model.txt": ModelFormat.LIGHTGBM,
    "saved_model.pb": ModelFormat.TENSORFLOW,
}
_BY_ENDING = {
    ".onnx": ModelFormat.ONNX,
    ".gguf": ModelFormat.GGUF,
    ".joblib": ModelFormat.SKLEARN,
    ".ubj": ModelFormat.XGBOOST,
    ".bst": ModelFormat.XGBOOST,
    ".lgb": ModelFormat.LIGHTGBM,
    ".pt": ModelFormat.PYTORCH,
    ".pth": ModelFormat.PYTORCH,
    ".safetensors": ModelFormat.PYTORCH,
    ".pkl": ModelFormat.SKLEARN,
}


def detect_format(paths: Collection[str]) -> ModelFormat:
    """What the files are, UNKNOWN if no rule fits.

    >>> detect_format(["config.json", "model.safetensors", "onnx/model.onnx"])
    <ModelFormat.HUGGINGFACE: 'huggingface'>
    >>> detect_format(["model.xml", "model.bin"])
    <ModelFormat.OPENVINO_IR: 'openvino_ir'>
    """
    files = [PurePosixPath(path) for path in paths]
    names = {str(file) for file in files}
    top = {file.name for file in files if len(file.parts) == 1}
    if "config.json" in top and any(_transformers_weights(name) for name in top):
        return ModelFormat.HUGGINGFACE
    if any(file.suffix == ".xml" and str(file.with_suffix(".bin")) in names for file in files):
        return ModelFormat.OPENVINO_IR
    by_name = next((_BY_NAME[file.name] for file in files if file.name in _BY_NAME), None)
    if by_name:
        return by_name
    found = {_BY_ENDING[file.suffix] for file in files if file.suffix in _BY_ENDING}
    return next((fmt for fmt in _BY_ENDING.values() if fmt in found), ModelFormat.UNKNOWN)


def _transformers_weights(name: str) -> bool:
    return name.endswith((".safetensors", ".safetensors.index.json")) or (
        name.startswith("pytorch_model") and name.endswith((".bin", ".bin.index.json"))
    )
