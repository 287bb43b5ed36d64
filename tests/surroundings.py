"""Where the examples of docstrings run: a folder with a model, an image and a picture, a hub, a project, model servers."""

from __future__ import annotations

import contextlib
import os
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from odh_oci_widgets.serving.answering import Answering
from tests.onnx_models import linear
from tests.servers.hub import Hub
from tests.servers.hub_library import fill
from tests.servers.kubernetes import KubernetesApi
from tests.servers.v2 import V2Server
from tests.servers.vllm import VLLM


@contextlib.contextmanager
def surroundings(folder: Path) -> Iterator[dict[str, Any]]:
    """Set up all of it below `folder`, and give the names that examples may use."""
    before, place = dict(os.environ), Path.cwd()
    granite = VLLM("granite")
    mobilenet = V2Server(
        lambda _: {"scores": np.eye(3, dtype=np.float32)[[2]] * 9},
        inputs=[("input", "FP32", [-1, 3, 224, 224])],
        outputs=[("scores", "FP32", [-1, 3])],
        name="mobilenet",
    )
    kubernetes = KubernetesApi(folder / "kubernetes")
    with Hub() as hub, contextlib.ExitStack() as stack:
        for server in (granite, mobilenet, kubernetes):
            stack.callback(server.stop)
        fill(hub)
        home = folder / "home"
        home.mkdir()
        kubernetes.namespace("alice", display_name="Alice")
        person = kubernetes.user("alice", admin="alice")
        kubernetes.put({
            "kind": "Secret", "apiVersion": "v1", "metadata": {"name": "hf-token", "namespace": "alice"},
            "type": "Opaque", "data": {"token": b64encode(b"hf_mine").decode()},
        })  # fmt: skip
        os.environ |= {
            "HF_ENDPOINT": hub.url,
            "HOME": str(home),
            "KUBECONFIG": str(kubernetes.kubeconfig(person, "alice")),
        }
        stack.callback(_restore, before, place)
        os.chdir(home)
        linear(Path("iris.onnx"), 4, 3)
        Image.new("RGB", (224, 224), "white").save("pelican.jpeg")
        Path("labels.txt").write_text("heron\nstork\npelican\n")
        _build_image()
        yield {
            "environ": {name: os.environ[name] for name in ("HF_ENDPOINT", "HOME", "KUBECONFIG")},
            "granite_url": granite.url,
            "mobilenet_url": mobilenet.url,
            "granite": _Answering("granite", granite.url),
            "mobilenet": _Answering("mobilenet", mobilenet.url),
        }


class _Answering(Answering):
    """A service that is there already, wherever it runs."""

    url = ""

    def __init__(self, name: str, url: str) -> None:
        self.name, self.url = name, url


def _build_image() -> None:
    from odh_oci_widgets import build

    build("iris.onnx", "oci:iris-image", builder="kernel", base="embedded").wait()


def _restore(environ: dict[str, str], place: Path) -> None:
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(place)
