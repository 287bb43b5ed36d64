"""The files of a model with check marks: a tree, why something is off, and how it will stand in the image."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from glob import escape
from typing import Any

import ipywidgets as widgets

from odh_oci_widgets.builders import human_bytes
from odh_oci_widgets.models import Model, ModelFile

from . import html
from .parts import markup
from .words import counted

#: Lines of a tree; a model of more files says how many more.
MAX_LINES = 200
#: Paths shown of how the image will look.
_LAYOUT_LINES = 8


@dataclass(frozen=True, kw_only=True)
class Line:
    """A file or folder of the tree; the path of a folder ends with `/`, and it is chosen when all in it is."""

    path: str
    size: int
    chosen: bool
    #: files below a folder; 0 for a file
    count: int = 0
    why: str = ""

    @property
    def depth(self) -> int:
        """How many folders it is in."""
        return self.path.rstrip("/").count("/")

    @property
    def name(self) -> str:
        """Without the folders it is in."""
        return self.path.rstrip("/").rpartition("/")[2] + ("/" if self.count else "")


def lines(model: Model) -> list[Line]:
    """The tree from top to bottom: files of a folder first, then its folders."""
    why = {file.path: reason for file, reason in model.left_out}
    everything = [*model.files, *(file for file, _ in model.left_out)]
    return _below("", everything, why)


def _below(folder: str, files: list[ModelFile], why: dict[str, str]) -> list[Line]:
    found = []
    inner: dict[str, list[ModelFile]] = {}
    for file in sorted(files, key=lambda file: file.path):
        head, slash, _ = file.path.removeprefix(folder).partition("/")
        if slash:
            inner.setdefault(f"{folder}{head}/", []).append(file)
        else:
            reason = why.get(file.path, "")
            found.append(Line(path=file.path, size=file.size, chosen=file.path not in why, why=reason))
    for path, held in inner.items():
        reasons = {why.get(file.path, "") for file in held}
        found.append(
            Line(
                path=path,
                size=sum(file.size for file in held),
                chosen=not any(file.path in why for file in held),
                count=len(held),
                why=reasons.pop() if len(reasons) == 1 else "",
            )
        )
        found += _below(path, held, why)
    return found


def patterns(model: Model, chosen: Collection[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """`include` and `exclude` with which `model.select` chooses just these paths: the shorter of the two ways."""
    usual = {file.path for file in model.files}
    off = sorted(usual - set(chosen))
    if set(chosen) <= usual and len(off) <= len(chosen):
        return (), tuple(map(_exactly, off))
    return tuple(_exactly(path) for path in sorted(chosen)), ()


def _exactly(path: str) -> str:
    # Patterns are typed with commas and blanks between them: a path that has some is matched around them.
    return "".join("?" if char.isspace() or char == "," else char for char in escape(path))


class FileTree(widgets.VBox):
    """Check marks for files and folders. `changed(paths)` is told all chosen paths after a click."""

    def __init__(self, changed: Callable[[frozenset[str]], Any]) -> None:
        self._changed = changed
        self._lines: list[Line] = []
        self._boxes: list[widgets.Checkbox] = []
        self._painting = False
        self._seen = False
        self._total = markup()
        self._more = markup()
        self._layout = markup()
        self._list = widgets.VBox()
        self._list.add_class("odh-oci-tree")
        super().__init__([self._total, self._list, self._more, self._layout])

    @property
    def lines(self) -> tuple[Line, ...]:
        """What the tree shows."""
        return tuple(self._lines)

    def show(self, model: Model, versioned: bool | None = None) -> None:
        """Show a selection; boxes are made once somebody looks."""
        self._lines = lines(model)
        off = sum(file.size for file, _ in model.left_out)
        chosen = f"{counted(len(model.files), 'file')} chosen, {human_bytes(model.size)}"
        left = f"; {counted(len(model.left_out), 'file')} left out, {human_bytes(off)}"
        self._total.value = html.element(
            "div", html.element("strong", chosen), left if model.left_out else "", "."
        )
        more = len(self._lines) - MAX_LINES
        self._more.value = (
            html.help_text(f"… and {counted(more, 'more line')}: choose by patterns.") if more > 0 else ""
        )
        self._layout.value = _layout(model, versioned) if model.files else ""
        if self._seen:
            self._paint()

    def look(self) -> None:
        """Somebody looks at the tree now."""
        self._seen = True
        self._paint()

    def _paint(self) -> None:
        shown = self._lines[:MAX_LINES]
        self._painting = True
        try:
            while len(self._boxes) < len(shown):
                box = widgets.Checkbox(indent=False, description_allow_html=True)
                box.observe(partial(self._click, len(self._boxes)), "value")
                self._boxes.append(box)
            for box, line in zip(self._boxes, shown, strict=False):
                box.description = _described(line)
                box.value = line.chosen
            self._list.children = tuple(self._boxes[: len(shown)])
        finally:
            self._painting = False

    def _click(self, at: int, change: Any) -> None:
        if self._painting or at >= len(self._lines):
            return
        clicked = self._lines[at]
        files = [line for line in self._lines if not line.count]
        chosen = {line.path for line in files if line.chosen}
        meant = {
            line.path
            for line in files
            if line.path == clicked.path or (clicked.count and line.path.startswith(clicked.path))
        }
        self._changed(frozenset(chosen | meant if change["new"] else chosen - meant))


def _described(line: Line) -> html.Html:
    size = human_bytes(line.size)
    words = f"{counted(line.count, 'file')}, {size}" if line.count else size
    return html.join(
        [
            html.element(
                "span", line.name, class_="odh-oci-file", style=f"padding-left:{1.4 * line.depth:g}em"
            ),
            html.element("span", f" {line.why} ", class_="odh-oci-why"),
            html.element("span", words, class_="odh-oci-size"),
        ]
    )


def _layout(model: Model, versioned: bool | None) -> html.Html:
    paths = sorted(f"/{file.path}" for file in model.plan_files(versioned=versioned))
    shown = paths[:_LAYOUT_LINES]
    if len(paths) > len(shown):
        shown.append(f"… and {counted(len(paths) - len(shown), 'more file')}")
    return html.join(
        [html.section("In the image"), html.code("\n".join(shown), "The files' places in the image")]
    )
