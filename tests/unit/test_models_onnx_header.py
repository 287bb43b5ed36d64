"""Our ONNX reader against the `onnx` package, and against garbage."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odh_oci_widgets.models import NotAModel, RuntimeKind, open_model, understand
from odh_oci_widgets.models.model import ModelFile
from odh_oci_widgets.models.onnx_header import read_onnx
from odh_oci_widgets.models.reading import TooScattered, Window
from odh_oci_widgets.oci.plan import Source

onnx = pytest.importorskip("onnx")
helper, proto = onnx.helper, onnx.TensorProto


def window(path: Path, **options: int) -> Window:
    file = ModelFile(path=path.name, size=path.stat().st_size, source=Source(path=str(path)))
    return Window(file, token=None, **options)


def simple(path: Path, *, ir: int = 10, elem: int = proto.FLOAT, inputs: int = 1) -> Path:
    names = [f"x{index}" for index in range(inputs)]
    values = [helper.make_tensor_value_info(name, elem, ["batch", 3, None, 224]) for name in names]
    weight = helper.make_tensor("w", elem, [1], [1])
    if ir < 4:
        values.append(helper.make_tensor_value_info("w", elem, [1]))
    graph = helper.make_graph(
        [helper.make_node("Sum", [*names, "w"], ["y"])],
        "graph",
        values,
        [helper.make_tensor_value_info("y", elem, [])],
        [weight],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    )
    model.ir_version = ir
    path.write_bytes(model.SerializeToString())
    return path


def test_inputs_outputs_and_operator_sets(tmp_path: Path) -> None:
    header = read_onnx(window(simple(tmp_path / "a.onnx", inputs=2)))
    assert [(t.name, t.datatype, t.shape) for t in header.inputs] == [
        ("x0", "FP32", ("batch", 3, None, 224)),
        ("x1", "FP32", ("batch", 3, None, 224)),
    ]
    assert [(t.name, t.shape) for t in header.outputs] == [("y", ())]
    assert header.opsets == {"": 17, "ai.onnx.ml": 3}
    assert header.external_data == []


def test_before_ir_4_weights_are_no_inputs(tmp_path: Path) -> None:
    assert [t.name for t in read_onnx(window(simple(tmp_path / "a.onnx", ir=3))).inputs] == ["x0"]


@pytest.mark.parametrize(
    ("elem", "name"),
    [
        (proto.FLOAT16, "FP16"),
        (proto.INT64, "INT64"),
        (proto.UINT8, "UINT8"),
        (proto.DOUBLE, "FP64"),
        (proto.BOOL, "BOOL"),
    ],
)
def test_data_types(tmp_path: Path, elem: int, name: str) -> None:
    assert read_onnx(window(simple(tmp_path / "a.onnx", elem=elem))).inputs[0].datatype == name


def test_small_blocks_give_the_same(tmp_path: Path) -> None:
    path = simple(tmp_path / "a.onnx", inputs=40)
    assert read_onnx(window(path, block=7, limit=10_000)) == read_onnx(window(path))
    with pytest.raises(TooScattered):
        read_onnx(window(path, block=7, limit=5))


def test_weights_in_other_files(tmp_path: Path) -> None:
    path = simple(tmp_path / "a.onnx")
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        tensor.raw_data = bytes(4)
        del tensor.float_data[:]
    onnx.save_model(model, path, save_as_external_data=True, location="a.data", size_threshold=0)
    facts = understand(open_model(tmp_path))
    assert facts.external_data == ("a.data",)
    assert facts.warnings == ()
    (tmp_path / "a.data").unlink()
    assert "`a.data`, which is not among the files" in understand(open_model(tmp_path)).warnings[0]


def test_the_mobilenet_of_the_test_data(shared: Path | None) -> None:
    if not shared:
        pytest.skip("no shared data beside the checkout")
    facts = understand(open_model(shared / "data" / "mobilenet" / "mobilenet_v2_quant.onnx"))
    assert [(t.name, t.datatype, t.shape) for t in facts.inputs] == [("input", "FP32", (1, 3, 224, 224))]
    assert [(t.name, t.datatype, t.shape) for t in facts.outputs] == [("output", "FP32", (1, 1000))]
    assert facts.opsets[""] == 12
    assert facts.suggestion.kind is RuntimeKind.OVMS


@given(st.binary(max_size=300))
def test_garbage_is_refused_and_nothing_else_happens(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("garbage") / "a.onnx"
    path.write_bytes(data)
    with pytest.raises(NotAModel):
        read_onnx(window(path))


@given(cut=st.integers(min_value=1, max_value=100))
def test_a_model_cut_off_is_refused(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    path = simple(tmp_path_factory.mktemp("cut") / "a.onnx", inputs=3)
    path.write_bytes(path.read_bytes()[:-cut])
    with contextlib.suppress(NotAModel):
        assert read_onnx(window(path)).outputs
