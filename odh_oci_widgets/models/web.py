"""Models behind plain web addresses, such as those of the ONNX model zoo."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message
from pathlib import PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

from odh_oci_widgets.oci.plan import Source

from .errors import ModelEmpty, NotAModel, ReferenceNotUnderstood, SizeUnknown
from .fetching import Piece, read_piece
from .formats import detect_format
from .model import Model, ModelFile
from .naming import service_name

#: enough to tell a model from a page, a pointer or an error text
_HEAD_BYTES = 1024
_GITHUB = re.compile(r"(https://github\.com/[^/]+/[^/]+)/(?:blob|raw)/(.+)")
_GITHUB_RAW = re.compile(r"https://raw\.githubusercontent\.com/([^/]+/[^/]+)/(?:refs/heads/)?(.+)")
_HUB_BLOB = re.compile(r"(https://(?:huggingface\.co|hf\.co)/[^/]+/[^/]+)/blob/(.+)")
#: names of parameters that make an address a key
_SIGNED = {"x-amz-signature", "signature", "sig", "token", "access_token", "x-goog-signature"}


@dataclass(frozen=True)
class Address:
    """A web address without its fragment; `sha256` is what the fragment promised."""

    url: str
    sha256: str | None


def open_web(urls: Sequence[str]) -> Model:
    """The model whose files are behind `urls`; each may end in `#sha256=<64 hex digits>`."""
    addresses = [parse_address(url) for url in urls]
    files = [_open(address) for address in addresses]
    paths = [file.path for file in files]
    twice = next((path for path in paths if paths.count(path) > 1), None)
    if twice:
        raise ReferenceNotUnderstood(
            f"Two of the addresses are for a file `{twice}`.", hint="Name each file once."
        )
    return Model(
        reference=" ".join(_without_signature(address) for address in addresses),
        name=service_name(PurePosixPath(paths[0]).stem),
        files=tuple(sorted(files, key=lambda file: file.path)),
        format=detect_format(paths),
    )


def parse_address(url: str) -> Address:
    """What the user wrote or pasted, as an address that gives the file's bytes.

    A page of GitHub or of the hub that *shows* a file becomes the address *of* the file. (GitHub's own `raw`
    address knows Git LFS; raw.githubusercontent.com gives the pointer.)

    >>> parse_address("https://github.com/onnx/models/blob/main/a/b.onnx").url
    'https://github.com/onnx/models/raw/main/a/b.onnx'
    """
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise ReferenceNotUnderstood(
            f"The address for {parts.hostname} holds a user name or password, which would end up in the plan.",
            hint="Use a presigned address, or download the file and choose the folder.",
        )
    if not parts.hostname or not parts.path.strip("/"):
        raise ReferenceNotUnderstood(
            f"`{url}` is not the address of a file.", hint="Write https://…/file.onnx."
        )
    sha256 = parse_qs(parts.fragment).get("sha256", [""])[0].lower()
    if parts.fragment and not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ReferenceNotUnderstood(
            f"`#{parts.fragment}` is not a checksum.",
            hint="Write #sha256= and 64 hexadecimal digits, or nothing.",
        )
    url = urlunsplit(parts._replace(fragment=""))
    for pattern, raw in (
        (_GITHUB, r"\1/raw/\2"),
        (_GITHUB_RAW, r"https://github.com/\1/raw/\2"),
        (_HUB_BLOB, r"\1/resolve/\2"),
    ):
        if (
            not parts.query or pattern is not _GITHUB_RAW
        ):  # with a query it is the signed address of a private file
            url = pattern.sub(raw, url)
    return Address(url, sha256 or None)


def _open(address: Address) -> ModelFile:
    source = Source(url=address.url)
    piece = read_piece(source, 0, _HEAD_BYTES)
    name = _file_name(address.url, piece)
    refuse_impostor(
        name, piece.data, shown=_without_signature(address), kind=piece.headers.get("Content-Type", "")
    )
    if piece.size is None:
        raise SizeUnknown(
            f"The server does not tell the size of `{name}`, which an image layer needs beforehand.",
            hint="Download it and choose the folder.",
        )
    if piece.size == 0:
        raise ModelEmpty(f"`{name}` is empty.", hint="Check the address.")
    return ModelFile(path=name, size=piece.size, source=source, sha256=address.sha256)


def refuse_impostor(name: str, head: bytes, *, shown: str, kind: str = "") -> None:
    """Raise NotAModel when the first bytes say that this is no model: a page, a Git LFS pointer, plain text."""
    if head.startswith(b"version https://git-lfs.github.com/spec/"):
        size = re.search(rb"^size (\d+)", head, re.MULTILINE)
        raise NotAModel(
            f"`{name}` is a Git LFS pointer"
            + (f" to {int(size[1]):,} bytes" if size else "")
            + ", not the model itself.",
            hint="Run `git lfs pull` in the clone, or use the address that GitHub's Download button gives; "
            "a file that the model does not need is left out with `exclude`.",
        )
    start = head.lstrip()[:15].lower()
    if start.startswith((b"<!doctype html", b"<html")) or kind.startswith("text/html"):
        raise NotAModel(
            f"{shown} is a web page, not a model.", hint="Use the address of the file itself (Download, Raw)."
        )
    wrong = (
        (name.endswith(".onnx") and start.startswith((b"<", b"{")))
        or (name.endswith(".gguf") and head[:4] != b"GGUF")
        or (name.endswith(".safetensors") and head[8:9] != b"{")
    )
    if wrong:
        raise NotAModel(
            f"`{name}` is not what its name says: it begins with {head[:12]!r}.",
            hint="Look at it, or download it again.",
        )


def _file_name(url: str, piece: Piece) -> str:
    """The server's name for the file where it tells one, else the last part of the address."""
    disposition = Message()
    disposition["Content-Disposition"] = piece.headers.get("Content-Disposition", "")
    given = disposition.get_filename() or unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])
    # Only a name, whatever the server says.
    return re.sub(r"[\x00-\x1f\\/]", "_", given).strip(". ") or "model"


def _without_signature(address: Address) -> str:
    parts = urlsplit(address.url)
    signed = {name.lower() for name in parse_qs(parts.query)} & _SIGNED
    url = urlunsplit(parts._replace(query="")) if signed else address.url
    return url + (f"#sha256={address.sha256}" if address.sha256 else "")
