"""The pages of the documentation and the code in them.

What the language of a fenced block means:

- `python`: run, in one namespace for the whole page;
- `shell`: run by bash, each block in a shell of its own, in one folder for the whole page;
- `yaml`: parsed, and applied as a dry run where it is Kubernetes objects;
- `text title="Output"`, right after a block that runs: what it must print, `…` standing for anything;
- every other language (`text`, `console`, `dockerfile`, …) is only shown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_FENCE = re.compile(r"(?P<indent> *)(?P<fence>`{3,})(?P<language>[\w-]*) *(?P<more>.*)$")
_OUTPUT = 'title="Output"'


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced block. `line` is that of its first line of code, from 1."""

    page: Path
    line: int
    language: str
    code: str
    #: what it must print, where the page says so
    output: str | None = None

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """README and everything below docs that a person wrote."""
    written = (path for path in (ROOT / "docs").rglob("*.md") if path.parent.name != "images")
    return [ROOT / "README.md", *sorted(written)]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order, each output with the block that prints it."""
    found: list[Block] = []
    opened: re.Match[str] | None = None
    start, lines = 0, []
    for number, line in enumerate(page.read_text().splitlines(), 1):
        fence = _FENCE.match(line)
        if opened is None and fence:
            opened, start, lines = fence, number + 1, []
        elif opened and fence and fence["fence"] == opened["fence"] and not fence["language"]:
            code = "\n".join(lines) + "\n"
            if _OUTPUT in opened["more"]:
                found[-1] = Block(**vars(found[-1]) | {"output": code})
            else:
                found.append(Block(page=page, line=start, language=opened["language"], code=code))
            opened = None
        elif opened:
            lines.append(line.removeprefix(opened["indent"]))
    assert opened is None, f"{page}: the block that begins before line {start} does not end"
    return found


def prints(wanted: str, printed: str) -> bool:
    """Whether the output is the wanted one; `…` stands for anything, also for several lines."""
    pattern = ".*".join(re.escape(part) for part in wanted.strip().split("…"))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None
