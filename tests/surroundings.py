"""Where the examples of docstrings run: a folder with a model, an image and a picture, a hub, a project, model servers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.onnx_models import linear
from tests.servers.hub import Hub
from tests.servers.hub_library import fill
from tests.servers.kubernetes import KubernetesApi
from tests.servers.v2 import V2Server
from tests.servers.vllm import VLLM

#: What an example may name besides what it imports; the reference tells readers so.
GRANITE_URL, MOBILENET_URL = "granite_url", "mobilenet_url"


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
        yield {GRANITE_URL: granite.url, MOBILENET_URL: mobilenet.url}


def _build_image() -> None:
    from odh_oci_widgets import build

    build("iris.onnx", "oci:iris-image", base="embedded").wait()


def _restore(environ: dict[str, str], place: Path) -> None:
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(place)
