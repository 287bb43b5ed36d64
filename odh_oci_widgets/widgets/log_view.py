"""A log with a filter, as a person reads it: the last lines, and of these the ones that say a word."""

from __future__ import annotations

import ipywidgets as widgets

from . import html
from .parts import LogPane, field, markup


class LogView(widgets.VBox):
    """`lines` is the pane to fill and to paint; what is typed above it chooses the lines that are shown."""

    def __init__(self) -> None:
        self.lines = LogPane()
        self.filter = field(widgets.Text, "Only lines with", placeholder="e.g. error")
        self.filter.observe(lambda change: self.lines.only(change["new"]), "value")
        super().__init__(
            [
                self.filter,
                self.lines,
                markup(html.help_text("A click selects all lines shown, to copy.")),
            ]
        )
