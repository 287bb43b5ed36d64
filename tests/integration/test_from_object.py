"""Fitted objects of the notebook as ONNX models, compared with the objects themselves in onnxruntime."""

from __future__ import annotations

import importlib
import os
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


def test_a_data_frame_is_one_table_unless_the_model_picks_columns(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("skl2onnx")
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    table = pandas.DataFrame(ROWS, columns=["height", "width", "depth", "weight"])
    fitted = LogisticRegression().fit(table, CLASSES)
    for sample in (table, ROWS.tolist()):
        inputs = understand(from_object(fitted, sample, folder=tmp_path)).inputs
        assert [tensor.shape for tensor in inputs] == [(None, 4)]
    model = from_object(fitted, table, folder=tmp_path)
    np.testing.assert_allclose(run(model, ROWS)[1], fitted.predict_proba(table), atol=1e-5)

    table["colour"] = np.where(ROWS[:, 1] > 0.5, "red", "blue")
    picking = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["colour"]), ("passthrough", ["height"])),
        LogisticRegression(),
    )
    model = from_object(picking.fit(table, CLASSES), table, folder=tmp_path)
    inputs = {tensor.name: tensor.datatype for tensor in understand(model).inputs}
    assert inputs.items() >= {("height", "FP32"), ("colour", "BYTES")}

    with pytest.raises(ObjectNotExported, match="single row"):
        from_object(fitted, ROWS[0], folder=tmp_path)


def test_lightgbm(tmp_path: Path) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    pytest.importorskip("onnxmltools")
    fitted = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(ROWS, CLASSES)
    model = from_object(fitted, ROWS[:1], folder=tmp_path)
    np.testing.assert_allclose(run(model, ROWS)[1], fitted.predict_proba(ROWS), atol=1e-5)


@pytest.fixture
def xgboost() -> Any:
    """Of the test group on Linux, so that CI does not pass without it."""
    if os.environ.get("CI") == "true" and sys.platform == "linux":
        return importlib.import_module("xgboost")
    return pytest.importorskip("xgboost", reason="xgboost is not installed: `pip install xgboost-cpu`")


def test_xgboost(tmp_path: Path, xgboost: Any) -> None:
    fitted = xgboost.XGBClassifier(n_estimators=5).fit(ROWS, CLASSES)
    model = from_object(fitted, ROWS[:1], folder=tmp_path)
    np.testing.assert_allclose(run(model, ROWS)[1], fitted.predict_proba(ROWS), atol=1e-5)
    regression = xgboost.XGBRegressor(n_estimators=5).fit(ROWS, ROWS[:, 1])
    model = from_object(regression, ROWS.tolist(), folder=tmp_path)
    np.testing.assert_allclose(run(model, ROWS)[0].ravel(), regression.predict(ROWS), atol=1e-5)


def test_xgboost_of_a_data_frame(tmp_path: Path, xgboost: Any) -> None:
    table = pytest.importorskip("pandas").DataFrame(ROWS, columns=["height", "width", "depth", "weight"])
    fitted = xgboost.XGBClassifier(n_estimators=5).fit(table, CLASSES)
    model = from_object(fitted, table, folder=tmp_path)
    np.testing.assert_allclose(run(model, ROWS)[1], fitted.predict_proba(table), atol=1e-5)
    assert fitted.get_booster().feature_names == list(table.columns), "the notebook's own stays as it is"


def test_an_xgboost_model_that_would_come_out_wrong_is_refused(tmp_path: Path, xgboost: Any) -> None:
    forest = xgboost.XGBRFClassifier(n_estimators=5)
    model = from_object(forest.fit(ROWS, CLASSES), ROWS, folder=tmp_path)
    np.testing.assert_allclose(run(model, ROWS)[1], forest.predict_proba(ROWS), atol=1e-5)
    with pytest.raises(ObjectNotExported, match="forests of more than two classes"):
        from_object(forest.fit(ROWS, (ROWS[:, 0] * 3).astype(int)), ROWS, folder=tmp_path)
    with pytest.raises(ObjectNotExported, match="its booster is `gblinear`"):
        from_object(xgboost.XGBClassifier(booster="gblinear").fit(ROWS, CLASSES), ROWS, folder=tmp_path)


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
