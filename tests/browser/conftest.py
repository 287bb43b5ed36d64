"""A live JupyterLab and a real browser."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from odh_oci_widgets import serving
from odh_oci_widgets.cluster import connect
from tests.browser.extension_page import ExtensionPage
from tests.browser.page import PATIENCE, NotebookPage
from tests.browser.workbench import Workbench
from tests.servers.hub import Hub
from tests.servers.kubernetes import KServe, KubernetesApi, Network, Node
from tests.servers.lab import Lab
from tests.servers.programs import require
from tests.servers.v2 import V2Server

LABEXTENSION = Path(__file__).resolve().parents[2] / "labextension"


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    server = Lab(tmp_path_factory.mktemp("lab"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = require("chromium")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield launched
        launched.close()


@pytest.fixture
def open_notebook(
    lab: Lab, browser: Browser, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[..., NotebookPage]]:
    """`open_notebook(*cells)` shows a new notebook and runs it; its kernel ends with the test."""
    # High enough for the tallest step: a screenshot of what is scrolled away is cut.
    context = browser.new_context(viewport={"width": 1180, "height": 1700}, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    opened: list[NotebookPage] = []

    def show(*cells: str) -> NotebookPage:
        url = lab.notebook(f"{request.node.name}-{len(opened) + 1}.ipynb", *cells)
        notebook = NotebookPage(context.new_page(), url, tmp_path / "pictures")
        opened.append(notebook)
        notebook.run()
        return notebook

    yield show
    for notebook in opened:
        notebook.shut_down()
    context.close()


@pytest.fixture(scope="session")
def labextensions() -> Path:
    """The folder with the extension as it was built; skipped where it was not, and failed where its sources are newer."""
    built = LABEXTENSION / "dist" / "odh-oci-widgets" / "package.json"
    if not built.is_file():
        line = "the extension is not built: run `make labextension`"
        pytest.fail(line) if os.environ.get("CI") == "true" else pytest.skip(line)
    sources = [path for name in ("src", "style", "schema") for path in (LABEXTENSION / name).rglob("*.*")]
    newer = [path.name for path in sources if path.stat().st_mtime > built.stat().st_mtime]
    assert not newer, f"{', '.join(newer)}: newer than the extension that was built; run `make labextension`"
    return built.parents[1]


@pytest.fixture
def workbench(
    kubernetes_api: KubernetesApi, kubeconfig: Path, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workbench]:
    """A project with a service that answers, a hub with a model that never comes, and a state folder of its own."""
    environ = {
        "KUBECONFIG": str(kubeconfig),
        "SSL_CERT_FILE": str(kubernetes_api.authority),
        "HF_ENDPOINT": hub.url,
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    slow = f"workbench/{tmp_path.name}"
    hub.add(slow, {"model.onnx": b"\x08\x08" + bytes(2**20)})
    hub.break_next(f"/{slow}/resolve/*", stall=60, times=1000)
    project = connect(kubeconfig=str(kubeconfig))
    with Network(kubernetes_api, tmp_path) as network:

        def server(_image: str, found: dict[str, Any]) -> V2Server:
            tensors = [("x", "FP32", [1])]
            name = found["metadata"]["name"]
            return V2Server(lambda inputs: inputs, inputs=tensors, outputs=tensors, name=name)

        with KServe(kubernetes_api, project.namespace, node=Node(kubernetes_api, network, server)):
            image = "quay.io/org/digits:1@sha256:" + "b" * 64
            serving.deploy(image, "digits", project=project, format="onnx", memory="2Gi")
            yield Workbench({**environ, **network.environment(), "ODH_OCI_REFRESH": "1"}, tmp_path, slow)


@pytest.fixture
def open_lab(browser: Browser, tmp_path: Path) -> Iterator[Callable[[Lab], ExtensionPage]]:
    """`open_lab(server)` shows JupyterLab; the server ends with the test."""
    context = browser.new_context(viewport={"width": 1400, "height": 900}, reduced_motion="reduce")
    started: list[Lab] = []

    def show(server: Lab) -> ExtensionPage:
        started.append(server)
        return ExtensionPage(server, context, tmp_path / "pictures")

    yield show
    for page in context.pages:
        page.screenshot(path=tmp_path / "last.png")  # for whoever looks at a failure
    context.close()
    for server in started:
        server.stop()
