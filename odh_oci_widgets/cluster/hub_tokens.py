"""Tokens of the Hugging Face hub in Secrets of the project."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from .errors import ClusterError
from .project import Project
from .resources import SECRETS

#: Keys under which people keep a hub token, the usual ones first; compared without case, `-` being `_`.
_KEYS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_TOKEN", "HF_HUB_TOKEN")
#: How a token of the public hub begins.
_BEGINNING = b"hf_"


class TokenMissing(ClusterError):
    """A Secret that holds no hub token, or none under that key."""

    cure = "Name another as `NAME/KEY`, or put the token into the Secret under `HF_TOKEN`."


def list_hub_tokens(project: Project) -> list[str]:
    """`NAME/KEY` of each Secret that seems to hold a hub token, by its key or how it begins. Raises NotAllowed.

    >>> from odh_oci_widgets import connect
    >>> from odh_oci_widgets.cluster import list_hub_tokens
    >>> list_hub_tokens(connect())
    ['hf-token/token']
    """
    found = []
    for secret in project.list(SECRETS):
        # Registry logins, certificates and the cluster's own tokens have types of their own.
        key = _key(secret.get("data") or {}) if secret.get("type", "Opaque") == "Opaque" else None
        if key:
            found.append(f"{secret['metadata']['name']}/{key}")
    return sorted(found)


def read_hub_token(project: Project, secret: str) -> str:
    """The token in the Secret `NAME` or `NAME/KEY`; without a key the one that seems to be it, or the only one.

    Raises ObjectNotFound, NotAllowed, TokenMissing.

    >>> from odh_oci_widgets import connect
    >>> from odh_oci_widgets.cluster import read_hub_token
    >>> read_hub_token(connect(), "hf-token")
    'hf_mine'
    """
    name, _, key = secret.strip().partition("/")
    data: Mapping[str, Any] = project.get(SECRETS, name).get("data") or {}
    key = key or _key(data) or (next(iter(data)) if len(data) == 1 else "")
    token = _decoded(data.get(key)).decode("ascii", "replace").strip()
    if not token or not token.isprintable() or not token.isascii():
        keys = ", ".join(f"`{one}`" for one in sorted(data)) or "none"
        raise TokenMissing(
            f"The Secret `{name}` holds no token" + (f" under the key `{key}`." if key else "."),
            hint=f"Its keys: {keys}. Write {name}/KEY with the one that holds it.",
        )
    return token


def _key(data: Mapping[str, Any]) -> str | None:
    usual = {key.upper().replace("-", "_").replace(".", "_"): key for key in data}
    named = next((usual[key] for key in _KEYS if key in usual), None)
    return named or next((key for key in data if _decoded(data[key]).startswith(_BEGINNING)), None)


def _decoded(value: Any) -> bytes:
    try:
        return base64.b64decode(str(value or ""))
    except (binascii.Error, ValueError):
        return b""
