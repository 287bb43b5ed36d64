"""Fitted objects of the notebook as ONNX models, compared with the objects themselves in onnxruntime."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from odh_oci_widgets.models import (
    Model,
    ModelFormat,
    ObjectNotExported,
    PackageMissing,
    RuntimeKind,
    from_object,
    open_model,
    understand,
)

ROWS = np.random.default_rng(7).random((60, 4), dtype=np.float32)
CLASSES = (ROWS[:, 0] > 0.5).astype(int)


def run(model: Model, rows: Any) -> list[Any]:
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(model.files[0].source.path, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: rows})


def test_scikit_learn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("skl2onnx")
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    fitted = make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=0)).fit(ROWS, CLASSES)
    model = from_object(fitted, ROWS, name="My Digits")
    assert (model.name, model.format) == ("my-digits", ModelFormat.ONNX)
    assert Path(model.files[0].source.path or "").is_relative_to(tmp_path / "odh-oci-widgets")
    assert [output.datatype for output in understand(model).outputs] == ["INT64", "FP32"]
    labels, probabilities = run(model, ROWS)
    assert (labels == fitted.predict(ROWS)).all()
    np.testing.assert_allclose(probabilities, fitted.predict_proba(ROWS), atol=1e-4)
    regression = LinearRegression().fit(ROWS, ROWS[:, 1])
    model = from_object(regression, ROWS, folder=tmp_path)
    assert model.files[0].path == "linearregression.onnx"
    np.testing.assert_allclose(run(model, ROWS)[0].ravel(), regression.predict(ROWS), atol=1e-4)


def test_scikit_learn_models_need_another_runtime(tmp_path: Path) -> None:
    sklearn = pytest.importorskip("sklearn.linear_model")
    skl2onnx = pytest.importorskip("skl2onnx")
    model = sklearn.LogisticRegression().fit(np.array([[0.0], [1.0]], dtype=np.float32), [0, 1])
    sample = np.zeros((1, 1), dtype=np.float32)
    maps = tmp_path / "maps.onnx"
    maps.write_bytes(skl2onnx.to_onnx(model, sample).SerializeToString())
    facts = understand(open_model(maps))
    assert facts.suggestion.kind is None
    assert "zipmap" in facts.suggestion.why
    plain = tmp_path / "plain.onnx"
    plain.write_bytes(skl2onnx.to_onnx(model, sample, options={"zipmap": False}).SerializeToString())
    facts = understand(open_model(plain))
    assert facts.suggestion.kind is RuntimeKind.MLSERVER
    assert facts.ml_operators == ("LinearClassifier",)
    assert [t.datatype for t in facts.outputs] == ["INT64", "FP32"]


def test_lightgbm(tmp_path: Path) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    pytest.importorskip("onnxmltools")
    fitted = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(ROWS, CLASSES)
    model = from_object(fitted, ROWS[:1], folder=tmp_path)
    np.testing.assert_allclose(run(model, ROWS)[1], fitted.predict_proba(ROWS), atol=1e-5)


def test_xgboost(tmp_path: Path) -> None:
    xgboost = pytest.importorskip("xgboost")
    pytest.importorskip("onnxmltools")
    fitted = xgboost.XGBClassifier(n_estimators=5).fit(ROWS, CLASSES)
    model = from_object(fitted, ROWS[:1], folder=tmp_path)
    np.testing.assert_allclose(run(model, ROWS)[1], fitted.predict_proba(ROWS), atol=1e-5)


def test_pytorch(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    network = torch.nn.Sequential(
        torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Dropout(), torch.nn.Linear(8, 2)
    )
    network.train()
    model = from_object(network, torch.from_numpy(ROWS[:1]), folder=tmp_path)
    assert network.training
    with torch.no_grad():
        expected = network.eval()(torch.from_numpy(ROWS)).numpy()
    np.testing.assert_allclose(run(model, ROWS)[0], expected, atol=1e-5)


def test_a_missing_exporter_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    fitted = linear.LogisticRegression().fit(ROWS, CLASSES)
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(
        PackageMissing, match=r"To export a LogisticRegression to ONNX, the package `skl2onnx`"
    ) as caught:
        from_object(fitted, ROWS)
    assert caught.value.hint == "Install it in a cell: %pip install skl2onnx"


def test_what_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ObjectNotExported, match="A dict is no model of scikit-learn"):
        from_object({}, ROWS)
    linear = pytest.importorskip("sklearn.linear_model")
    pytest.importorskip("skl2onnx")
    with pytest.raises(ObjectNotExported, match="LogisticRegression cannot be exported") as caught:
        from_object(linear.LogisticRegression(), ROWS, folder=tmp_path)
    assert "fitted" in caught.value.hint
    assert not list(tmp_path.iterdir())
