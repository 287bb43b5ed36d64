"""The wizard as a person uses it: JupyterLab, Chromium, a real registry, the sandbox."""

from __future__ import annotations

import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import serious
from tests.servers.lab import Lab
from tests.servers.pictures import bright_or_dark, picture
from tests.servers.registry import Registry

pytestmark = pytest.mark.xdist_group("browser")

#: A room may take a moment on a busy machine, in milliseconds.
SLOW = 120_000


@pytest.fixture
def classifier(shared: Path | None, lab: Lab) -> dict[str, str]:
    """Model, picture, labels as paths in the notebook's folder, and the right label: the real thing where it is there."""
    folder = lab.root / "mobilenet"
    folder.mkdir()
    data = shared / "data" / "mobilenet" if shared else folder
    if (data / "mobilenet_v2_quant.onnx").is_file():
        names = {"model": "mobilenet_v2_quant.onnx", "picture": "pelican.jpeg", "labels": "synset.txt"}
        for name in names.values():
            shutil.copy(data / name, folder)
        label = "pelican"
    else:
        names = {"model": "model.onnx", "picture": "bright.png", "labels": "labels.txt"}
        bright_or_dark(folder / "model.onnx")
        picture(folder / "bright.png")
        (folder / "labels.txt").write_text("dark\nbright\n")
        label = "bright"
    return {kind: f"mobilenet/{name}" for kind, name in names.items()} | {"label": label}


def test_from_a_model_to_a_label_on_the_page(open_notebook, lab: Lab, registry: Registry, classifier):
    image = f"{registry.host}/browser/mobilenet:1"
    notebook = open_notebook(
        "from odh_oci_widgets import Wizard\nwizard = Wizard(base='embedded')\nwizard",
    )

    notebook.label("Model location").fill(classifier["model"])
    notebook.button("Look up").click()
    notebook.status("1 file")
    notebook.button("Show files").click()
    notebook.picture("1-model")

    notebook.button("Next: Image").click()
    notebook.label("Image").fill(image)
    notebook.label("Image").press("Enter")
    notebook.status(f"The image will be {image}")
    notebook.button("Show registry login").click()
    notebook.output.get_by_label("Allow plain HTTP").check()
    notebook.output.get_by_role("note").filter(has_text="unprotected").wait_for()
    notebook.button("Show code").click()
    notebook.label("Language").select_option("Containerfile")
    notebook.output.get_by_text("USER 1001").wait_for()
    notebook.picture("2-image")

    notebook.button("Next: Build").click()
    notebook.button("Build and push").click()
    notebook.status("The image is ready", timeout=SLOW)
    notebook.output.get_by_role("progressbar").nth(2).wait_for()
    notebook.picture("3-build")
    assert registry.tags("browser/mobilenet") == ["1"]

    notebook.button("Next: Deploy").click()
    notebook.button("Show review").click()
    notebook.button("Deploy").click()
    notebook.status("answers", timeout=SLOW)
    notebook.picture("4-deploy")

    notebook.button("Next: Test").click()
    notebook.label("Labels").fill(classifier["labels"])
    notebook.choose_files("Choose pictures", lab.root / classifier["picture"])
    notebook.status("1 picture chosen")
    notebook.button("Classify").click()
    notebook.status("Answered in", timeout=SLOW)
    first = notebook.output.get_by_role("meter").first
    assert first.get_attribute("aria-label") == classifier["label"]
    notebook.picture("5-test")
    notebook.theme("JupyterLab Dark")
    notebook.picture("5-test-dark")
    notebook.theme("JupyterLab Light")

    notebook.step("Deploy")
    notebook.button("Delete").click()
    notebook.button("Yes, delete the service").click()
    notebook.status("The service is deleted")


def test_the_choices_for_a_project(open_notebook):
    notebook = open_notebook(
        "from odh_oci_widgets import DeployStep\n"
        "step = DeployStep('quay.io/me/granite:1', name='granite', args=('--dtype=half',), gpu=1)\nstep"
    )
    notebook.output.get_by_label("Project: KServe on the cluster").check()
    notebook.output.get_by_label("External route").check()
    expect(notebook.output.get_by_role("note")).to_have_count(0)
    notebook.output.get_by_label("Token authentication").uncheck()
    notebook.output.get_by_role("note").filter(has_text="token authentication is off").wait_for()
    notebook.button("Show review").click()
    notebook.button("Show code").click()
    notebook.label("Model framework").select_option("huggingface")
    notebook.label("Language").select_option("YAML")
    notebook.output.get_by_text("kind: InferenceService").wait_for(timeout=SLOW)
    notebook.picture("4-deploy-project", ".odh-oci-step")


def test_errors_say_what_to_do(open_notebook):
    notebook = open_notebook("from odh_oci_widgets import Wizard\nWizard(image='quay.io/Me/x')")
    notebook.label("Model location").fill("/there/is/nothing")
    notebook.label("Model location").press("Enter")
    notebook.alert("/there/is/nothing")
    notebook.picture("error")
    notebook.step("Image")
    notebook.alert("quay.io/me/x")
    notebook.label("Image").fill("quay.io/me/x:1")
    notebook.label("Image").press("Enter")
    notebook.status("The image will be quay.io/me/x:1")
    expect(notebook.output.get_by_role("alert")).to_have_count(0)


