"""Numbers and names as people read them, and text fields as programs do."""

from __future__ import annotations

import re

#: The builders in words, by their names.
BUILDERS = {
    "kernel": "This notebook's kernel",
    "job": "A job in the project",
    "openshift": "An OpenShift build in the project",
    "podman": "A Podman service",
}
_MINUTE = 60
_HOUR = 3600
_DAY = 24 * _HOUR


def in_time(seconds: float) -> str:
    """A duration, as coarse as it is long.

    >>> in_time(0.4), in_time(59), in_time(61), in_time(7260)
    ('0.4 s', '59 s', '1 min 1 s', '2 h 1 min')
    """
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"


def age(seconds: float) -> str:
    """How old something is, so coarse that it rarely changes.

    >>> age(20), age(150), age(7300), age(200_000)
    ('new', '2 min', '2 h', '2 days')
    """
    if seconds < _MINUTE:
        return "new"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min"
    if seconds < 2 * _DAY:
        return f"{seconds // _HOUR:.0f} h"
    return f"{seconds // _DAY:.0f} days"


def counted(count: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "file"), counted(0, "layer")
    ('1 file', '0 layers')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def repository_name(text: str) -> str:
    """A name that registries accept, as near to the text as possible.

    >>> repository_name("Granite-3.0-2B_instruct"), repository_name("__x..y")
    ('granite-3.0-2b_instruct', 'x.y')
    """
    name = re.sub(r"[^a-z0-9._-]+", "-", text.lower())
    return re.sub(r"[._-]*([._-])", r"\1", name).strip("._-") or "model"


def image_name(image: str) -> str:
    """Of a reference what people call the image by.

    >>> image_name("quay.io/me/granite:1@sha256:0000")
    'granite:1'
    """
    return image.partition("@")[0].rsplit("/", 1)[-1]


def globs(text: str) -> tuple[str, ...]:
    """Globs from a text field, separated by commas or blanks.

    >>> globs("*.json, *.safetensors")
    ('*.json', '*.safetensors')
    """
    return tuple(part for part in re.split(r"[,\s]+", text) if part)


def compact(number: float) -> str:
    """A large number in few characters.

    >>> compact(2_533_531_648), compact(90_000), compact(999)
    ('2.5 billion', '90 thousand', '999')
    """
    for size, name in ((1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
        if number >= 0.9995 * size:
            return f"{number / size:.1f}".removesuffix(".0") + f" {name}"
    return f"{number:.0f}"
