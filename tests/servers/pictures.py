"""A small classifier and a picture for it, made on the spot where the real ones are not at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image


def bright_or_dark(path: Path) -> Path:
    """An ONNX model: input `data` [1, 3, 224, 224], output two logits; class 1 when the picture is bright."""
    weights = numpy_helper.from_array(np.array([[-1.0, 1.0]] * 3, dtype=np.float32), "weights")
    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["data"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weights"], ["logits"]),
        ],
        "bright-or-dark",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 3, 224, 224])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 2])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def picture(path: Path, *, value: int = 250) -> Path:
    """A grey picture, bright by default."""
    Image.fromarray(np.full((300, 400, 3), value, dtype=np.uint8)).save(path)
    return path
