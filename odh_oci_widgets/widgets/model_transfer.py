"""What would move to the registry, and what is there already."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from odh_oci_widgets.builders import human_bytes, plan_image, plan_secrets
from odh_oci_widgets.oci import Preflight, preflight
from odh_oci_widgets.oci.errors import OdhOciError

from . import html
from .flow import Flow
from .latest import Latest
from .parts import button, row


class Transfer(widgets.VBox):
    """A button that asks the registry of the Image step; to be seen once there is one."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._latest: Latest[Preflight] = Latest()
        self.ask = button("What would move?", self.start)
        self._answer = widgets.HTML()
        super().__init__([row(self.ask), self._answer])
        flow.observe(lambda _: self._renew(), ["model", "spec"])
        self._renew()

    def _renew(self) -> None:
        self._latest.stop()
        self.ask.disabled = False
        self._answer.value = ""
        self.layout.display = "" if self._flow.model is not None and self._flow.spec is not None else "none"

    def start(self) -> None:
        """Ask, in a thread."""
        model, spec, flow = self._flow.model, self._flow.spec, self._flow
        if model is None or spec is None:
            return
        options = {name: value for name, value in spec.options().items() if name not in {"builder", "verify"}}
        self.ask.disabled = True
        self._answer.value = html.element("div", f"Looking at what {spec.image} needs…")

        def look(cancel: Any) -> Preflight:
            plan = plan_image(model, spec.image, **options)
            secrets = plan_secrets(plan, flow.secrets.token)
            return preflight(plan, credentials=flow.secrets.credentials(), secrets=secrets, cancel=cancel)

        self._latest.start(look, self._show, self._fail)

    def join(self, timeout: float | None = None) -> None:
        """Wait for the answer."""
        self._latest.join(timeout)

    def _show(self, found: Preflight) -> None:
        self.ask.disabled = False
        if found.problems:
            self._answer.value = html.alert(found.problems[0])
            return
        total = found.to_move + found.reused
        words = f"{human_bytes(found.to_move)} would move, {human_bytes(found.reused)} is there already"
        share = found.reused / total if total else 1.0
        self._answer.value = html.meter("Already there", share, words)

    def _fail(self, error: OdhOciError) -> None:
        self.ask.disabled = False
        self._answer.value = html.alert(error)
