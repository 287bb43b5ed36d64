"""A list of things that go on: a button for each with its state, a bar where it moves, details below the open one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import ipywidgets as widgets

from . import html
from .parts import button, markup, put

#: Items that are shown before somebody asks for all.
MOST = 8
_KINDS = ("good", "bad", "busy", "plain")


@dataclass(frozen=True, kw_only=True)
class Item:
    """`lines` are read aloud, the first is the name; `kind` (good, bad, busy, plain) is the colour of the state."""

    key: str
    lines: tuple[str, ...]
    kind: str
    #: a progress bar
    bar: html.Html = html.EMPTY


class Row(widgets.VBox):
    """One item; `show(details)` puts something below it."""

    def __init__(self, clicked: Callable[[], Any]) -> None:
        self._face = button("", clicked)
        self._bar = markup()
        self._details: tuple[Any, ...] = ()
        super().__init__([self._face])
        self.add_class("odh-oci-item")

    def paint(self, item: Item) -> None:
        """Show the item; what did not change is not sent."""
        self._face.description = "\n".join(item.lines)
        self._face.tooltip = f"Show or hide details of {item.lines[0]}"
        self._bar.value = item.bar
        for kind in _KINDS:
            (self._face.add_class if kind == item.kind else self._face.remove_class)(f"odh-oci-{kind}")
        self._arrange()

    def show(self, *details: Any) -> None:
        """Put these below, and nothing else."""
        self._details = details
        (self.add_class if details else self.remove_class)("odh-oci-open")
        self._arrange()

    def _arrange(self) -> None:
        put(self, (self._face, *((self._bar,) if self._bar.value else ()), *self._details))

    def close(self) -> None:
        """Close the parts with it, and not the details, which belong to somebody else."""
        for part in (self._face, self._bar):
            part.close()
        super().close()


class ItemList(widgets.VBox):
    """`chosen(key)` is told which item was clicked; None: the open one, to close it."""

    def __init__(self, noun: str, chosen: Callable[[str | None], Any]) -> None:
        self._noun = noun
        self._chosen = chosen
        self._rows: dict[str, Row] = {}
        self._items: tuple[Item, ...] = ()
        self._open: str | None = None
        self._whole = False
        self._more = button("", self._toggle)
        super().__init__()
        self.add_class("odh-oci-items")

    def show(self, items: Sequence[Item]) -> None:
        """These and no others; rows of items that stay are used again."""
        self._items = tuple(items)
        shown = [one for at, one in enumerate(items) if self._whole or at < MOST or one.key == self._open]
        for key in [key for key in self._rows if key not in {one.key for one in items}]:
            self._rows.pop(key).close()
        for one in shown:
            row = self._rows.get(one.key)
            if row is None:
                row = self._rows[one.key] = Row(partial(self._click, one.key))
            row.paint(one)
        self._more.description = "Show fewer" if self._whole else f"Show all {len(items)} {self._noun}"
        rows = [self._rows[one.key] for one in shown]
        put(self, [*rows, self._more] if len(items) > MOST else rows)

    def unfold(self, key: str | None, *details: Any) -> None:
        """Put details below that item, and close the one that was open."""
        if self._open in self._rows and self._open != key:
            self._rows[self._open].show()
        self._open = key
        if key in self._rows:
            self._rows[key].show(*details)

    def _click(self, key: str) -> None:
        self._chosen(None if key == self._open else key)

    def _toggle(self) -> None:
        self._whole = not self._whole
        self.show(self._items)
