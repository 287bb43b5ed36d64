"""The calls that were made, latest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from . import html
from .parts import button, markup, row

if TYPE_CHECKING:
    from .step import Step

#: Calls that are shown; `step.calls` has more.
SHOWN = 50
_LONG = 80


class History(widgets.VBox):
    """A table of the calls of the step's service; painted when it is looked at."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self._table = markup()
        super().__init__([row(button("Refresh history", self.paint)), self._table])

    def paint(self) -> None:
        """Draw what there is now."""
        service = self._step.flow.service
        calls = list(service.calls) if service is not None else []
        rows = [
            (
                f"{call.when.astimezone():%H:%M:%S}",
                call.kind,
                _asked(call.asked),
                _answered(call),
                f"{call.seconds:.2f}",
            )
            for call in reversed(calls[-SHOWN:])
        ]
        head = ("When", "Call", "Asked", "Answered", "Seconds")
        self._table.value = html.join(
            [
                html.table("Calls", head, rows) if rows else html.help_text("Nothing was asked yet."),
                html.help_text(
                    "In a cell: `step.calls` has them all, `step.calls.to_dataframe()` as a table."
                ),
            ]
        )


def _asked(asked: Any) -> str:
    if isinstance(asked, list) and asked:
        asked = asked[-1].get("content", "")
    return _short(str(asked))


def _answered(call: Any) -> str:
    if call.error:
        return _short(f"Failed: {call.error}")
    if hasattr(call.answer, "text"):
        return _short(call.answer.text)
    if call.kind == "classify":
        return _short(", ".join(f"{answer[0].label} ({answer[0].probability:.0%})" for answer in call.answer))
    return _short(", ".join(call.answer) if isinstance(call.answer, dict) else str(call.answer))


def _short(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"
