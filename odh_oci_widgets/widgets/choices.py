"""A list of things to choose from: one button each, with a name and a line of facts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import ipywidgets as widgets

from .parts import button


@dataclass(frozen=True, kw_only=True)
class Choice:
    """`facts` stand below the name, and are read aloud with it."""

    name: str
    facts: str
    value: Any
    chosen: bool = False


class ChoiceList(widgets.VBox):
    """Shows choices and tells which was clicked. The buttons are used again: a list that changes makes no new ones."""

    def __init__(self, picked: Callable[[Any], Any]) -> None:
        self._picked = picked
        self._choices: tuple[Choice, ...] = ()
        self._buttons: list[widgets.Button] = []
        super().__init__()
        self.add_class("odh-oci-choices")

    def show(self, choices: Sequence[Choice]) -> None:
        """These and no others."""
        self._choices = tuple(choices)
        while len(self._buttons) < len(choices):
            self._buttons.append(button("", partial(self._click, len(self._buttons))))
        for made, choice in zip(self._buttons, choices, strict=False):
            made.description = f"{'✓ ' if choice.chosen else ''}{choice.name}\n{choice.facts}"
            (made.add_class if choice.chosen else made.remove_class)("odh-oci-chosen")
        self.children = tuple(self._buttons[: len(choices)])

    @property
    def choices(self) -> tuple[Choice, ...]:
        """What is shown."""
        return self._choices

    def _click(self, at: int) -> None:
        if at < len(self._choices):
            self._picked(self._choices[at].value)
