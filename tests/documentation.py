"""The modules that make the pages of the documentation, for tests of what they say."""

from __future__ import annotations

import sys
from pathlib import Path

_DOCS = str(Path(__file__).parents[1] / "docs")
if _DOCS not in sys.path:
    sys.path.append(_DOCS)

from _generate import plan_schema, source, troubleshooting  # noqa: E402 - found by the line above

__all__ = ["plan_schema", "source", "troubleshooting"]
