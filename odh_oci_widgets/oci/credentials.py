"""Credentials for registries, found where podman, skopeo and Docker look for them.

>>> credentials = Credentials({"quay.io/me": Credential("me+robot", "s3cret")}, environ={})
>>> credentials.find("quay.io", "me/granite")
Credential(username='me+robot', password=<hidden>, identity_token=None)

Files are read anew at each `find`, since `podman login` in another window changes them.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from .credential_helper import TOKEN_USER, ask_helper
from .errors import CredentialsInvalid
from .reference import DOCKER_HUB, DOCKER_HUB_ALIASES, LayoutReference, parse_image

#: What an OCI connection of Open Data Hub puts into a workbench's environment.
CONNECTION_VARIABLE = ".dockerconfigjson"
_T = TypeVar("_T")
_DOCKER_HUB_SERVER = "https://index.docker.io/v1/"


@dataclass(frozen=True, repr=False)
class Credential:
    """Who we are at a registry: a user name with a password, or an identity token (an OAuth2 refresh token).

    >>> from odh_oci_widgets import Credential
    >>> Credential("me+robot", "secret")  # a password is never shown
    Credential(username='me+robot', password=<hidden>, identity_token=None)
    """

    username: str
    password: str = ""
    identity_token: str | None = None

    def __repr__(self) -> str:
        token = "<hidden>" if self.identity_token else "None"
        return f"Credential(username={self.username!r}, password=<hidden>, identity_token={token})"


class Credentials:
    """Finds the credential for a repository.

    Order: `explicit` (keys as in auth files); then `authfile` or `$REGISTRY_AUTH_FILE`, and where one of them is given
    nothing else; otherwise `$XDG_RUNTIME_DIR/containers/auth.json`, `$XDG_CONFIG_HOME/containers/auth.json`,
    `$DOCKER_CONFIG/config.json` (`~/.docker/config.json`), `~/.dockercfg`, and last the environment variable
    `.dockerconfigjson`. In each of them the most specific key wins: `host/ns/repo`, `host/ns`, `host`.

    >>> from odh_oci_widgets import Credential, Credentials
    >>> credentials = Credentials({"quay.io/me": Credential("me+robot", "secret")})
    >>> credentials.find("quay.io", "me/granite").username
    'me+robot'
    >>> credentials.find("quay.io", "you/granite") is None
    True
    """

    def __init__(
        self,
        explicit: Mapping[str, Credential] | None = None,
        authfile: Path | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._explicit = dict(explicit or {})
        self._authfile = authfile
        self._environ = environ

    def __repr__(self) -> str:
        return f"Credentials({sorted(self._explicit)}, authfile={self._authfile})"

    def find(self, registry: str, repository: str) -> Credential | None:
        """The credential for `repository` at `registry` (`host[:port]`), or None: then be anonymous.

        Raises CredentialsInvalid for a source that cannot be read or understood, and where a credential helper
        that is named for this registry fails.
        """
        keys = _keys(registry, repository)
        if found := _matching(self._explicit, keys):
            return found[0]
        failed: CredentialsInvalid | None = None
        for name, config in self._sources():
            try:
                credential = _find_in(name, config, keys, self._environ)
            except _StoreFailed as trouble:
                failed = failed or trouble
                continue
            if credential:
                return credential
        if failed:
            raise failed
        return None

    def find_for(self, image: str) -> Credential | None:
        """The credential for an image (`registry/repo:tag`); None for a layout on this disk. Raises ReferenceInvalid.

        >>> Credentials({"quay.io": Credential("me", "s3cret")}, environ={}).find_for("quay.io/me/granite:1")
        Credential(username='me', password=<hidden>, identity_token=None)
        """
        reference = parse_image(image)
        if isinstance(reference, LayoutReference):
            return None
        return self.find(reference.registry, reference.repository)

    def registries(self) -> list[str]:
        """The keys (`host`, `host/ns`) of all sources, in their order: where images may go. Asks no helper."""
        found: dict[str, None] = dict.fromkeys(self._explicit)
        for name, config in self._sources():
            for section in ("auths", "credHelpers"):
                found |= dict.fromkeys(normal_key(key) for key in _section(name, config, section))
        return list(found)

    def _sources(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Name and content of each source that exists, in order."""
        only = self._authfile or self._path("REGISTRY_AUTH_FILE")
        if only:
            config = _read(only)
            if config is None:
                raise CredentialsInvalid(
                    f"The auth file `{only}` does not exist.",
                    hint="Make it with `podman login --authfile …`, or leave the file out (REGISTRY_AUTH_FILE).",
                )
            yield f"`{only}`", config
            return
        for path in self._files():
            if (config := _read(path)) is not None:
                yield f"`{path}`", {"auths": config} if path.name == ".dockercfg" else config
        if text := self._environ.get(CONNECTION_VARIABLE):
            name = f"the environment variable `{CONNECTION_VARIABLE}`"
            yield name, _parse(name, text)

    def _files(self) -> Iterator[Path]:
        home = self._path("HOME") or Path.home()
        session = self._path("XDG_RUNTIME_DIR")
        runtime = session / "containers" if session else Path("/run/containers") / str(os.getuid())
        yield runtime / "auth.json"
        yield (self._path("XDG_CONFIG_HOME") or home / ".config") / "containers" / "auth.json"
        yield (self._path("DOCKER_CONFIG") or home / ".docker") / "config.json"
        yield home / ".dockercfg"

    def _path(self, variable: str) -> Path | None:
        value = self._environ.get(variable)
        return Path(value) if value else None


