"""A fitted model of the notebook as an ONNX model on disk, ready for an image."""

from __future__ import annotations

import copy
import hashlib
import importlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .errors import ObjectNotExported, PackageMissing
from .folder import open_folder
from .model import Model
from .naming import service_name


def from_object(model: Any, sample: Any, *, name: str | None = None, folder: Path | None = None) -> Model:
    """The model that a fitted scikit-learn, XGBoost, LightGBM or PyTorch object is, exported to ONNX.

    `sample` is a batch as `predict` takes it (an array, a list or a DataFrame of rows; for PyTorch a tensor or an
    array, or a tuple of them): the export reads types and shapes from it; the number of rows stays free. A table of
    numbers is one input of all its columns; only a model that picks columns by name gets an input for each.
    Classifiers give labels and probabilities as plain tensors. The file goes to `folder`, by default into
    `$XDG_CACHE_HOME/odh-oci-widgets/models/<sha256>/`, so that it outlives the notebook's memory.

    Raises PackageMissing (with the package to install) and ObjectNotExported.

    >>> from odh_oci_widgets import from_object
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> model = from_object(LogisticRegression(max_iter=500).fit(X, y), X[:1], name="flowers")
    >>> model.name, model.format
    ('flowers', <ModelFormat.ONNX: 'onnx'>)
    """
    export = _exporter(model)
    try:
        data = export(model, sample)
    except ImportError as error:
        package = (error.name or "its exporter").partition(".")[0]
        raise PackageMissing(
            f"To export a {_kind(model)} to ONNX, the package `{package}` is needed.",
            hint=f"Install it in a cell: %pip install {package}",
        ) from error
    except Exception as error:
        # Exporters raise what they like, from KeyError to their own types: the text is what helps.
        # PyTorch wraps them in a guide of its own, in colours.
        reason = error.__cause__ or error
        first = str(reason).strip().partition("\n")[0] or type(reason).__name__
        raise ObjectNotExported(
            f"The {_kind(model)} cannot be exported to ONNX: {first}.".replace("..", "."),
            hint="Check that it is fitted and that `sample` is a batch as its predict takes it.",
        ) from error
    label = service_name(name or _kind(model))
    target = (folder or _cache() / hashlib.sha256(data).hexdigest()[:16]) / f"{label}.onnx"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    return open_folder(target)


def _exporter(model: Any) -> Callable[[Any, Any], bytes]:
    """By the package that the object's class, or a class it derives from, comes from; the most specific wins."""
    exporters = {"xgboost": _xgboost, "lightgbm": _lightgbm, "torch": _torch, "sklearn": _sklearn}
    packages = [cls.__module__.partition(".")[0] for cls in type(model).__mro__]
    found = next((exporters[package] for package in packages if package in exporters), None)
    if found is None:
        raise ObjectNotExported(
            f"A {_kind(model)} is no model of scikit-learn, XGBoost, LightGBM or PyTorch.",
            hint="Export it to ONNX yourself and choose the file.",
        )
    return found


def _sklearn(model: Any, sample: Any) -> bytes:
    skl2onnx = importlib.import_module("skl2onnx")
    # Without this the probabilities are a list of dictionaries, which no inference protocol carries.
    options = {id(model): {"zipmap": False}} if hasattr(model, "predict_proba") else None
    named = hasattr(sample, "columns")
    rows = _rows(sample)[:1]
    try:
        if named and rows.dtype == object:
            raise ValueError("columns of several types are no single tensor")
        data: bytes = skl2onnx.to_onnx(model, rows, options=options).SerializeToString()
    except Exception:
        if not named:
            raise
        # The model may pick columns by their names: each is then an input of its own.
        data = skl2onnx.to_onnx(model, sample[:1], options=options).SerializeToString()
    return data


def _xgboost(model: Any, sample: Any) -> bytes:
    # The exporter takes the columns of a DataFrame for an error; their order is all that counts.
    model = copy.deepcopy(model)
    booster = model.get_booster() if hasattr(model, "get_booster") else model
    booster.feature_names = booster.feature_types = None
    _check_booster(booster)
    data: bytes = (
        _tools()
        .convert_xgboost(model, initial_types=[("input", _floats(sample))], target_opset=15)
        .SerializeToString()
    )
    return data


def _check_booster(booster: Any) -> None:
    """What the exporter fails at in words that help nobody, or turns into another model without a word."""
    learner = json.loads(booster.save_config())["learner"]
    kind = learner["gradient_booster"]["name"]
    if kind != "gbtree":
        raise ValueError(f"its booster is `{kind}`, and only trees (`gbtree`) can be")
    # The trees are dealt out to the classes in turn, which is wrong where a round has several for each.
    trees = int(learner["gradient_booster"]["gbtree_model_param"]["num_parallel_tree"])
    if trees > 1 and int(learner["learner_model_param"]["num_class"]) > 1:
        raise ValueError("forests of more than two classes come out wrong")


def _lightgbm(model: Any, sample: Any) -> bytes:
    data: bytes = (
        _tools()
        .convert_lightgbm(model, initial_types=[("input", _floats(sample))], zipmap=False, target_opset=15)
        .SerializeToString()
    )
    return data


def _tools() -> Any:
    return importlib.import_module("onnxmltools")


def _floats(sample: Any) -> Any:
    """The type of any number of rows like those of the sample."""
    types = importlib.import_module("onnxmltools.convert.common.data_types")
    return types.FloatTensorType([None, _rows(sample).shape[1]])


def _rows(sample: Any) -> Any:
    """The sample as an array; of a DataFrame with texts in it an array of objects, which is no table of numbers."""
    import numpy as np

    rows = sample.toarray() if hasattr(sample, "toarray") else np.asarray(sample)
    if rows.ndim == 1 and rows.dtype.kind in "iufb":
        raise ValueError("`sample` is a single row, not a batch of rows")
    return rows


def _torch(model: Any, sample: Any) -> bytes:
    torch = importlib.import_module("torch")
    importlib.import_module("onnxscript")  # torch asks for it late and in other words
    batches = sample if isinstance(sample, tuple) else (sample,)
    inputs = tuple(item if torch.is_tensor(item) else torch.as_tensor(_rows(item)) for item in batches)
    batch = torch.export.Dim("batch")
    training = model.training
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            torch.onnx.export(
                model.eval(),
                inputs,
                path,
                dynamo=True,
                # One file: weights beside it fail through KServe's symlink in onnxruntime-based servers.
                external_data=False,
                dynamic_shapes=tuple({0: batch} for _ in inputs),
                verbose=False,
            )
            return path.read_bytes()
    finally:
        model.train(training)


def _kind(model: Any) -> str:
    return type(model).__name__


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser() / "odh-oci-widgets" / "models"
