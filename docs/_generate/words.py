"""Small pieces of Markdown."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence

MADE = "<!-- Made from the code by docs/_generate: change the code. -->\n"


def page(title: str, *parts: str) -> str:
    """A page with its title."""
    return "\n\n".join([f"# {title}", *(part.strip("\n") for part in parts if part), MADE])


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells may hold anything but line breaks."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(cell(one) for one in row)} |" for row in rows]
    return "\n".join(lines)


def cell(text: str) -> str:
    """Text for a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|") or "–"


def fenced(text: str, language: str = "") -> str:
    """A block of code."""
    return f"```{language}\n{text.rstrip()}\n```"


def about(thing: object) -> str:
    """The docstring up to its first example or section."""
    text = inspect.getdoc(thing) or ""
    for end in ("\n>>>", "\nAttributes:", "\nRaises:"):
        text = text.partition(end)[0]
    return text.strip()


def first_sentence(thing: object) -> str:
    """The first paragraph of a docstring in one line."""
    return " ".join(about(thing).partition("\n\n")[0].split())
