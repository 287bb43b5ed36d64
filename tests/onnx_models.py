"""Small ONNX models made on the spot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 15


def linear(path: Path, inputs: int, outputs: int, *, softmax: bool = True) -> Path:
    """`scores = softmax(x @ weights)`: an input of index i scores output i % outputs highest."""
    weights = np.zeros((inputs, outputs), np.float32)
    weights[np.arange(inputs), np.arange(inputs) % outputs] = 1
    nodes = [helper.make_node("MatMul", ["x", "weights"], ["sums" if softmax else "scores"])]
    if softmax:
        nodes.append(helper.make_node("Softmax", ["sums"], ["scores"], axis=1))
    graph = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, inputs])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None, outputs])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 8
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))
    return path