@pytest.fixture
def slow_model():
    """A web server whose model comes until `go` is set at a few kB, then no more: a build to be cancelled."""
    size, gone = 64 * 2**20, threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args):
            pass

        def do_HEAD(self):
            self.send_response(200)
            self.send_header("Content-Length", str(size))
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("ETag", '"1"')
            self.send_header("Accept-Ranges", "bytes")
            self.end_headers()

        def do_GET(self):
            if self.headers.get("Range"):
                start, _, end = self.headers["Range"].removeprefix("bytes=").partition("-")
                last = min(int(end or size - 1), size - 1)
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{last}/{size}")
                self.send_header("Content-Length", str(last - int(start) + 1))
                left = last - int(start) + 1
            else:
                self.send_response(200)
                self.send_header("Content-Length", str(size))
                left = size
            self.send_header("ETag", '"1"')
            self.end_headers()
            try:
                while left > 0 and not gone.is_set():
                    self.wfile.write(b"\1" * min(left, 2**16))
                    left -= 2**16
                    gone.wait(1 if self.path.startswith("/slower/") else 0.02)
            except OSError:
                pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/model.onnx"
    gone.set()
    server.shutdown()


def test_the_kernel_stays_free_and_a_build_can_be_cancelled(open_notebook, registry: Registry, slow_model):
    notebook = open_notebook(
        "from odh_oci_widgets import Wizard\n"
        f"wizard = Wizard({slow_model!r}, image='{registry.host}/browser/slow:1', base='embedded', insecure=True)\n"
        "wizard"
    )
    notebook.status("1 file")
    notebook.step("Build")
    notebook.button("Build and push").click()
    notebook.page.wait_for_function(
        "() => [...document.querySelectorAll('[role=progressbar]')].some((bar) => {"
        " const now = Number(bar.getAttribute('aria-valuenow')); return now > 0 && now < 100; })"
    )
    assert notebook.execute("print(1 + 1)").strip() == "2"
    assert notebook.execute("print(wizard.build.running)").strip() == "True"
    notebook.picture("3-build-running")
    notebook.button("Cancel").click()
    notebook.status("Cancelled", timeout=SLOW)
    notebook.button("Build and push").wait_for()
    expect(notebook.output.get_by_role("alert")).to_have_count(0)
    assert registry.tags("browser/slow") == []


def test_of_two_builds_of_one_tag_the_second_waits_or_stops_the_first(
    open_notebook, registry: Registry, slow_model, lab: Lab
):
    """Another notebook builds the same tag: watched, waited for, stopped, each by a click."""
    image = f"{registry.host}/browser/twice:1"
    slower = slow_model.replace("/model.onnx", "/slower/model.onnx")
    folder = lab.root / "twice"
    folder.mkdir()
    bright_or_dark(folder / "model.onnx")
    other = open_notebook(
        "from odh_oci_widgets import build\n"
        f"running = build({slower!r}, {image!r}, base='embedded', insecure=True)\n"
        "print(running.id)"
    )
    other.output.filter(has_text="-").first.wait_for()
    notebook = open_notebook(
        f"from odh_oci_widgets import Wizard\nWizard('twice', image={image!r}, base='embedded', insecure=True)"
    )
    notebook.status("1 file")
    notebook.step("Build")
    notebook.button("Build and push").click()
    notebook.alert("is running already")
    notebook.picture("build-conflict")
    assert serious(notebook.page, "conflict") == []
    notebook.button("Wait for it, then build").click()
    notebook.status("Waiting for the other build")
    notebook.button("Cancel").click()
    notebook.status("Cancelled")
    assert other.execute("print(running.status)").strip() == "running"
    notebook.button("Build and push").click()
    notebook.button("Stop it, then build").click()
    notebook.status("The image is ready", timeout=SLOW)
    assert other.execute("print(running.status)").strip() == "cancelled"
    assert registry.tags("browser/twice") == ["1"]


def test_no_error_and_no_secret_on_the_way_through_the_browser(open_notebook, lab):
    notebook = open_notebook(
        "from odh_oci_widgets import ImageStep\nstep = ImageStep('quay.io/me/x:1')\nstep"
    )
    notebook.button("Show registry login").click()
    notebook.label("User name").fill("me")
    notebook.label("Password or token").fill("hunter2-hunter2")
    notebook.label("Password or token").press("Enter")
    notebook.status("not saved")
    assert notebook.label("Password or token").input_value() == ""
    assert (
        notebook.execute("print(step.flow.secrets.logins['quay.io'].password)").strip() == "hunter2-hunter2"
    )
    state = notebook.page.evaluate(
        """async () => {
          const context = window.jupyterapp.shell.currentWidget.context;
          await window.jupyterapp.commands.execute('docmanager:save');
          return JSON.stringify(context.model.toJSON());
        }"""
    )
    assert "hunter2" not in state
    assert json.loads(state)["cells"]
    for path in lab.root.rglob("*.ipynb"):
        assert "hunter2" not in path.read_text()
