"""The code in README and docs runs as it stands: registries, hub, cluster and model servers are here (`Internet`).

A page runs in a folder and a home of its own, as `me`, who has a login for quay.io and the role `edit` in `my-project`.
The folder holds a model (`mobilenet/`), a picture (`pelican.jpeg`), `labels.txt` and the password of a robot account.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import yaml

from odh_oci_widgets import cluster
from odh_oci_widgets.oci import pull_models
from odh_oci_widgets.serving import sandbox
from odh_oci_widgets.serving.project import service as service_module
from tests.documents import ROOT, Block, blocks, pages, prints
from tests.servers.internet import Internet, write_login
from tests.servers.kubernetes import KServe, KubernetesApi, Network, Node
from tests.servers.kubernetes.jobs import JobRunner
from tests.servers.login import PASSWORD
from tests.servers.pictures import bright_or_dark, picture
from tests.servers.programs import require
from tests.servers.v2 import V2Server
from tests.servers.vllm import VLLM

PROJECT = "my-project"
#: Seconds for one block of shell.
PATIENCE = 120
#: Pages whose code a test of its own runs.
ELSEWHERE = {"wheels.md": "test_wheels.py"}
RUNNING = ("python", "shell")
KUBERNETES = ("apiVersion", "kind", "metadata")


def onnx_server(image: str, name: str, folder: Path) -> V2Server:
    """A model server of an ONNX image, out of its image in the registry."""
    pull_models(image, folder)
    (model,) = folder.rglob("*.onnx")
    session = onnxruntime.InferenceSession(model)
    outputs = [one.name for one in session.get_outputs()]
    return V2Server(
        lambda arrays: dict(zip(outputs, session.run(outputs, arrays), strict=True)),
        inputs=[(one.name, "FP32", one.shape) for one in session.get_inputs()],
        outputs=[(one.name, "FP32", one.shape) for one in session.get_outputs()],
        name=name,
    )


class World:
    """Everything that a page can talk to."""

    def __init__(self, folder: Path, schemas: Path | None) -> None:
        self.folder = folder
        self.api = KubernetesApi(folder / "kubernetes", schemas=schemas)
        self.api.namespace(PROJECT)
        self.network = Network(self.api, folder)
        self.network.__enter__()
        self.internet = Internet(folder / "internet", self.api, self.network)
        self.admin = self.api.user("admin", cluster_admin=True)
        self.me = self.api.user("me", edit=PROJECT)
        node = Node(self.api, self.network, self._model_server)
        self.kserve = KServe(self.api, PROJECT, node=node, headless=True)
        self.jobs = JobRunner(
            self.api, PROJECT, folder / "jobs",
            network=self.network, environment={"SSL_CERT_FILE": str(self.api.authority)},
        )  # fmt: skip

    def _model_server(self, image: str, service: dict[str, Any]) -> VLLM | V2Server:
        """What a node would start for a service."""
        name = service["metadata"]["name"]
        if service["spec"]["predictor"]["model"]["modelFormat"]["name"] == "vLLM":
            return VLLM(name)
        return onnx_server(image, name, Path(tempfile.mkdtemp(dir=self.folder)))

    def stop(self) -> None:
        self.jobs.stop()
        self.internet.stop()
        self.network.__exit__()
        self.api.stop()

    def clean(self) -> None:
        """Forget what a page made in the project."""
        for plural, group in (
            ("inferenceservices", "serving.kserve.io"),
            ("servingruntimes", "serving.kserve.io"),
            ("jobs", "batch"),
            ("secrets", ""),
            ("configmaps", ""),
        ):
            for one in self.api.find(plural, PROJECT, group):
                labels = one["metadata"].get("labels") or {}
                if "opendatahub.io/dashboard" in labels or "odh-oci" in str(labels):
                    self.api.remove(plural, one["metadata"]["name"], PROJECT, group)

    def environment(self) -> dict[str, str]:
        """What a page's programs find: the trust of a workbench, the hub, the commands."""
        commands = self.folder / "bin"
        if not commands.exists():
            commands.mkdir()
            command = commands / "odh-oci"
            command.write_text(f'#!/bin/sh\nexec {sys.executable} -m odh_oci_widgets "$@"\n')
            command.chmod(0o755)
            (commands / "python").symlink_to(sys.executable)
            if kubectl := shutil.which("kubectl"):
                (commands / "oc").symlink_to(kubectl)  # the same program, as far as these pages go
        found = self.network.environment()
        return found | {
            "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": f"{ROOT}{os.pathsep}{found['PYTHONPATH']}",
            "SSL_CERT_FILE": str(self.api.authority),
            "HF_ENDPOINT": self.internet.hub.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            **self.internet.connection,
        }


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, shared: Path | None) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("docs"), shared / "schemas" if shared else None)
    with made.kserve:
        yield made
    made.stop()


