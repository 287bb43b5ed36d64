"""A name that Kubernetes takes, from whatever a model is called."""

from __future__ import annotations

import re

#: ODH refuses longer names of services
MAX_NAME = 53


def service_name(text: str) -> str:
    """A lower-case DNS label of at most 53 characters that starts with a letter.

    >>> service_name("Granite-3.0_2B Instruct")
    'granite-3-0-2b-instruct'
    >>> service_name("7B!")
    'm-7b'
    >>> service_name("…")
    'model'
    """
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if name[:1].isdigit():
        name = f"m-{name}"
    return name[:MAX_NAME].rstrip("-") or "model"
