"""A piece of a file, from disk or by a Range request."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import urllib3

from odh_oci_widgets.oci.http import Http, http_pool
from odh_oci_widgets.oci.plan import Source

from .errors import ModelAccessMissing, ModelError, ModelNotFound, SourceUnreachable

_READ_SECONDS = 30.0
_MAX_REDIRECTS = 8
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: Answers that may be better a moment later. A Retry-After is not obeyed: a person waits.
_TRANSIENT = frozenset({429, 500, 502, 503, 504})
_ATTEMPTS = 3
_BACKOFF_SECONDS = 0.3
#: for one piece of an object in S3 storage; clocks may differ by some minutes
_SIGNED_SECONDS = 900


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Bytes of a file from `start`, and what is known about the whole; `size` None where the server does not tell."""

    data: bytes
    size: int | None
    headers: Mapping[str, str]


def read_piece(source: Source, start: int, length: int, *, token: str | None = None) -> Piece:
    """At most `length` bytes from `start`; never reads more than that over the wire, Range or not.

    The token goes to the source's own host only, and to no host it redirects to. Raises a ModelError.
    """
    if source.path is not None:
        path = Path(source.path)
        try:
            with path.open("rb") as file:
                file.seek(start)
                return Piece(data=file.read(length), size=path.stat().st_size, headers={})
        except OSError as error:
            raise ModelError(
                f"`{path}` cannot be read: {error.strerror}.", hint="Choose the model again."
            ) from error
    url = source.url or ""
    if source.auth == "s3":
        from .s3 import sign

        url += "?" + sign([url], seconds=_SIGNED_SECONDS)[url]
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            answer = _get(url, start, length, token if source.auth == "hf" else None)
            try:
                if answer.status not in _TRANSIENT or attempt == _ATTEMPTS:
                    return _piece(url, answer, start, length)
            finally:
                # Not drained: a server that ignores Range would send everything.
                answer.close()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            if attempt == _ATTEMPTS:
                raise unreachable(url, error) from error
        time.sleep(_BACKOFF_SECONDS * attempt)
    raise AssertionError  # the last attempt returned or raised


def _get(url: str, start: int, length: int, token: str | None) -> urllib3.BaseHTTPResponse:
    """The answer behind all redirects. GET and not HEAD: a presigned address allows one method only."""
    target = url
    for _ in range(_MAX_REDIRECTS):
        headers = {"Range": f"bytes={start}-{start + length - 1}", "Accept-Encoding": "identity"}
        if token and urlsplit(target)[:2] == urlsplit(url)[:2]:
            headers["Authorization"] = f"Bearer {token}"
        answer = _http().request("GET", target, headers=headers, stream=True)
        if answer.status not in _REDIRECTS:
            return answer
        answer.close()
        target = urljoin(target, answer.headers.get("Location", ""))
        if urlsplit(target).scheme not in {"http", "https"}:
            break
    raise SourceUnreachable(f"{_shown(url)} redirects in circles or to nowhere.", hint="Check the address.")


@cache
def _http() -> Http:
    return http_pool(read=_READ_SECONDS)


def unreachable(url: str, error: BaseException) -> SourceUnreachable:
    """The sentence for a connection that failed, by what is most likely the matter."""
    host = urlsplit(url).netloc.rpartition("@")[2]
    text = str(error)
    if "certificate" in text.lower():
        return SourceUnreachable(
            f"The certificate of {host} is not trusted.",
            hint="Name the file with your organisation's certificates in SSL_CERT_FILE.",
        )
    if isinstance(error, TimeoutError) or "timed out" in text.lower():
        return SourceUnreachable(
            f"{host} did not answer in time.",
            hint="Check the network; behind a proxy set HTTPS_PROXY, with a mirror HF_ENDPOINT.",
        )
    return SourceUnreachable(
        f"No connection to {host}.",
        hint="Check the network and the name; behind a proxy set HTTPS_PROXY, with a mirror HF_ENDPOINT."
        " A folder works without.",
    )


def _piece(url: str, answer: urllib3.BaseHTTPResponse, start: int, length: int) -> Piece:
    size = _size(answer)
    if answer.status == 416:  # behind the end: an empty file, or a file shorter than thought
        return Piece(data=b"", size=size, headers=answer.headers)
    if answer.status not in {200, 206}:
        raise _refusal(url, answer.status)
    if answer.status == 200 and start:
        raise SourceUnreachable(
            f"The server of {_shown(url)} does not send parts of a file.",
            hint="Download it and choose the folder.",
        )
    return Piece(data=answer.read(length), size=size, headers=answer.headers)


def _size(answer: urllib3.BaseHTTPResponse) -> int | None:
    total = re.fullmatch(r"bytes\s+(?:\d+-\d+|\*)/(\d+)", answer.headers.get("Content-Range", "").strip())
    if total:
        return int(total[1])
    length = answer.headers.get("Content-Length", "")
    # Of a compressed answer the length says nothing about the file.
    plain = answer.headers.get("Content-Encoding", "identity") == "identity"
    return int(length) if answer.status == 200 and plain and length.isdigit() else None


def _refusal(url: str, status: int) -> ModelError:
    if status in {404, 410}:
        return ModelNotFound(f"There is nothing at {_shown(url)}.", hint="Check the address.", status=status)
    if status in {401, 403}:
        return ModelAccessMissing(
            f"The server refuses {_shown(url)} (HTTP {status}).",
            hint="Use an address that needs no login (a presigned one), or download the file and choose the folder.",
            status=status,
        )
    return SourceUnreachable(
        f"The server of {_shown(url)} answers with an error (HTTP {status}).",
        hint="Try again in a while.",
        status=status,
    )


def _shown(url: str) -> str:
    """An address without its query: that is where signatures are."""
    return url.partition("?")[0]
