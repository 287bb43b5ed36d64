"""What a registry's refusal means, as a typed error with what to do."""

from __future__ import annotations

import json

import urllib3

from .auth import Authenticator
from .errors import ImageNotFound, LayerTooLarge, RegistryError, RegistryForbidden
from .reference import Reference
from .retry import TRANSIENT, ConnectionTrouble

#: Characters of a registry's own words that are repeated.
_SAID = 300


def refusal(
    response: urllib3.BaseHTTPResponse, reference: Reference, auth: Authenticator, *, pushing: bool, what: str
) -> RegistryError:
    """The typed error of an answer; `what` was asked, with the right to push where `pushing`."""
    status, said = response.status, what_it_said(response)
    registry = reference.registry
    if status in {401, 403}:
        # A token was given, and still no: the account is known and lacks the right.
        known = status == 403 or (auth.bearer and auth.credential is not None)
        if not known:
            return auth.refused(status)
        if pushing:
            return auth.forbidden(reference.repository, status)
        return RegistryForbidden(
            f"{registry} does not let {auth.who} read `{reference.repository}`{said}.",
            hint="Check the name, and that this account may pull from it.",
            status=status,
        )
    if status == 404:
        return ImageNotFound(
            f"{reference} does not exist{said}.", hint="Check the name and the tag.", status=status
        )
    if status == 413:
        return LayerTooLarge(
            f"{registry} does not take a layer of this size{said}.",
            hint="Choose a registry with a higher limit, or fewer and smaller files "
            "(a model split into several parts).",
            status=status,
        )
    hint = "Try again later." if status in TRANSIENT else "Ask the registry's administrator."
    return RegistryError(f"{registry} answered {status} to {what}{said}.", hint=hint, status=status)


def what_it_said(response: urllib3.BaseHTTPResponse) -> str:
    """`: the registry's own words`, or nothing."""
    try:
        errors = json.loads(response.data)["errors"]
        said = "; ".join(str(entry.get("message") or entry.get("code")) for entry in errors)
    except (ValueError, KeyError, TypeError, AttributeError, *ConnectionTrouble):
        return ""
    said = " ".join(said.split())[:_SAID].rstrip(".")
    return f": {said}" if said else ""
