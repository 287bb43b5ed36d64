"""The tutorials run from the first cell to the last, against real servers and stand-ins that behave as real ones."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from tests.notebooks.executed import NOTEBOOKS, ROOT, execute, printed
from tests.servers.hub import Hub
from tests.servers.kubernetes import KServe, KubernetesApi, Network, Node
from tests.servers.pictures import bright_or_dark, picture
from tests.servers.registry import Registry
from tests.servers.vllm import VLLM

ALL = sorted(NOTEBOOKS.glob("*.ipynb"))


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs(path: Path):
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    assert "widgets" not in book.metadata
    for cell in book.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch):
    """`settings(TARGET="sandbox")` sets ODH_OCI_TARGET for the kernel."""

    def put(**values: str | Path) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"ODH_OCI_{name}", str(value))

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return put


def test_mobilenet_in_the_sandbox(settings, shared: Path | None, tmp_path: Path, registry: Registry):
    data = shared / "data" / "mobilenet" if shared else None
    if data and (data / "mobilenet_v2_quant.onnx").is_file():
        settings(
            MODEL=data / "mobilenet_v2_quant.onnx", PICTURE=data / "pelican.jpeg", LABELS=data / "synset.txt"
        )
        label = "pelican"
    else:
        labels = tmp_path / "labels.txt"
        labels.write_text("dark\nbright\n")
        settings(
            MODEL=bright_or_dark(tmp_path / "model.onnx"), PICTURE=picture(tmp_path / "a.png"), LABELS=labels
        )
        label = "bright"
    settings(
        TARGET="sandbox",
        IMAGE=f"{registry.host}/notebooks/mobilenet:1",
        INSECURE="1",
        NAME="mobilenet-notebook",
    )
    book = nbformat.read(NOTEBOOKS / "02-mobilenet-classification.ipynb", as_version=4)
    said = printed(execute(book, tmp_path))
    assert f"{registry.host}/notebooks/mobilenet:1@sha256:" in said
    assert "ready http://127.0.0.1:" in said
    best = next(line for line in said.splitlines() if "%" in line)
    assert best.endswith(f"  {label}")


def tiny_safetensors() -> bytes:
    header = json.dumps({"weight": {"dtype": "BF16", "shape": [4, 4], "data_offsets": [0, 32]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(32)


@pytest.fixture
def vllm() -> Iterator[VLLM]:
    server = VLLM("granite")
    yield server
    server.stop()


def test_granite_in_the_project(
    settings,
    hub: Hub,
    registry: Registry,
    kubernetes_api: KubernetesApi,
    namespace: str,
    kubeconfig: Path,
    vllm: VLLM,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    hub.add(
        "notebooks/granite",
        {
            "config.json": json.dumps(
                {"architectures": ["GraniteForCausalLM"], "model_type": "granite"}
            ).encode(),
            "model.safetensors": tiny_safetensors(),
            "pytorch_model.bin": b"the same weights",
            "README.md": b"# Granite",
        },
    )
    image = f"{registry.host}/notebooks/granite:1"
    settings(TARGET="project", MODEL="hf://notebooks/granite", IMAGE=image, BASE="embedded", INSECURE="1")
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    # As in a workbench, where one bundle holds the cluster's own authority too.
    monkeypatch.setenv("SSL_CERT_FILE", str(kubernetes_api.authority))
    with Network(kubernetes_api, tmp_path) as network:
        for name, value in network.environment().items():
            monkeypatch.setenv(name, value)
        node = Node(kubernetes_api, network, lambda image, service: vllm)
        with KServe(kubernetes_api, namespace, node=node):
            book = nbformat.read(NOTEBOOKS / "01-granite-completion.ipynb", as_version=4)
            said = printed(execute(book, tmp_path))
    assert "left out: pytorch_model.bin" in said
    assert f"{image}@sha256:" in said
    assert "ready http" in said
    assert "w0 w1" in said
    assert vllm.requests[-1]["prompt"] == "What is the IBM granite-3 model?"
    assert kubernetes_api.find("inferenceservices", namespace, "serving.kserve.io") == []
