"""Names that a service may have."""

from __future__ import annotations

import re

from .errors import ServiceNameInvalid

#: KServe's own rule for an InferenceService.
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")

#: Open Data Hub's limit: longer names make host names that no certificate fits.
LONGEST_NAME = 53


def check_name(name: str) -> str:
    """The name itself, when KServe takes it. Raises ServiceNameInvalid with a name that would do.

    >>> check_name("granite-2b")
    'granite-2b'
    >>> check_name("Granite 3.0")
    Traceback (most recent call last):
    odh_oci_widgets.serving.errors.ServiceNameInvalid: `Granite 3.0` cannot be the name of a service: a name has \
lower-case letters, digits and dashes, starts with a letter and ends with a letter or digit. Try `granite-3-0`.
    """
    if not _NAME.fullmatch(name):
        raise ServiceNameInvalid(
            f"`{name}` cannot be the name of a service: a name has lower-case letters, digits and dashes, "
            "starts with a letter and ends with a letter or digit.",
            hint=f"Try `{suggest_name(name)}`.",
        )
    if len(name) > LONGEST_NAME:
        raise ServiceNameInvalid(
            f"`{name}` is too long for a service: {len(name)} characters, {LONGEST_NAME} are allowed.",
            hint=f"Try `{suggest_name(name)}`.",
        )
    return name


def suggest_name(text: str) -> str:
    """A name that KServe takes, near to any text: a model's name, an image's.

    >>> suggest_name("ibm-granite/Granite-3.0-2B-Instruct")
    'granite-3-0-2b-instruct'
    """
    last = text.rstrip("/").rsplit("/", 1)[-1]
    name = re.sub(r"[^a-z0-9]+", "-", last.lower()).strip("-")
    if not name or not name[0].isalpha():
        name = f"model-{name}".strip("-")
    return name[:LONGEST_NAME].rstrip("-")
