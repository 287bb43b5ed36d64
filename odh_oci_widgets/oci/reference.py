"""Image references: text that names an image in a registry, or in an OCI image layout on disk.

>>> Reference.parse("quay.io/me/granite:1")
Reference(registry='quay.io', repository='me/granite', tag='1', digest=None)
>>> print(parse_image("oci:/tmp/layout:v1"))
oci:/tmp/layout:v1

The grammar is that of distribution/reference, with one difference: the registry must be said. What `granite:1`
means depends on who reads it (docker.io for Docker, a list of registries for podman), and pushing to the wrong
place is worse than asking.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from .errors import ReferenceInvalid

#: A repository without its registry, as distribution/reference limits it.
MAX_REPOSITORY_LENGTH = 255
MAX_TAG_LENGTH = 128
DOCKER_HUB = "docker.io"
#: What Docker Hub is called in references and auth files; all are the same registry.
DOCKER_HUB_ALIASES = frozenset(
    {DOCKER_HUB, "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"}
)
_HIGHEST_PORT = 65535

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:.]+\])(?::(?P<port>[0-9]+))?")
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_DIGEST = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
#: digest algorithms the OCI image spec registers, with the length of their hex
_HEX = {"sha256": re.compile(r"[a-f0-9]{64}"), "sha512": re.compile(r"[a-f0-9]{128}")}
#: `org.opencontainers.image.ref.name` of a layout's index, as the OCI image spec has it
_REF_NAME = re.compile(r"[A-Za-z0-9]+(?:(?:--|[-._:@+/])[A-Za-z0-9]+)*")


@dataclass(frozen=True)
class Reference:
    """An image in a registry. `registry` is `host[:port]`; `tag` and `digest` are None where the text has none.

    >>> from odh_oci_widgets.oci import parse_image
    >>> reference = parse_image("quay.io/me/granite:1")
    >>> reference.registry, reference.repository, reference.tag
    ('quay.io', 'me/granite', '1')
    """

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @staticmethod
    def parse(text: str) -> Reference:
        """The reference that `text` names: `registry/repository[:tag][@digest]`.

        Raises ReferenceInvalid, with a hint, for anything else. `docker.io/busybox` is `docker.io/library/busybox`,
        as everywhere. A leading `docker://` or `oci://` (skopeo's and KServe's way to write it) is dropped.

        >>> str(Reference.parse("oci://localhost:5000/granite"))
        'localhost:5000/granite'
        """
        text = text.strip()
        rest = text.removeprefix("docker://").removeprefix("oci://")
        rest, at, digest = rest.partition("@")
        if at:
            _check_digest(text, digest)
        registry, slash, path = rest.partition("/")
        if not slash or not _says_host(registry):
            raise _short_name(text, rest)
        _check_host(text, registry)
        path, colon, tag = path.partition(":")
        if colon:
            _check_tag(text, tag)
        if registry in DOCKER_HUB_ALIASES:
            registry = DOCKER_HUB
            path = path if "/" in path else f"library/{path}"
        _check_repository(text, path)
        return Reference(registry, path, tag or None, digest or None)

    @property
    def identifier(self) -> str:
        """What stands in the manifest's URL: the digest, else the tag, else `latest`."""
        return self.digest or self.tag or "latest"

    @property
    def api_host(self) -> str:
        """`host[:port]` that speaks the registry's API: the registry itself, but for Docker Hub."""
        return "registry-1.docker.io" if self.registry == DOCKER_HUB else self.registry

    @property
    def name(self) -> str:
        """Registry and repository, without tag and digest."""
        return f"{self.registry}/{self.repository}"

    def with_digest(self, digest: str) -> Reference:
        """The same reference pinned to `digest`."""
        return replace(self, digest=digest)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"


@dataclass(frozen=True)
class LayoutReference:
    """An image in an OCI image layout: a folder with `index.json`; `tag` is None where the text has none.

    >>> from odh_oci_widgets.oci import parse_image
    >>> reference = parse_image("oci:iris-image:1")
    >>> str(reference.path), reference.tag
    ('iris-image', '1')
    """

    path: Path
    tag: str | None = None

    @staticmethod
    def parse(text: str) -> LayoutReference:
        """The layout that `oci:PATH[:TAG]` names; as for skopeo, PATH ends at its first colon. `~` is the home."""
        rest = text.strip().removeprefix("oci:")
        path, colon, tag = rest.partition(":")
        if not path or "\0" in path:
            raise ReferenceInvalid(f"`{text}` names no folder.", hint="Write `oci:PATH` or `oci:PATH:TAG`.")
        if colon and not _REF_NAME.fullmatch(tag):
            raise ReferenceInvalid(
                f"`{tag}` in `{text}` is not a tag of an OCI image layout.",
                hint="Use letters, digits, and single `.`, `_`, `-` between them; a path must not contain `:`.",
            )
        return LayoutReference(_expand(path), tag or None)

    def __str__(self) -> str:
        return f"oci:{self.path}" + (f":{self.tag}" if self.tag else "")


