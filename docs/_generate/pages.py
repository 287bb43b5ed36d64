"""The pages that are made from the code, so that nothing in them can drift from it."""

from __future__ import annotations


def generated() -> dict[str, str]:
    """Path below docs/ -> text of the page."""
    return {}
