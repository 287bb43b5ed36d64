"""What a workbench with our extension is for: a tile, a panel, a tab, a cell, a notification. On any JupyterLab."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from odh_oci_widgets import build
from odh_oci_widgets.builders import Build
from tests.browser.extension_page import SLOW, ExtensionPage


@dataclass(frozen=True)
class Workbench:
    """Environment variables for a server whose project has a service `digits`, and a folder for images and models."""

    environ: dict[str, str]
    folder: Path
    #: a model of the hub that never comes to its end
    slow: str

    def start_build(self) -> Build:
        """A build in another process than the panel's that runs until it is cancelled: granite:1."""
        return build(f"hf://{self.slow}", f"oci:{self.folder}/images/granite:1", base="embedded")

    def quick_build(self, name: str) -> None:
        """A build that ends well."""
        model = self.folder / name
        model.mkdir()
        (model / "model.onnx").write_bytes(b"\x08\x08" + bytes(1000))
        build(str(model), f"oci:{self.folder}/images/{name}:1", base="embedded").wait(60)


def main_job(lab: ExtensionPage, workbench: Workbench) -> None:
    """From the tile to a notification: what must work on every version."""
    page = lab.page
    lab.tile.wait_for()
    lab.picture("extension-tile")
    lab.tile.click()
    lab.wizard.wait_for(timeout=SLOW)
    lab.wizard.get_by_text("Which model should answer?").wait_for()

    running = workbench.start_build()
    try:
        lab.open_panel()
        lab.item("granite:1", "running").wait_for(timeout=SLOW)
        lab.item("digits", "ready").wait_for(timeout=SLOW)
        page.locator(".odh-oci-building").filter(has_text="1 build").wait_for()

        cells = lab.new_notebook()
        lab.item("digits").click()
        lab.button("Insert code").click()
        cells.filter(has_text="digits").wait_for()
        lab.execute("notebook:run-cell")
        page.locator(".jp-OutputArea-output").filter(has_text="FP32").first.wait_for(timeout=SLOW)
        lab.picture("extension-panel")

        lab.button("Open tester").click()
        tester = page.locator(".odh-oci-tab:visible .odh-oci-step")
        tester.get_by_role("button", name="Classify").wait_for(timeout=SLOW)
        lab.picture("extension-tester")

        lab.button("Open logs").click()
        logs = page.locator(".odh-oci-tab:visible .odh-oci-step")
        logs.get_by_label("Log", exact=True).wait_for(timeout=SLOW)

        lab.reload()
        lab.item("digits", "ready").wait_for(timeout=SLOW)
        assert len([one for one in lab.sessions() if one["path"] == "Deploy a model"]) == 1

        lab.open_panel()  # a second click hides it
        lab.panel.wait_for(state="hidden")
        workbench.quick_build("iris")
        lab.notification("iris:1 is built")
    finally:
        running.cancel()
    lab.notification("granite:1 is not built")
    page.locator(".odh-oci-building").wait_for(state="hidden")
    assert not lab.errors, lab.errors
