"""Drive the JupyterLab extension as a person does: tile, panel, tabs, palette."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Locator, WebSocket

from tests.browser.page import IMAGES, PATIENCE
from tests.servers.lab import Lab

#: Milliseconds for what a busy machine does slowly: a kernel that starts and loads the package.
SLOW = 120_000
PANEL = "#odh-oci-models"
_RESTORED = "() => window.jupyterapp?.restored.then(() => true)"


class ExtensionPage:
    """JupyterLab with launcher, panels and tabs, in one page of a browser."""

    def __init__(self, lab: Lab, context: BrowserContext, pictures: Path) -> None:
        self.lab = lab
        self.pictures = IMAGES or pictures
        self.page = context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.errors: list[str] = []
        # Of our scripts only: a request of JupyterLab's own that a reload cuts off is no business of ours.
        self.page.on("pageerror", lambda error: self._note(f"{error}\n{error.stack}"))
        self.page.on("console", lambda one: self._note(one.text))
        #: all that kernels and page said to each other
        self.traffic = bytearray()
        self.page.on("websocket", self._listen)
        self.page.goto(f"{lab.url}/lab?token={lab.token}")
        self.page.wait_for_function(_RESTORED)

    @property
    def panel(self) -> Locator:
        return self.page.locator(PANEL)

    @property
    def tile(self) -> Locator:
        return self.page.locator(".jp-LauncherCard").filter(has_text="Deploy a model")

    @property
    def wizard(self) -> Locator:
        return self.page.locator(".odh-oci-tab .odh-oci-wizard")

    def execute(self, command: str, **args: Any) -> None:
        """Run a command of JupyterLab, as palette and menus do."""
        self.page.evaluate(
            "([command, args]) => { void window.jupyterapp.commands.execute(command, args); }",
            [command, args],
        )

    def open_panel(self) -> None:
        self.page.locator(f'.jp-SideBar [data-id="{PANEL[1:]}"]').click()

    def item(self, name: str, state: str = "") -> Locator:
        """A build or service in the panel's lists."""
        found = self.panel.locator(".odh-oci-item > button").filter(has_text=name)
        return found.filter(has_text=state) if state else found

    def button(self, name: str) -> Locator:
        return self.panel.get_by_role("button", name=name, exact=True)

    def notification(self, text: str) -> None:
        """Wait for a notification, among those of the list too: good news hide after some seconds."""
        if not self.page.locator(".jp-Notification-Center").first.is_visible():
            self.execute("apputils:display-notifications")
        self.page.locator(".jp-Notification-List-Item").filter(has_text=text).first.wait_for()

    def reload(self) -> None:
        self.page.reload()
        self.page.wait_for_function(_RESTORED)

    def theme(self, name: str) -> None:
        """`JupyterLab Light` or `JupyterLab Dark`."""
        self.execute("apputils:change-theme", theme=name)
        light = "false" if "Dark" in name else "true"
        self.page.wait_for_selector(f'body[data-jp-theme-light="{light}"]', state="attached")

    def new_notebook(self) -> Locator:
        """An empty notebook whose kernel is ready; its cells."""
        self.execute("notebook:create-new", kernelName="python3")
        self.page.wait_for_function(
            "() => Boolean(window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel)"
        )
        self.page.evaluate(
            """async () => {
              const panel = window.jupyterapp.shell.currentWidget;
              await panel.context.ready;
              await panel.sessionContext.ready;
              await panel.sessionContext.session.kernel.info;
            }"""
        )
        return self.page.locator(".jp-Notebook .jp-CodeCell")

    def sessions(self) -> list[dict[str, Any]]:
        """What runs, as the server tells it."""
        return self.page.evaluate(
            """async () => {
              const { sessions } = window.jupyterapp.serviceManager;
              await sessions.refreshRunning();
              return [...sessions.running()];
            }"""
        )

    def shut_down_from_outside(self, session: str) -> None:
        """End a session as a culler or another page does; this page finds out when it asks next."""
        url = f"{self.lab.url}/api/sessions/{session}?token={self.lab.token}"
        assert self.page.request.delete(url).ok
        self.until(lambda: session not in [one["id"] for one in self.sessions()])

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for what the server tells."""
        deadline = time.monotonic() + PATIENCE / 1000
        while not condition():
            assert time.monotonic() < deadline
            self.page.wait_for_timeout(100)

    def _note(self, error: str) -> None:
        if "odh-oci" in error.lower():
            self.errors.append(error)

    def _listen(self, socket: WebSocket) -> None:
        def hear(payload: str | bytes) -> None:
            self.traffic += payload.encode() if isinstance(payload, str) else payload

        socket.on("framereceived", hear)
        socket.on("framesent", hear)

    def picture(self, name: str) -> None:
        """A screenshot of all of it."""
        self.pictures.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=self.pictures / f"{name}.png", animations="disabled")
