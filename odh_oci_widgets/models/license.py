"""The licence of a model in a folder."""

from __future__ import annotations

import re
from pathlib import Path

#: how the well-known texts begin -> SPDX-like id, as the hub writes them
_TEXTS = {
    "apache license": "apache-2.0",
    "mit license": "mit",
    "bsd 3-clause license": "bsd-3-clause",
    "gnu general public license": "gpl-3.0",
    "mozilla public license": "mpl-2.0",
}


def folder_license(folder: Path) -> str | None:
    """From the front matter of README.md (a hub model's card), else from how LICENSE begins; None if unclear."""
    card = _head(folder / "README.md")
    if card.startswith("---"):
        front = card.split("\n---", maxsplit=1)[0]
        found = re.search(r"^license(?:_name)?:\s*['\"]?([\w.+-]+)['\"]?\s*$", front, re.MULTILINE)
        if found:
            return found[1]
    for name in ("LICENSE", "LICENSE.txt", "LICENSE.md"):
        text = " ".join(_head(folder / name)[:300].lower().split())
        for start, identifier in _TEXTS.items():
            if start in text:
                return identifier
    return None


def _head(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(4096)
    except OSError:
        return ""
