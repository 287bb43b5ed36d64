"""Small pieces that several steps are made of: fields with help, hidden sections, a log, code."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Lock
from typing import Any

import ipywidgets as widgets

from . import html
from .job import Job
from .words import counted

#: Lines that a log keeps; older ones are gone.
LOG_LINES = 500


#: What widgets of a kind have in common, by its class and what it says.
_shared: dict[tuple[type[Any], tuple[tuple[str, str], ...]], Any] = {}


def _one(kind: type[Any], **values: str) -> Any:
    """The one style (or layout) of that kind that says this, for all widgets that never change theirs.

    With one for each of hundreds of widgets, a page that shows them gets twice as many messages at once.
    """
    key = (kind, tuple(sorted(values.items())))
    made = _shared.get(key)
    if made is None or made.comm is None:  # `Widget.close_all()` closed it
        made = _shared[key] = kind(**values)
    return made


def _style_of(kind: type[Any], **values: str) -> Any:
    return _one(kind.class_traits()["style"].klass, **values)


def field(kind: type[Any], label: str, *classes: str, **options: Any) -> Any:
    """An input with its label above it."""
    style = _style_of(kind, description_width="initial")
    widget = kind(description=label, style=style, _dom_classes=("odh-oci-field", *classes), **options)
    if getattr(widget, "index", 0) is None and widget.options:
        # ipywidgets takes a first choice whose value is None for no choice, and the browser shows an empty box.
        widget.index = 0
    return widget


def markup(value: str = "", **options: Any) -> widgets.HTML:
    """Something to read, as HTML."""
    return widgets.HTML(value, style=_style_of(widgets.HTML), **options)


def cell(widget: Any, help_text: str = "") -> widgets.VBox:
    """A field with a line of help below."""
    parts = [widget]
    if help_text:
        parts.append(markup(html.help_text(help_text), layout=_one(widgets.Layout)))
    return widgets.VBox(parts, _dom_classes=("odh-oci-cell",))


def grid(*cells: Any) -> widgets.Box:
    """Fields beside each other, as many as there is room for."""
    return widgets.Box(list(cells), _dom_classes=("odh-oci-grid",))


def row(*items: Any) -> widgets.HBox:
    """Buttons beside each other."""
    return widgets.HBox(list(items), _dom_classes=("odh-oci-buttons",))


def put(box: widgets.Box, parts: Sequence[Any]) -> None:
    """Let a box hold these; nothing is sent to the browser where it does already."""
    if box.children != tuple(parts):
        box.children = tuple(parts)


def button(
    text: str, clicked: Callable[[], Any], *classes: str, style: str = "", disabled: bool = False
) -> widgets.Button:
    """A button with text. `style`: primary, danger or empty."""
    made = widgets.Button(
        description=text,
        button_style=style,
        disabled=disabled,
        layout={"width": "auto"},
        style=_style_of(widgets.Button),
        _dom_classes=classes,
    )
    made.on_click(lambda _: clicked())
    return made


def upload(text: str, read: Callable[[list[tuple[str, bytes]]], Any], **options: Any) -> widgets.FileUpload:
    """A button that opens the file dialog and gives name and bytes of each file to `read`.

    It is emptied at once: what it held would be saved into the notebook.
    """
    made = widgets.FileUpload(
        description="",
        tooltip=text,
        layout={"width": "auto"},
        style=_style_of(widgets.FileUpload),
        _dom_classes=("odh-oci-upload",),
        **options,
    )

    def take(change: Any) -> None:
        if change["new"]:
            chosen = [(item["name"], bytes(item["content"])) for item in change["new"]]
            made.value = ()
            read(chosen)

    made.observe(take, "value")
    return made


class Secret:
    """A password field that is empty again as soon as it was read, so that nothing can save it.

    `kept(text)` is told in the same callback; what the user sees afterwards is that there is one.
    """

    def __init__(self, label: str, kept: Callable[[str], Any]) -> None:
        self._kept = kept
        # Not continuous: the browser sends it once, when the field is left or Enter pressed.
        self.widget = field(widgets.Password, label, continuous_update=False)
        self.widget.observe(self._read, "value")

    def _read(self, change: Any) -> None:
        if change["new"]:
            text = change["new"]
            self.widget.value = ""
            self.widget.placeholder = "kept for this session, not saved"
            self._kept(text)


class Disclosure(widgets.VBox):
    """A section behind a button with text: "Show …" and "Hide …"."""

    def __init__(self, name: str, *content: Any, seen: Callable[[], Any] | None = None) -> None:
        self._name = name
        self._seen = seen
        self.button = button(f"Show {name}", self.toggle, "odh-oci-disclose")
        self._content = content
        super().__init__([self.button], _dom_classes=("odh-oci-disclosure",))

    @property
    def shown(self) -> bool:
        """Whether the section is to be seen."""
        return len(self.children) > 1

    def toggle(self) -> None:
        """Show or hide."""
        self.button.description = f"{'Show' if self.shown else 'Hide'} {self._name}"
        self.children = (self.button,) if self.shown else (self.button, *self._content)
        (self.add_class if self.shown else self.remove_class)("odh-oci-open")
        if self.shown and self._seen:
            self._seen()


class LogPane(widgets.HTML):
    """The last lines of a log in one widget: a ring buffer, painted when asked (`paint`)."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[str] = deque(maxlen=LOG_LINES)
        self._word = ""
        self._lock = Lock()
        self._dirty = False

    def append(self, line: str) -> None:
        """Add a line; nothing is drawn yet."""
        with self._lock:
            self._lines.append(line)
            self._dirty = True

    @property
    def last(self) -> str:
        """The newest line."""
        with self._lock:
            return self._lines[-1] if self._lines else ""

    def fill(self, lines: Iterable[str]) -> None:
        """Show these lines and no others."""
        with self._lock:
            self._lines.clear()
            self._lines.extend(lines)
            self._dirty = True
        self.paint()

    def only(self, word: str) -> None:
        """Show the lines that hold this, in capitals or not; all of them for an empty one."""
        with self._lock:
            self._word = word.strip().casefold()
            self._dirty = True
        self.paint()

    def paint(self) -> None:
        """Draw what is new."""
        with self._lock:
            if not self._dirty:
                return
            self._dirty = False
            lines = tuple(line for line in self._lines if self._word in line.casefold())
            nothing = f"None of {counted(len(self._lines), 'line')} says so." if self._word else ""
        self.value = html.log(lines or (nothing,))


