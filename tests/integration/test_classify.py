"""The main job without a cluster: image, push to a real registry, deploy from there, classify a picture."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from odh_oci_widgets.oci import inspect_image
from odh_oci_widgets.serving import sandbox
from tests.sandbox import image_of, own_sandbox
from tests.servers.registry import Registry

pytestmark = pytest.mark.xdist_group("sandbox")


def reddest(path: Path) -> Path:
    """An ImageNet-like classifier made on the spot: of 1000 classes, 144 is for red pictures."""
    weights = np.zeros((3, 1000), np.float32)
    weights[:, 144] = (6, -3, -3)
    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["data"], ["means"]),
            helper.make_node("Flatten", ["means"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weights"], ["scores"]),
        ],
        "reddest",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 3, 224, 224])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 1000])],
        [onnx.numpy_helper.from_array(weights, "weights")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8), str(path))
    return path


def test_a_pelican_is_a_pelican(registry: Registry, shared: Path | None, tmp_path: Path):
    data = shared / "data" / "mobilenet" if shared else None
    if data:
        model, picture, labels = data / "mobilenet_v2_quant.onnx", data / "pelican.jpeg", data / "synset.txt"
        expected = json.loads((data / "expected.json").read_text())["pelican.jpeg"][0]["probability"]
    else:
        model, picture, labels = (
            reddest(tmp_path / "reddest.onnx"),
            tmp_path / "red.png",
            tmp_path / "labels.txt",
        )
        Image.new("RGB", (500, 375), "red").save(picture)
        labels.write_text("\n".join("pelican" if n == 144 else f"other {n}" for n in range(1000)))
        expected = None

    image = image_of(model, f"{registry.host}/classify/mobilenet:1", insecure=True)
    assert inspect_image(image, insecure=True).annotations["org.odh-oci.model-format"] == "onnx"
    with own_sandbox(tmp_path / "state"):
        began = time.monotonic()
        service = sandbox.deploy(image, "mobilenet", insecure=True)
        service.wait(120)
        print(f"deployed in {time.monotonic() - began:.1f} s")
        (answer,) = service.classify(picture, labels=labels)
        assert (answer[0].index, answer[0].label) == (144, "pelican")
        assert len(answer) == 5
        if expected:
            # int8 kernels differ by processor
            assert answer[0].probability == pytest.approx(expected, abs=0.05)
        assert service.classify([picture, picture], labels=labels) == [answer, answer]
        result = service.measure(images=picture, requests=10, concurrency=2)
        assert result.errors == {}
        print(f"p50 {result.percentile(50) * 1000:.0f} ms, {result.requests_per_second:.1f} a second")
