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
    """Fences each example of a docstring."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)


def fenced(text: str) -> str:
    """The text with its examples as fenced code."""
    return _EXAMPLE.sub(lambda found: f"```pycon\n{_DIRECTIVE.sub('', found[0])}\n```", text)
