"""Who calls: bearer tokens of people and of service accounts."""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from dataclasses import dataclass, field

from .status import unauthorized


@dataclass(frozen=True)
class User:
    """An identity as the API server sees it. The token is not part of what is shown or compared."""

    name: str
    groups: tuple[str, ...] = ("system:authenticated",)
    uid: str = ""
    token: str = field(default="", repr=False, compare=False)

    def info(self) -> dict[str, object]:
        shown: dict[str, object] = {"username": self.name, "groups": list(self.groups)}
        return {**shown, "uid": self.uid} if self.uid else shown


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


def service_account_name(namespace: str, name: str) -> str:
    return f"system:serviceaccount:{namespace}:{name}"


def _jwt(claims: dict[str, object]) -> str:
    """Shaped like a JSON Web Token, so that clients that look into it find an expiry; the signature is random."""
    parts = [{"alg": "RS256", "typ": "JWT"}, claims]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, secrets.token_urlsafe(24)])


class Tokens:
    """Tokens that are valid now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users: dict[str, tuple[User, float | None]] = {}

    def issue(self, name: str, groups: tuple[str, ...] = (), *, seconds: float | None = None) -> User:
        """A person: an OpenShift-like opaque token."""
        return self._keep(name, ("system:authenticated:oauth", "system:authenticated", *groups),
                          f"sha256~{secrets.token_urlsafe(32)}", seconds)  # fmt: skip

    def issue_service_account(self, namespace: str, name: str, *, seconds: float | None = None) -> User:
        user = service_account_name(namespace, name)
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
        claims: dict[str, object] = {
            "aud": ["https://kubernetes.default.svc"],
            "iss": "https://kubernetes.default.svc",
            "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": name}},
            "sub": user,
            "exp": int(time.time() + (3600 if seconds is None else seconds)),
        }
        return self._keep(user, groups, _jwt(claims), seconds)

    def _keep(self, name: str, groups: tuple[str, ...], token: str, seconds: float | None) -> User:
        user = User(name, groups, token=token)
        with self._lock:
            self._users[token] = (user, None if seconds is None else time.monotonic() + seconds)
        return user

    def expire(self, token: str) -> None:
        """From now on this token is answered with 401."""
        with self._lock:
            self._users.pop(token, None)

    def expire_user(self, name: str) -> None:
        with self._lock:
            self._users = {token: entry for token, entry in self._users.items() if entry[0].name != name}

    def look_up(self, token: str) -> User | None:
        with self._lock:
            found = self._users.get(token)
        if found is None or (found[1] is not None and time.monotonic() >= found[1]):
            return None
        return found[0]

    def authenticate(self, authorization: str | None) -> User:
        if not authorization:
            return ANONYMOUS
        scheme, _, token = authorization.partition(" ")
        user = self.look_up(token.strip()) if scheme.lower() == "bearer" else None
        if user is None:
            raise unauthorized()
        return user
