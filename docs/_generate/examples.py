"""Shows the examples of docstrings as code: Markdown would take their `>>>` for a quotation."""

from __future__ import annotations

import re
from typing import Any

import griffe

#: an example: a line with `>>>` and what follows it up to an empty line
_EXAMPLE = re.compile(r"^>>> .*(?:\n(?!\s*$).+)*", re.MULTILINE)
#: what is for doctest and not for readers
_DIRECTIVE = re.compile(r"\s*# doctest: .*$", re.MULTILINE)


class Examples(griffe.Extension):
    """Fences each example of a docstring, and takes the `#:` comment above a field for its docstring."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)

    def on_attribute_instance(self, *, attr: griffe.Attribute, **_: Any) -> None:
        if attr.docstring is None and attr.lineno and (text := above(attr)):
            attr.docstring = griffe.Docstring(text, lineno=attr.lineno, parent=attr)


def fenced(text: str) -> str:
    """The text with its examples as fenced code."""
    return _EXAMPLE.sub(lambda found: f"```pycon\n{_DIRECTIVE.sub('', found[0])}\n```", text)


def above(attr: griffe.Attribute) -> str:
    """The `#:` comment above an attribute."""
    lines = attr.lines_collection[attr.filepath][: attr.lineno - 1]  # type: ignore[index, operator]
    found: list[str] = []
    while lines and lines[-1].strip().startswith("#:"):
        found.insert(0, lines.pop().strip()[2:].strip())
    return " ".join(found)