def parse_image(text: str) -> Reference | LayoutReference:
    """What `text` names: `oci:PATH[:TAG]` a layout, everything else an image in a registry.

    Raises ReferenceInvalid. `oci://registry/repository` is KServe's way to name an image in a registry.

    >>> from odh_oci_widgets.oci import parse_image
    >>> parse_image("quay.io/me/granite:1").repository
    'me/granite'
    >>> parse_image("oci:iris-image").tag is None
    True
    """
    text = text.strip()
    if text.startswith("oci:") and not text.startswith("oci://"):
        return LayoutReference.parse(text)
    return Reference.parse(text)


def names_registry(text: str) -> bool:
    """Whether the text says where its image is: a registry, or a folder on disk.

    >>> names_registry("quay.io/me/granite:1"), names_registry("oci:images"), names_registry("me/granite:1")
    (True, True, False)
    """
    text = text.strip()
    if text.startswith(("oci:", "docker://")):
        return True
    first, slash, _ = text.partition("/")
    return bool(slash) and _says_host(first)


def _expand(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:  # `~name` of somebody who is not here
        return Path(path)


def _says_host(first: str) -> bool:
    """Whether the part before the first slash is a registry: the rule of Docker, podman and containerd."""
    return any(c in first for c in ".:[") or first == "localhost" or first != first.lower()


def _short_name(text: str, rest: str) -> ReferenceInvalid:
    if not rest.strip():
        return ReferenceInvalid(
            f"`{text}` is not an image reference.",
            hint="Write `REGISTRY/REPOSITORY:TAG`, e.g. `quay.io/me/model:1`.",
        )
    example = rest.lower().strip("/") if re.fullmatch(r"[\w./:-]+", rest) else "model:1"
    example = example if "/" in example else f"me/{example}"
    return ReferenceInvalid(
        f"`{text}` does not say which registry.",
        hint=f"Write the registry in front, e.g. `quay.io/{example}` (or `oci:PATH` for a folder on disk).",
    )


def _check_host(text: str, host: str) -> None:
    match = _HOST.fullmatch(host)
    if not match or (host.startswith("[") and host.count(":") < 2):
        hint = (
            "Leave out `https://`."
            if text.startswith(("http:", "https:"))
            else "Write `host` or `host:port`."
        )
        raise ReferenceInvalid(f"`{host}` in `{text}` is not the name of a registry.", hint=hint)
    port = match["port"]
    if port and not 0 < int(port[:6]) <= _HIGHEST_PORT:
        raise ReferenceInvalid(
            f"`{port}` in `{text}` is not a port.", hint=f"A port is a number from 1 to {_HIGHEST_PORT}."
        )


def _check_repository(text: str, repository: str) -> None:
    if len(repository) > MAX_REPOSITORY_LENGTH:
        raise ReferenceInvalid(
            f"The repository in `{text}` has {len(repository)} characters.",
            hint=f"A registry takes at most {MAX_REPOSITORY_LENGTH}.",
        )
    if all(_COMPONENT.fullmatch(part) for part in repository.split("/")):
        return
    if not repository or repository == "library/":
        raise ReferenceInvalid(
            f"`{text}` names no repository.",
            hint="Write `REGISTRY/REPOSITORY:TAG`, e.g. `quay.io/me/model:1`.",
        )
    hint = "Use lowercase letters and digits, with `.`, `_`, `-` between them and `/` between the parts."
    if repository != repository.lower():
        hint = f"A repository is lowercase: `{repository.lower()}`."
    raise ReferenceInvalid(f"`{repository}` in `{text}` is not the name of a repository.", hint=hint)


def _check_tag(text: str, tag: str) -> None:
    if not _TAG.fullmatch(tag) or len(tag) > MAX_TAG_LENGTH:
        raise ReferenceInvalid(
            f"`{tag}` in `{text}` is not a tag.",
            hint=f"A tag has 1 to {MAX_TAG_LENGTH} letters, digits, `_`, `.`, `-`; the first is no `.` or `-`.",
        )


def _check_digest(text: str, digest: str) -> None:
    algorithm, _, value = digest.partition(":")
    known = _HEX.get(algorithm)
    if not _DIGEST.fullmatch(digest) or known is None or not known.fullmatch(value):
        raise ReferenceInvalid(
            f"`{digest}` in `{text}` is not a digest.",
            hint="A digest is `sha256:` and 64 digits of lowercase hex.",
        )
