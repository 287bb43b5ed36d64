"""The reference of the command, from its own help."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator

from odh_oci_widgets.cli.main import parser

from .words import fenced, page

_COLUMNS = "80"


def pages() -> dict[str, str]:
    """Path -> page."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = _COLUMNS  # argparse breaks its lines there
    try:
        top = parser()
        parts = [fenced(top.format_help(), "text"), *_commands(top, 2)]
    finally:
        del os.environ["COLUMNS"]
        if before is not None:
            os.environ["COLUMNS"] = before
    intro = "What `odh-oci --help` and the help of each command say."
    return {"reference/cli.md": page("Command: odh-oci", intro, *parts)}


def _commands(top: argparse.ArgumentParser, level: int) -> Iterator[str]:
    for action in top._actions:  # noqa: SLF001 - argparse has no other way to its subcommands
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            seen = set()
            for one in action.choices.values():
                if one.prog in seen:
                    continue  # another name of the same command
                seen.add(one.prog)
                yield f"{'#' * level} {one.prog}"
                yield fenced(one.format_help(), "text")
                yield from _commands(one, level + 1)