@pytest.fixture
def desk(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder in which a page's code runs, with what a reader has at hand."""
    home = Path(os.environ["HOME"])
    write_login(home / ".config" / "containers" / "auth.json")
    (home / ".kube").mkdir()
    shutil.copy(world.api.kubeconfig(world.me, PROJECT), home / ".kube" / "config")
    for name, value in world.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(service_module, "_POLL_SECONDS", 0.05)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mobilenet").mkdir()
    bright_or_dark(tmp_path / "mobilenet" / "mobilenetv2-7.onnx")
    picture(tmp_path / "pelican.jpeg")
    (tmp_path / "labels.txt").write_text("night\npelican\n")
    (tmp_path / "robot-password").write_text(f"{PASSWORD}\n")  # as an editor leaves it
    yield tmp_path
    cluster.use(None)
    for service in sandbox.list_services():
        service.delete()
    world.clean()


def run_python(block: Block, names: dict[str, Any]) -> str:
    """Run a block in the page's namespace; what it printed."""
    code = compile("\n" * (block.line - 1) + block.code, str(block.page), "exec")
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(code, names)
    return printed.getvalue()


def run_shell(block: Block) -> str:
    """Run a block in a shell of its own; what it printed."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.code],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, f"{block.place}\n{block.code}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def check_yaml(block: Block, world: World) -> None:
    """Parse it; a cluster accepts what is a Kubernetes object."""
    for number, document in enumerate(yaml.safe_load_all(block.code)):
        if not isinstance(document, dict) or not all(key in document for key in KUBERNETES):
            continue
        path = world.folder / f"object-{number}.yaml"
        document["metadata"].setdefault("namespace", PROJECT)
        path.write_text(yaml.safe_dump(document))
        config = world.api.kubeconfig(world.admin, PROJECT)
        done = subprocess.run(
            [require("kubectl"), "--kubeconfig", config, "apply", "--dry-run=server", "--validate=false", "-f", path],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{block.place}\n{done.stderr}"


@pytest.mark.parametrize(
    "page", [p for p in pages() if p.name not in ELSEWHERE], ids=lambda page: str(page.relative_to(ROOT))
)
def test_the_code_of_a_page_runs(page: Path, world: World, desk: Path) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(page):
        if block.language == "yaml":
            check_yaml(block, world)
        if block.language not in RUNNING:
            assert block.output is None, f"{block.place}: an output of what does not run"
            continue
        printed = run_python(block, names) if block.language == "python" else run_shell(block)
        if block.output is not None:
            assert prints(block.output, printed), f"{block.place} prints\n{printed}\nand not\n{block.output}"
    if page.name == "proxy-and-ca.md":
        assert "quay.io:443" in world.internet.proxy.tunnels, "the proxy was not used"


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "benchmarks/README.md"])
def test_the_links_of_a_page_outside_docs_lead_somewhere(name: str) -> None:
    """Those inside docs are checked when the documentation is built."""
    page = ROOT / name
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        assert "://" in target or (page.parent / target).exists(), f"{name}: {target}"
