"""The JupyterLab extension in the JupyterLab of this environment, below a base URL as workbenches have it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
import yaml

from tests.browser.accessibility import serious
from tests.browser.extension_page import PANEL, SLOW, ExtensionPage
from tests.browser.workbench import Workbench, main_job
from tests.servers.lab import Lab

pytestmark = pytest.mark.xdist_group("browser")

BASE_URL = "/notebook/project/workbench"
KERNEL = "Deploy a model"
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


@pytest.fixture
def extension(
    labextensions: Path, workbench: Workbench, open_lab: Callable[..., ExtensionPage], tmp_path: Path
) -> ExtensionPage:
    server = Lab(tmp_path / "lab", environ=workbench.environ, base_url=BASE_URL, labextensions=labextensions)
    return open_lab(server)


@pytest.mark.slow
def test_from_the_tile_to_a_notification(extension: ExtensionPage, workbench: Workbench) -> None:
    main_job(extension, workbench)

    kubeconfig = yaml.safe_load(Path(workbench.environ["KUBECONFIG"]).read_text())
    secret = kubeconfig["users"][0]["user"]["token"]
    everything = "() => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
    assert secret not in extension.page.evaluate(everything)
    assert secret not in extension.page.content()
    assert b"odh-oci-widgets" in extension.traffic
    assert secret.encode() not in extension.traffic


def test_a_kernel_that_dies_comes_back_and_one_that_is_shut_down_stays_away(extension: ExtensionPage) -> None:
    extension.open_panel()
    extension.item("digits", "ready").wait_for(timeout=SLOW)
    os.kill(_kernel_process(extension), signal.SIGKILL)
    # What the panel says at first may be gone before a busy machine looks; the notification stays.
    extension.panel.get_by_role("status").filter(has_text="was started again").wait_for(timeout=SLOW)
    extension.item("digits", "ready").wait_for(timeout=SLOW)
    extension.notification("stopped and is started again")
    extension.button("Dismiss").click()

    before = _own_sessions(extension)
    extension.button("Shut down").click()
    extension.panel.get_by_text("Shut down. Builds in the project go on.").wait_for()
    extension.button("Start again").click()
    extension.item("digits", "ready").wait_for(timeout=SLOW)
    after = _own_sessions(extension)
    assert len(after) == 1
    assert after[0]["kernel"]["id"] != before[0]["kernel"]["id"]
    # As a culler ends it: in the server, the page finds out.
    extension.shut_down_from_outside(after[0]["id"])
    extension.panel.get_by_text("because it was idle for long").wait_for()

    # Whoever changes their mind while it starts gets what they said last.
    extension.button("Start again").click()
    extension.button("Shut down").click()
    extension.panel.get_by_text("Shut down. Builds in the project go on.").wait_for()
    extension.button("Start again").click()
    extension.item("digits", "ready").wait_for(timeout=SLOW)
    extension.button("Shut down").click()
    extension.panel.get_by_text("Shut down. Builds in the project go on.").wait_for()
    extension.until(lambda: not _own_sessions(extension))
    assert not extension.errors, extension.errors


def test_everybody_can_use_it(extension: ExtensionPage) -> None:
    page = extension.page
    assert _own_sessions(extension) == [], "no kernel before it is needed"
    extension.tile.wait_for()  # until then the launcher takes the focus, which closes the palette
    extension.tile.focus()
    extension.execute("apputils:activate-command-palette")
    page.locator(".lm-CommandPalette-input").fill("Models: builds and services")
    marked = page.locator(".lm-CommandPalette-item.lm-mod-active").filter(
        has_text="Models: builds and services"
    )
    marked.wait_for()  # Enter is for the item that is marked
    page.keyboard.press("Enter")
    extension.item("digits", "ready").wait_for(timeout=SLOW)
    extension.button("Deploy a model").focus()
    page.keyboard.press("Enter")
    extension.wizard.wait_for(timeout=SLOW)
    found = [*serious(page, "panel", PANEL), *serious(page, "tab", ".odh-oci-tab")]
    extension.theme("JupyterLab Dark")
    extension.picture("extension-dark")
    assert [*found, *serious(page, "dark panel", PANEL), *serious(page, "dark tab", ".odh-oci-tab")] == []


def test_a_tutorial_becomes_a_notebook(extension: ExtensionPage) -> None:
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        name = path.stem
        extension.execute("odh-oci:tutorial", name=name)
        extension.page.locator(".lm-TabBar-tab").filter(has_text=f"{name}.ipynb").wait_for()
        made = nbformat.read(extension.lab.root / f"{name}.ipynb", as_version=4)
        assert made.cells == nbformat.read(path, as_version=4).cells


def test_settings_reach_the_kernel(extension: ExtensionPage) -> None:
    extension.open_panel()
    extension.item("digits", "ready").wait_for(timeout=SLOW)
    extension.page.evaluate(
        """async (settings) => {
          await window.jupyterapp.serviceManager.settings.save('odh-oci-widgets:plugin', settings);
        }""",
        json.dumps({"registry": "quay.io/acme"}),
    )
    extension.reload()
    extension.item("digits", "ready").wait_for(timeout=SLOW)
    said = extension.page.evaluate(
        """async (path) => {
          const { sessions } = window.jupyterapp.serviceManager;
          const model = [...sessions.running()].find((one) => one.path === path);
          const { kernel } = sessions.connectTo({ model });
          const code = "from odh_oci_widgets import settings; print(settings.read().registry)";
          const future = kernel.requestExecute({ code, store_history: false });
          let text = '';
          future.onIOPub = (message) => { text += message.content.text ?? ''; };
          await future.done;
          return text;
        }""",
        KERNEL,
    )
    assert said.strip() == "quay.io/acme"


def _own_sessions(extension: ExtensionPage) -> list[dict]:
    return [one for one in extension.sessions() if one["path"] == KERNEL]


def _kernel_process(extension: ExtensionPage) -> int:
    """The process of the extension's kernel; its connection file is on its command line."""
    kernel = _own_sessions(extension)[0]["kernel"]["id"]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if f"kernel-{kernel}.json".encode() in path.read_bytes():
                return int(path.parent.name)
    raise AssertionError(kernel)
