"""Drive a notebook in JupyterLab as a person does: run cells, look at what is on the page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

#: Milliseconds that something may take to appear; the machine may be busy.
PATIENCE = 60_000
#: Where the README's pictures are. They are rewritten only on request (read before a test clears its environment):
#: their pixels differ from machine to machine.
IMAGES = (
    Path(__file__).resolve().parents[2] / "docs" / "images" if os.environ.get("ODH_OCI_SCREENSHOTS") else None
)

expect.set_options(timeout=PATIENCE)

_OPEN = "() => Boolean(window.jupyterapp?.shell?.currentWidget?.context)"
_READY = """async () => {
  await window.jupyterapp.restored;
  const panel = window.jupyterapp.shell.currentWidget;
  await panel.context.ready;
  await panel.sessionContext.ready;
  await panel.sessionContext.session.kernel.info;
}"""


class NotebookPage:
    """One notebook in one page."""

    def __init__(self, page: Page, url: str, pictures: Path) -> None:
        self.page = page
        self.pictures = IMAGES or pictures
        page.set_default_timeout(PATIENCE)
        page.goto(url)
        page.wait_for_function(_OPEN)
        page.evaluate(_READY)

    def run(self) -> None:
        """Start all cells; what they show is waited for where it is looked for."""
        self.page.evaluate("() => { void window.jupyterapp.commands.execute('notebook:run-all-cells'); }")

    def execute(self, code: str) -> Any:
        """Run code in the notebook's kernel, beside the cells; what it prints."""
        return self.page.evaluate(
            """async (code) => {
              const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
              const future = kernel.requestExecute({ code, store_history: false });
              let text = '';
              future.onIOPub = (message) => {
                if (message.header.msg_type === 'stream') text += message.content.text;
                if (message.header.msg_type === 'error') text += message.content.ename + ': ' + message.content.evalue;
              };
              await future.done;
              return text;
            }""",
            code,
        )

    @property
    def output(self) -> Locator:
        """What the cells show."""
        return self.page.locator(".jp-OutputArea-output")

    def button(self, name: str) -> Locator:
        return self.output.get_by_role("button", name=name, exact=True)

    def step(self, title: str) -> None:
        """Open a step of the wizard by its tab."""
        self.page.locator(".odh-oci-tabs button").filter(has_text=title).click()

    def label(self, name: str) -> Locator:
        return self.output.get_by_label(name, exact=True)

    def status(self, text: str, *, timeout: float = PATIENCE) -> None:
        """Wait until the status region says this."""
        self.output.get_by_role("status").filter(has_text=text).wait_for(timeout=timeout)

    def alert(self, text: str) -> None:
        self.output.get_by_role("alert").filter(has_text=text).wait_for()

    def theme(self, name: str) -> None:
        """`JupyterLab Light` or `JupyterLab Dark`."""
        self.page.evaluate(
            "(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", name
        )
        light = "false" if "Dark" in name else "true"
        self.page.wait_for_selector(f'body[data-jp-theme-light="{light}"]', state="attached")

    def choose_files(self, button: str, *files: Path) -> None:
        """Pick files in the dialog that a button opens."""
        with self.page.expect_file_chooser() as chooser:
            # Forced: the button of a drop area has that area above it, which passes the click on.
            self.output.get_by_title(button, exact=True).click(force=True)
        chooser.value.set_files(files)

    def drag_files(self, selector: str, *files: Path, drop: bool = True) -> None:
        """Drag files from outside the browser over an element, at its middle, and drop them there."""
        place = self.page.locator(selector).bounding_box()
        assert place is not None
        at = {"x": place["x"] + place["width"] / 2, "y": place["y"] + place["height"] / 2}
        data = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1}
        session = self.page.context.new_cdp_session(self.page)
        for kind in ("dragEnter", "dragOver", *(("drop",) if drop else ())):
            session.send("Input.dispatchDragEvent", {"type": kind, **at, "data": data})
        session.detach()

    def picture(self, name: str, selector: str = ".odh-oci-wizard") -> Path:
        """A screenshot of the wizard alone."""
        path = self.pictures / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.locator(selector).screenshot(path=path, animations="disabled")
        return path

    def shut_down(self) -> None:
        """End the kernel."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
