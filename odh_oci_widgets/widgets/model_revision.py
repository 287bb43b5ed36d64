"""Branches, tags and commits of a model of the hub."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from odh_oci_widgets.models import Model, Revision, revisions

from .latest import Latest
from .parts import cell, field, grid


class RevisionChoice(widgets.VBox):
    """Two ways to name a revision; `use(reference)` is told the reference that has it."""

    def __init__(self, use: Callable[[str], Any], token: Callable[[], str | None]) -> None:
        self._use = use
        self._token = token
        self._name = ""
        self._filling = False
        self._latest: Latest[list[Revision]] = Latest()
        self.branch = field(widgets.Dropdown, "Branch or tag")
        self.commit = field(
            widgets.Text, "Or a commit", placeholder="its hexadecimal name", continuous_update=False
        )
        super().__init__(
            [grid(cell(self.branch, "The image holds the commit it is now."), cell(self.commit))]
        )
        self.branch.observe(self._picked, "value")
        self.commit.observe(self._typed, "value")
        self.layout.display = "none"

    def show(self, model: Model | None) -> None:
        """Offer the revisions of a model; nothing where it has none."""
        of_hub = model is not None and model.reference.startswith("hf://")
        self.layout.display = "" if of_hub else "none"
        self._latest.stop()
        if model is None or not of_hub:
            return
        name, _, revision = model.reference.partition("@")
        if name != self._name:
            self._name = name
            self._fill([(revision or "main", revision or "main")], revision or "main")
            self._latest.start(
                lambda _: revisions(name, token=self._token()),
                lambda found: self._offer(found, revision or "main"),
                # The model is there: that its branches cannot be listed is no reason for alarm.
                lambda _: None,
            )
        else:
            self._fill(list(self.branch.options), revision or "main")

    def join(self, timeout: float | None = None) -> None:
        """Wait for the revisions."""
        self._latest.join(timeout)

    def _offer(self, found: list[Revision], now: str) -> None:
        options = [(f"{one.name} ({one.kind}, {one.commit[:8]})", one.name) for one in found]
        self._fill(options, now)

    def _fill(self, options: list[tuple[str, str]], now: str) -> None:
        self._filling = True
        try:
            if now not in [value for _, value in options]:
                options = [*options, (f"commit {now[:12]}", now)]
            self.branch.options = options
            self.branch.value = now
            self.commit.value = ""
        finally:
            self._filling = False

    def _picked(self, change: Any) -> None:
        if not self._filling and change["new"]:
            self._use(self._name if change["new"] == "main" else f"{self._name}@{change['new']}")

    def _typed(self, change: Any) -> None:
        if not self._filling and change["new"].strip():
            self._use(f"{self._name}@{change['new'].strip()}")
