"""The main job without a cluster: image, push to a real registry, deploy from there, classify a picture."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from PIL import Image

from odh_oci_widgets.inference import (
    Endpoint,
    Prediction,
    Style,
    V2Client,
    classification_code,
    tensor_code,
)
from odh_oci_widgets.inference.classification import classify
from odh_oci_widgets.inference.v2 import request_body
from odh_oci_widgets.oci import inspect_image
from odh_oci_widgets.serving import Service, sandbox
from tests.sandbox import image_of, own_sandbox
from tests.servers.mlserver import MLServer
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


@dataclass(frozen=True)
class Example:
    """A model, a picture of class 144, the list of labels, and the probability where it is known."""

    model: Path
    picture: Path
    labels: Path
    probability: float | None


@pytest.fixture
def pelican(shared: Path | None, tmp_path: Path) -> Example:
    """The real thing where the shared folder is, or a model made on the spot."""
    if shared is None:
        Image.new("RGB", (500, 375), "red").save(tmp_path / "red.png")
        names = "\n".join("pelican" if n == 144 else f"other {n}" for n in range(1000))
        (tmp_path / "labels.txt").write_text(names)
        return Example(
            reddest(tmp_path / "reddest.onnx"), tmp_path / "red.png", tmp_path / "labels.txt", None
        )
    data = shared / "data" / "mobilenet"
    expected = json.loads((data / "expected.json").read_text())["pelican.jpeg"][0]["probability"]
    return Example(data / "mobilenet_v2_quant.onnx", data / "pelican.jpeg", data / "synset.txt", expected)


def check(answer: list[Prediction], example: Example) -> None:
    assert (answer[0].index, answer[0].label) == (144, "pelican")
    if example.probability:
        # int8 kernels differ by processor
        assert answer[0].probability == pytest.approx(example.probability, abs=0.05)


def same_numbers_raw_and_as_json(url: str) -> None:
    tensor = np.random.default_rng(1).normal(size=(1, 3, 224, 224)).astype(np.float32)
    raw, text = (V2Client(Endpoint(url), "mobilenet", binary=binary) for binary in (True, False))
    (spec,) = raw.metadata().inputs
    body, _ = request_body({spec.name: (spec, tensor)}, raw.metadata(), binary=True)
    assert len(body) <= 700_000, "one picture on the wire"
    ((_, as_bytes),), ((_, as_json),) = raw.infer(tensor).items(), text.infer(tensor).items()
    assert np.array_equal(as_bytes, as_json)


def runs_as_shown(
    service: Service, example: Example, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What "Show code" gives does what the call does: Python of this package and, where it is there, curl."""
    picture, labels = str(example.picture), str(example.labels)
    called = {"name": service.name, "url": service.url or ""}
    capsys.readouterr()
    exec(classification_code(Style.PYTHON, **called, picture=picture, labels=labels), {})
    assert capsys.readouterr().out.splitlines()[0].endswith("pelican")
    array = np.zeros((1, 3, 224, 224), np.float32)
    np.save(folder / "zeros.npy", array)
    exec(tensor_code(Style.PYTHON, **called, file=str(folder / "zeros.npy")), {})
    assert "TensorSummary" in capsys.readouterr().out
    if shutil.which("curl") is None:
        pytest.skip("curl is missing: install it, e.g. `apt-get install curl`")
    script = classification_code(Style.CURL, **called, picture=picture)
    environ = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(Path.cwd()),
    }
    done = subprocess.run(["bash", "-c", script], cwd=folder, env=environ, capture_output=True, check=True)
    assert np.argmax(json.loads(done.stdout)["outputs"][0]["data"]) == 144


def test_a_pelican_is_a_pelican(
    registry: Registry, pelican: Example, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    image = image_of(pelican.model, f"{registry.host}/classify/mobilenet:1", insecure=True)
    assert inspect_image(image, insecure=True).annotations["org.odh-oci.model-format"] == "onnx"
    with own_sandbox(tmp_path / "state"):
        began = time.monotonic()
        service = sandbox.deploy(image, "mobilenet", insecure=True)
        service.wait(120)
        print(f"deployed in {time.monotonic() - began:.1f} s")
        (answer,) = service.classify(pelican.picture, labels=pelican.labels)
        check(answer, pelican)
        assert len(answer) == 5
        assert service.classify([pelican.picture] * 2, labels=pelican.labels) == [answer, answer]
        same_numbers_raw_and_as_json(service.url)
        runs_as_shown(service, pelican, tmp_path, capsys)
        result = service.measure(images=pelican.picture, requests=10, concurrency=2)
        assert result.errors == {}
        print(f"p50 {result.percentile(50) * 1000:.0f} ms, {result.requests_per_second:.1f} a second")


@pytest.mark.slow
def test_a_pelican_is_a_pelican_on_mlserver_too(
    pelican: Example, tmp_path: Path, request: pytest.FixtureRequest
):
    session = onnxruntime.InferenceSession(str(pelican.model))
    metadata = {
        kind: [{"name": one.name, "datatype": "FP32", "shape": one.shape} for one in tensors]
        for kind, tensors in (("inputs", session.get_inputs()), ("outputs", session.get_outputs()))
    }
    environment = request.config.cache.mkdir("mlserver")
    server = MLServer(environment, tmp_path / "mlserver", "mobilenet", pelican.model, metadata)
    try:
        client = V2Client(Endpoint(server.url), "mobilenet")
        (answer,) = classify(client, pelican.picture, labels=pelican.labels)
        check(answer, pelican)
        assert client.binary is False, "MLServer 1.7 breaks on raw tensors (500), so it gets JSON"
        array = np.random.default_rng(2).normal(size=(1, 3, 224, 224)).astype(np.float32)
        ((name, scores),) = client.infer(array).items()
        here = session.run([name], {session.get_inputs()[0].name: array})[0]
        assert np.array_equal(scores, here)
    finally:
        server.stop()
