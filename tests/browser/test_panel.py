"""The panel of builds and services in a notebook, as a person sees and uses it: a real JupyterLab, a cluster's API."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from odh_oci_widgets import serving
from odh_oci_widgets.cluster import Project, connect
from tests.browser.accessibility import serious
from tests.servers.hub import Hub
from tests.servers.kubernetes import KServe, KubernetesApi, Network, Node
from tests.servers.v2 import V2Server

IMAGE = "quay.io/org/digits:1@sha256:" + "b" * 64
GIVEN = {"format": "onnx", "memory": "2Gi"}
PATIENCE = 60


@pytest.fixture
def project(kubeconfig: Path) -> Project:
    return connect(kubeconfig=str(kubeconfig))


@pytest.fixture
def cluster(
    kubernetes_api: KubernetesApi, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """A project with a service that answers and one whose runtime is missing."""
    monkeypatch.setenv("SSL_CERT_FILE", str(kubernetes_api.authority))
    with Network(kubernetes_api, tmp_path) as network:
        node = Node(
            kubernetes_api,
            network,
            lambda _image, found: V2Server(
                lambda inputs: inputs,
                inputs=[("x", "FP32", [1])],
                outputs=[("x", "FP32", [1])],
                name=found["metadata"]["name"],
            ),
        )
        with KServe(kubernetes_api, project.namespace, node=node):
            serving.deploy(IMAGE, "digits", project=project, **GIVEN)
            project.apply(serving.preview(IMAGE, "lost", project=project, **GIVEN).objects[1])
            yield


@pytest.fixture
def around(cluster: None, kubernetes_api: KubernetesApi, kubeconfig: Path, hub: Hub, tmp_path: Path) -> str:
    """The first lines of the notebook: who we are, and a build that ended well, one that did not, one that runs."""
    model = tmp_path / "mobilenet"
    model.mkdir()
    (model / "model.onnx").write_bytes(b"\x08\x08" + bytes(1000))
    slow = f"panel/{tmp_path.name}"
    hub.add(slow, {"model.onnx": b"\x08\x08" + bytes(2**20)})
    hub.break_next(f"/{slow}/resolve/*", stall=60, times=1000)
    return f"""
import os
os.environ |= {{
    "KUBECONFIG": {str(kubeconfig)!r}, "SSL_CERT_FILE": {str(kubernetes_api.authority)!r},
    "HF_ENDPOINT": {hub.url!r}, "ODH_OCI_REFRESH": "1", "XDG_STATE_HOME": {str(tmp_path / "state")!r},
    "ODH_OCI_TEST_HOSTS": {os.environ["ODH_OCI_TEST_HOSTS"]!r},
}}
from tests.servers.kubernetes.resolver import sitecustomize
sitecustomize.install()
from odh_oci_widgets import ModelsPanel, build
done = build({str(model)!r}, "oci:images/mobilenet:1", base="embedded")
done.wait()
try:
    build({str(model)!r}, "localhost:1/me/mobilenet:2", base="embedded").wait()
except Exception as error:
    print(error)
running = build("hf://{slow}", "oci:images/granite:1", base="embedded")
panel = ModelsPanel()
panel
"""


def wait_for(condition) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_builds_and_services_are_seen_and_acted_on(open_notebook, around: str, project: Project) -> None:
    notebook = open_notebook(around)
    output = notebook.output

    def item(name: str, *states: str):
        found = output.locator(".odh-oci-item > button").filter(has_text=name)
        for state in states:
            found = found.filter(has_text=state)
        return found

    for name, state in (
        ("mobilenet:1", "succeeded"),
        ("mobilenet:2", "failed"),
        ("granite:1", "running"),
        ("digits", "ready · project"),
        ("lost", "failed · project"),
    ):
        item(name, state).wait_for()
    output.get_by_role("progressbar", name="Build of granite:1").wait_for()
    output.get_by_text("Services: 1 ready, 1 failed").wait_for()
    assert serious(notebook.page, "panel", ".odh-oci-panel") == []
    notebook.picture("panel-lists", ".odh-oci-panel")

    item("lost").click()
    output.get_by_text("does not exist in the project").first.wait_for()
    item("lost").click()

    # Without the extension there is no page to insert into.
    item("digits").click()
    notebook.button("Test it here").click()
    notebook.button("Hide tester").wait_for()
    expect(notebook.button("Insert code")).to_have_count(0)
    notebook.button("Hide tester").click()
    notebook.button("Show logs").click()
    output.get_by_label("Log", exact=True).first.wait_for()
    assert serious(notebook.page, "a service", ".odh-oci-panel") == []
    notebook.picture("panel-service", ".odh-oci-panel")
    notebook.theme("JupyterLab Dark")
    assert serious(notebook.page, "a service in the dark", ".odh-oci-panel") == []
    notebook.picture("panel-service-dark", ".odh-oci-panel")
    notebook.theme("JupyterLab Light")

    # As narrow as JupyterLab's side panel: nothing is cut off or scrolls sideways.
    notebook.execute("panel.layout.width = '280px'")
    notebook.page.wait_for_function("() => document.querySelector('.odh-oci-panel').clientWidth <= 280")
    wide = "() => { const all = document.querySelector('.odh-oci-panel'); return all.scrollWidth - all.clientWidth; }"
    assert notebook.page.evaluate(wide) <= 0
    notebook.execute("panel.layout.width = None")

    notebook.button("Stop").click()
    item("digits", "stopped").wait_for()
    notebook.button("Start").click()
    item("digits", "ready").wait_for()
    notebook.button("Delete").click()
    notebook.button("Keep it").click()
    assert serving.service("digits", target="project", project=project).state == "ready"
    notebook.button("Delete").click()
    notebook.button("Yes, delete the service").click()
    item("digits").wait_for(state="detached")
    assert [one.name for one in serving.services(project=project)] == ["lost"]

    item("mobilenet:2").click()
    notebook.alert("localhost:1")
    item("granite:1").click()
    notebook.button("Cancel the build").click()
    item("granite:1", "cancelled").wait_for()
    expect(output.get_by_role("progressbar")).to_have_count(0)


def test_what_nobody_sees_does_not_look(open_notebook, around: str) -> None:
    notebook = open_notebook(around)
    notebook.output.get_by_text("Services: 1 ready, 1 failed").wait_for()
    alive = "from odh_oci_widgets.widgets.lookout import LOOKOUT; print(LOOKOUT.running)"
    assert notebook.execute(alive).strip() == "True"
    notebook.page.evaluate(
        "() => window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs').then(() => {})"
    )
    wait_for(lambda: notebook.execute(alive).strip() == "False")
