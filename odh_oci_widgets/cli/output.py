"""What a command writes: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

from odh_oci_widgets.oci.errors import OdhOciError


@dataclass
class Output:
    """Either for people (`say`, `table`), or for machines (`document`); `note` and `problem` go to standard error."""

    json: bool
    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)
    #: whether a document that tells the failure stands on standard output already
    failure_told: bool = False

    def document(self, data: Any) -> None:
        """One JSON document on one line; nothing without `--json`."""
        self.line(json.dumps(data, sort_keys=True))

    def line(self, text: str) -> None:
        """One of several JSON documents, as the engine wrote it; nothing without `--json`."""
        if self.json:
            self.out.write(text + "\n")
            self.out.flush()

    def say(self, text: str = "") -> None:
        """A line of the result for people; nothing with `--json`."""
        if not self.json:
            self.out.write(text + "\n")
            self.out.flush()

    def write(self, piece: str) -> None:
        """A piece of a text that is on its way, for people; nothing with `--json`."""
        if not self.json:
            self.out.write(piece)
            self.out.flush()

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Columns for people; nothing with `--json`."""
        cells = [[str(cell) for cell in row] for row in [headings, *rows]]
        widths = [max(len(row[at]) for row in cells) for at in range(len(headings))]
        for row in cells:
            self.say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())

    def note(self, text: str) -> None:
        """A line for people about what goes on."""
        self.err.write(text + "\n")
        self.err.flush()

    def passing(self, words: str) -> None:
        """Words on a terminal that the next ones replace; nothing elsewhere."""
        if self.err.isatty():
            self.err.write(f"\r\x1b[K{words}")
            self.err.flush()

    def problem(self, sentence: str) -> None:
        """The one sentence of a failure."""
        self.note(f"odh-oci: {sentence}")

    def failure(self, error: OdhOciError) -> None:
        """Tell a failure to people, and to machines unless they know."""
        self.problem(str(error))
        if not self.failure_told:
            self.document({"error": type(error).__name__, "message": error.message, "hint": error.hint})

    def flush(self) -> None:
        """Bring out what is buffered, so that a reader gone away shows here."""
        self.out.flush()
