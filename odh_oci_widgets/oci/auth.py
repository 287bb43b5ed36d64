"""Who we are to a registry: Bearer tokens by the registry's challenge, or Basic."""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Iterable
from threading import Lock
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3

from .credentials import Credential
from .errors import RegistryError, RegistryForbidden, RegistryUnauthorized, RegistryUnreachable
from .headers import Challenge, parse_challenges
from .http import Http
from .retry import TRANSIENT, ConnectionTrouble, Patience, retry_after

#: A token whose answer names no end lives this long (the token specification's default).
TOKEN_SECONDS = 60.0
#: Renewed this long before its end (or at half of a short life).
TOKEN_MARGIN = 10.0
_CLIENT = "odh-oci"


class Authenticator:
    """The `Authorization` header for one registry; safe between threads."""

    def __init__(self, registry: str, credential: Credential | None, *, http: Http, insecure: bool) -> None:
        self.registry = registry
        self.credential = credential
        self._http = http
        self._insecure = insecure
        self._lock = Lock()
        self._challenge: Challenge | None = None
        #: scope -> (header, time of renewal)
        self._tokens: dict[str, tuple[str, float]] = {}

    @property
    def bearer(self) -> bool:
        """Whether the registry works with tokens."""
        return self._challenge is not None and self._challenge.scheme == "bearer"

    @property
    def who(self) -> str:
        """For messages: the user name, or that there is none."""
        if self.credential is None:
            return "an anonymous user"
        return f"`{self.credential.username}`" if self.credential.username else "the stored login"

    def header(self, scope: str, patience: Patience) -> str | None:
        """What to send along; None before the registry asked for anything."""
        with self._lock:
            if self._challenge is None:
                return None
            return self._header(scope, patience)

    def answer(
        self, response: urllib3.BaseHTTPResponse, scope: str, used: str | None, patience: Patience
    ) -> bool:
        """Take a 401 into account. True: try again with a new `header`; False: it will not get better.

        `used` is the header that was refused.
        """
        challenges = parse_challenges(response.headers.get("WWW-Authenticate"))
        with self._lock:
            known = {challenge.scheme: challenge for challenge in challenges}
            challenge = known.get("bearer") or known.get("basic")
            if challenge is None:
                self._tokens.pop(scope, None)
                return False
            self._challenge = challenge
            if challenge.scheme == "basic":
                return used is None and self._header(scope, patience) is not None
            held = self._tokens.get(scope)
            if held is not None and held[0] == used:
                del self._tokens[scope]  # expired or revoked before its time
            self._header(scope, patience)
            return True

    def _header(self, scope: str, patience: Patience) -> str | None:
        challenge = self._challenge
        if challenge is None or challenge.scheme == "basic":
            return _basic(self.credential)
        held = self._tokens.get(scope)
        if held is None or time.monotonic() >= held[1]:
            token, seconds = self._fetch(challenge, scope, patience)
            margin = min(TOKEN_MARGIN, seconds / 2)
            held = self._tokens[scope] = (f"Bearer {token}", time.monotonic() + seconds - margin)
        return held[0]

    def _fetch(self, challenge: Challenge, scope: str, patience: Patience) -> tuple[str, float]:
        realm = challenge.parameters.get("realm", "")
        allowed = {"https", "http"} if self._insecure else {"https"}
        if urlsplit(realm).scheme not in allowed:
            raise RegistryError(
                f"{self.registry} wants the password sent to {realm!r}, which is not encrypted.",
                hint="Use --insecure if that is meant to be.",
            )
        fields = (
            [("service", challenge.parameters.get("service", ""))]
            if "service" in challenge.parameters
            else []
        )
        fields += [("scope", part) for part in scope.split()]
        data = self._ask(realm, fields, patience)
        token = data.get("token") or data.get("access_token")
        if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
            raise RegistryError(
                f"{self.registry} answered the login without a token.", hint="Try again later."
            )
        self._check_granted(token, scope)
        try:
            seconds = float(data.get("expires_in") or TOKEN_SECONDS)
        except (TypeError, ValueError):
            seconds = TOKEN_SECONDS
        return token, seconds

    def _ask(self, realm: str, fields: list[tuple[str, str]], patience: Patience) -> dict[str, Any]:
        credential = self.credential
        while True:
            try:
                if credential is not None and credential.identity_token:
                    form = [
                        ("grant_type", "refresh_token"),
                        ("client_id", _CLIENT),
                        ("refresh_token", credential.identity_token),
                        *fields,
                    ]
                    response = self._http.request(
                        "POST",
                        realm,
                        body=urlencode(form).encode(),
                        headers={"Content-Type": "application/x-www-form-urlencoded"},
                    )
                else:
                    header = _basic(credential)
                    response = self._http.request(
                        "GET",
                        realm + ("&" if "?" in realm else "?") + urlencode(fields),
                        headers={"Authorization": header} if header else {},
                    )
            except ConnectionTrouble:
                patience.wait(
                    f"{urlsplit(realm).netloc} is not reachable",
                    RegistryUnreachable(
                        f"{self.registry} wants a token from {urlsplit(realm).netloc}, which does not answer.",
                        hint="Check the network and the proxy settings.",
                    ),
                )
                continue
            if response.status in TRANSIENT:
                patience.wait(
                    f"{urlsplit(realm).netloc} answered {response.status}",
                    RegistryError(
                        f"{self.registry} gives no token: {response.status}.",
                        hint="Try again later.",
                        status=response.status,
                    ),
                    retry_after=retry_after(response.headers),
                )
                continue
            if response.status != 200:
                raise self.refused(response.status)
            try:
                data = json.loads(response.data)
            except ValueError:
                data = None
            return data if isinstance(data, dict) else {}

    def refused(self, status: int) -> RegistryError:
        """The error for a login that the registry does not take."""
        if self.credential is None:
            return RegistryUnauthorized(
                f"{self.registry} wants a login.",
                hint=f"Log in first, e.g. `podman login {self.registry}`, or pass credentials.",
                status=status,
            )
        return RegistryUnauthorized(
            f"{self.registry} does not accept the login of {self.who}.",
            hint=f"Log in again, e.g. `podman login {self.registry}`: a token may have expired.",
            status=status,
        )

    def _check_granted(self, token: str, scope: str) -> None:
        """Refuse at once where the token itself says that `push` was left out (Quay does so, with status 200)."""
        granted = granted_actions(token)
        if granted is None:
            return
        for part in scope.split():
            kind, _, rest = part.partition(":")
            name, _, actions = rest.rpartition(":")
            have = granted.get((kind, name), set())
            if "push" in actions.split(",") and not have & {"push", "*"}:
                raise self.forbidden(name)

    def forbidden(self, repository: str, status: int | None = 403) -> RegistryForbidden:
        """The error for a login that may not push."""
        return RegistryForbidden(
            f"{self.registry} does not let {self.who} push to `{repository}`.",
            hint="Ask for write access to that repository (at Quay: the creator role in the organisation), "
            "or choose another one.",
            status=status,
        )


def granted_actions(token: str) -> dict[tuple[str, str], set[str]] | None:
    """What a token that is a JWT grants: (type, name) -> actions; None where it does not say.

    >>> granted_actions("opaque") is None
    True
    """
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        payload = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        access = payload["access"]
        granted: dict[tuple[str, str], set[str]] = {}
        for entry in _entries(access):
            granted.setdefault((entry["type"], entry["name"]), set()).update(entry.get("actions") or ())
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        return None
    return granted


def _entries(access: Any) -> Iterable[dict[str, Any]]:
    return access if isinstance(access, list) else []


def _basic(credential: Credential | None) -> str | None:
    if credential is None or not credential.username:
        return None
    pair = f"{credential.username}:{credential.password}".encode()
    return "Basic " + base64.b64encode(pair).decode()