class _StoreFailed(CredentialsInvalid):
    """The general credential store failed: fatal only where no other source knows the registry."""


def _keys(registry: str, repository: str) -> list[str]:
    """The keys of an auth file that speak of a repository, the most specific first."""
    registry = DOCKER_HUB if registry in DOCKER_HUB_ALIASES else registry
    parts = [part for part in repository.split("/") if part]
    return ["/".join([registry, *parts[:n]]) for n in range(len(parts), -1, -1)]


def normal_key(key: str) -> str:
    """An auth file's key as `_keys` writes it: Docker has URLs (`https://index.docker.io/v1/`), podman has names."""
    bare = re.sub(r"^https?://", "", key)
    if bare != key:
        bare = bare.partition("/")[0]
    host, slash, path = bare.rstrip("/").partition("/")
    if host in DOCKER_HUB_ALIASES:
        host, path = DOCKER_HUB, "" if path in {"v1", "v2"} else path
    return f"{host}/{path}" if slash and path else host


def _matching(entries: Mapping[str, _T], keys: list[str]) -> list[_T]:
    """The entries that speak of `keys`, the most specific first; a key written as it is before one normalised."""
    normal: dict[str, list[_T]] = {}
    for key, entry in entries.items():
        normal.setdefault(normal_key(key), []).append(entry)
    found: list[_T] = []
    for key in keys:
        exact = [entries[key]] if key in entries else []
        found += exact + [entry for entry in normal.get(key, []) if entry not in exact]
    return found


def _read(path: Path) -> Mapping[str, Any] | None:
    try:
        return _parse(f"`{path}`", path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise CredentialsInvalid(
            f"The auth file `{path}` cannot be read: {error.strerror}.",
            hint="Repair its permissions, or name another with REGISTRY_AUTH_FILE.",
        ) from error


def _parse(name: str, text: str | bytes) -> Mapping[str, Any]:
    if not text.strip():
        return {}
    try:
        config = json.loads(text)
    except ValueError:
        # the parser's error quotes the text: it must not travel along, not even as a cause
        config = None
    if not isinstance(config, dict):
        raise _malformed(name, "is not a JSON object")
    return config


def _malformed(name: str, what: str) -> CredentialsInvalid:
    return CredentialsInvalid(
        f"{name[0].upper()}{name[1:]} {what}.",
        hint="Repair it, log in again (`podman login REGISTRY`), or name another file with REGISTRY_AUTH_FILE.",
    )


def _section(name: str, config: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    section = config.get(key) or {}
    if not isinstance(section, dict):
        raise _malformed(name, f"has an `{key}` that is not a JSON object")
    return section


def _find_in(
    name: str, config: Mapping[str, Any], keys: list[str], environ: Mapping[str, str]
) -> Credential | None:
    registry = keys[-1]
    server = _DOCKER_HUB_SERVER if registry == DOCKER_HUB else registry
    for helper in _matching(_section(name, config, "credHelpers"), keys):
        if credential := _ask(name, str(helper), server, environ):
            return credential
    entries = _matching(_section(name, config, "auths"), keys)
    for entry in entries:
        if credential := _decode(name, registry, entry):
            return credential
    store = config.get("credsStore")
    if not store:
        return None
    try:
        return _ask(name, str(store), server, environ)
    except CredentialsInvalid as error:
        # A configuration copied from another machine names a store that is not here. That matters only
        # where it also says (by an empty entry) that the store knows this registry.
        if entries:
            raise _StoreFailed(error.message, hint=error.hint) from None
        return None


def _decode(name: str, registry: str, entry: object) -> Credential | None:
    """The credential of one entry of `auths`; None where it is empty."""
    if not isinstance(entry, dict):
        raise _malformed(name, f"has an entry for {registry} that is not a JSON object")
    username, password = entry.get("username") or "", entry.get("password") or ""
    token = entry.get("identitytoken") or None
    if encoded := entry.get("auth"):
        try:
            pair = base64.b64decode(str(encoded), validate=True).decode()
        except (binascii.Error, ValueError):
            pair = ""
        username, colon, password = pair.partition(":")
        if not colon:
            raise _malformed(
                name, f"has an entry for {registry} whose `auth` is not base64 of `user:password`"
            )
        password = password.rstrip("\0")
    if not all(isinstance(value, str) for value in (username, password, token or "")):
        raise _malformed(name, f"has an entry for {registry} that is not text")
    return Credential(username, password, token) if token or (username and password) else None


def _ask(name: str, helper: str, server: str, environ: Mapping[str, str]) -> Credential | None:
    answer = ask_helper(helper, server, named_in=name, environ=environ)
    if answer is None:
        return None
    username, secret = answer
    return Credential("", "", secret) if username == TOKEN_USER else Credential(username, secret)