Rendering = str | Callable[[], str]


class CodePanel(Disclosure):
    """The section "code": the same work as text, in one language or another.

    `renderings()` gives language -> text, asked whenever the panel is seen. A text that takes a moment to get is a
    function, called in a thread when somebody looks at that language.
    """

    def __init__(self, renderings: Callable[[], Mapping[str, Rendering]]) -> None:
        self._renderings = renderings
        self._texts: dict[str, Rendering] = {}
        self._job: Job[str] | None = None
        self._language = field(widgets.Dropdown, "Language", "odh-oci-language")
        self._text = markup()
        self._language.observe(lambda _: self._draw(), "value")
        super().__init__("code", self._language, self._text, seen=self.refresh)

    def refresh(self) -> None:
        """Ask for the code anew, if it is to be seen."""
        if not self.shown:
            return
        self._texts = dict(self._renderings())
        options = tuple(self._texts)
        if self._language.options != options:
            before = self._language.value
            self._language.options = options
            # A Dropdown that was made without options chooses none by itself.
            self._language.value = before if before in options else options[0] if options else None
        self._draw()

    def _draw(self) -> None:
        if self._job is not None:
            self._job.abandon()
        language = self._language.value
        text = self._texts.get(language, "")
        if callable(text):
            self._put(language, "# One moment…")
            self._job = Job(
                lambda _: text(),
                done=lambda said: self._put(language, said),
                failed=lambda error: self._put(language, f"# {error}"),
            )
        else:
            self._put(language, text)

    def _put(self, language: str, text: str) -> None:
        self._text.value = html.code(text, f"{language} code") if text else ""
