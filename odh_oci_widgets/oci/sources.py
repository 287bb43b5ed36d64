"""Where a file's bytes come from: a file here, a URL (Range, redirects, login at the hub only)."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Mapping
from contextlib import suppress
from threading import Lock
from urllib.parse import urljoin, urlsplit

import urllib3

from .content import Buffer
from .errors import SourceError
from .headers import parse_content_range
from .http import Http, read_into
from .pace import Pace
from .plan import PlanFile
from .retry import TRANSIENT, ConnectionTrouble, Patience, retry_after
from .signed import ANSWER_BYTES, REFUSALS, refused_signature
from .transport import explain, hopeless

_MAX_REDIRECTS = 10
#: A source that breaks more often than this many bytes apart is given up.
_PROGRESS_BYTES = 2**20
#: What is read of a connection at a time, at most. Who reads may ask for far more than this connection brings soon,
#: because the bytes before came from elsewhere, or more quickly.
_MOST = 2**22
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class FileStream:
    """A file of this machine."""

    def __init__(self, file: PlanFile, offset: int, block: int) -> None:
        assert file.source.path is not None  # noqa: S101 - the plan was checked
        self._file = file
        try:
            self._descriptor = os.open(file.source.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise SourceError(
                f"`{file.source.path}` cannot be read: {error.strerror}.", hint="Choose the model again."
            ) from error
        self._before = os.fstat(self._descriptor)
        if not stat.S_ISREG(self._before.st_mode) or self._before.st_size != file.size:
            self.close()
            raise self._changed()
        os.lseek(self._descriptor, offset, os.SEEK_SET)
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self._descriptor, offset, 0, os.POSIX_FADV_SEQUENTIAL)
        self._left = file.size - offset
        self._buffer = memoryview(bytearray(min(block, max(self._left, 1))))

    def read(self, size: int) -> Buffer:
        """As `Stream` says; the buffer is used again at the next call."""
        view = self._buffer[: min(size, len(self._buffer))]
        try:
            count = os.readv(self._descriptor, [view])
        except OSError as error:
            raise SourceError(
                f"`{self._file.source.path}` cannot be read: {error.strerror}.", hint="Check the disk."
            ) from error
        self._left -= count
        after = os.fstat(self._descriptor) if self._left <= 0 or count == 0 else self._before
        if count == 0 or (after.st_size, after.st_mtime_ns) != (
            self._before.st_size,
            self._before.st_mtime_ns,
        ):
            raise self._changed()
        return view[:count]

    def close(self) -> None:
        """Close the file."""
        with suppress(OSError):
            os.close(self._descriptor)

    def _changed(self) -> SourceError:
        return SourceError(
            f"`{self._file.source.path}` changed since it was chosen.", hint="Choose the model again."
        )


class Broken(Exception):
    """A source stopped in a way that may be better the next time."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after

    def wait(self, file: PlanFile, patience: Patience) -> None:
        """Wait before the next try. Raises SourceError when there were enough, Cancelled."""
        patience.wait(
            str(self),
            SourceError(
                f"`{file.source.url}` cannot be read: {self}.",
                hint="Check the network and try again: what was sent already is reused.",
            ),
            retry_after=self.retry_after,
        )


class Web:
    """Opens URLs. `secrets` maps the name in `Source.auth` to what opens them; it goes to the URL's own host only.

    `hf` is a token; `s3` is JSON, URL -> the query that signs it.
    """

    def __init__(self, http: Http, secrets: Mapping[str, str]) -> None:
        self.http = http
        #: whether Hugging Face's Xet storage is worth asking
        self.xet = True
        self._tokens = {name: value for name, value in secrets.items() if name != "s3"}
        self._signatures: dict[str, str] = json.loads(secrets.get("s3") or "{}")
        self._lock = Lock()
        #: URL -> (where it redirected to, the answer's ETag)
        self._resolved: dict[str, str] = {}
        self._tags: dict[str, str] = {}

    def token(self, file: PlanFile) -> str | None:
        """The token that the file's source names."""
        return self._tokens.get(file.source.auth) if file.source.auth else None

    def _signed(self, file: PlanFile) -> str:
        """The file's URL as it is requested; never shown where it holds a signature."""
        url = file.source.url
        assert url is not None  # noqa: S101 - the plan was checked
        query = self._signatures.get(url) if file.source.auth == "s3" else None
        return f"{url}?{query}" if query else url

    def get(self, file: PlanFile, start: int, end: int | None = None) -> urllib3.BaseHTTPResponse:
        """An answer whose next byte is the file's byte `start`. Raises Broken or SourceError."""
        url = self._signed(file)
        with self._lock:
            target = self._resolved.get(url, url)
        headers = {"Accept-Encoding": "identity"}
        if start or end is not None:
            headers["Range"] = f"bytes={start}-" + ("" if end is None else str(end - 1))
        token = self.token(file)
        for _ in range(_MAX_REDIRECTS):
            mine = dict(headers)
            # A redirect leads to storage with a signed URL: our token is none of its business.
            if token and urlsplit(target)[:2] == urlsplit(url)[:2]:
                mine["Authorization"] = f"Bearer {token}"
            try:
                response = self.http.request("GET", target, headers=mine, stream=True)
            except ConnectionTrouble as error:
                self._forget(url)
                raise _trouble(error, target) from error
            if response.status not in _REDIRECTS:
                break
            location = response.headers.get("Location", "")
            response.drain_conn()
            target = urljoin(target, location)
            if urlsplit(target).scheme not in {"http", "https"}:
                raise SourceError(f"`{file.source.url}` redirects to `{target[:80]}`.", hint="Check the URL.")
        else:
            raise SourceError(f"`{file.source.url}` redirects too often.", hint="Check the URL.")
        try:
            self._check(file, response, target, start)
        except BaseException:
            response.close()
            raise
        return response

    def _check(self, file: PlanFile, response: urllib3.BaseHTTPResponse, target: str, start: int) -> None:
        url, shown = self._signed(file), file.source.url
        status, said = response.status, b""
        if status not in {200, 206}:
            resolved = target != url
            self._forget(url)
            if status in TRANSIENT or (
                resolved and status in {401, 403, 404, 410}
            ):  # a signed URL that ran out
                raise Broken(f"{urlsplit(target).netloc} answered {status}", retry_after(response.headers))
            if file.source.auth == "s3" and status in REFUSALS:
                with suppress(urllib3.exceptions.HTTPError, OSError):
                    said = response.read(ANSWER_BYTES)
                raise refused_signature(shown or "", urlsplit(url).query, status, said)
            raise refused(file, status, self.token(file) is not None)
        total = start
        if status == 206:
            given = parse_content_range(response.headers.get("Content-Range"))
            if given is None or given.start != start:
                raise Broken(f"{urlsplit(target).netloc} answered with another range")
            total = given.total if given.total is not None else file.size
        else:
            length = response.headers.get("Content-Length", "")
            total = int(length) if length.isdigit() else file.size
        if total != file.size:
            raise SourceError(
                f"`{shown}` has {total} bytes and not {file.size}: it changed since it was chosen.",
                hint="Choose the model again.",
            )
        tag = response.headers.get("ETag", "")
        with self._lock:
            if target != url:
                self._resolved[url] = target
            first = self._tags.setdefault(url, tag)
        if first != tag and file.sha256 is None and file.git_oid is None:
            raise SourceError(f"`{shown}` changed while it was read.", hint="Choose the model again.")

    def _forget(self, url: str) -> None:
        with self._lock:
            self._resolved.pop(url, None)


def refused(file: PlanFile, status: int, token: bool) -> SourceError:
    """The error for a source that does not give the file."""
    where = file.source.url
    if status in {401, 403}:
        hint = (
            "Accept the model's conditions on its page, and use a token that may read it."
            if token
            else "Set HF_TOKEN to a token that may read it."
        )
        return SourceError(f"`{where}` is not open to us ({status}).", hint=hint, status=status)
    if status in {404, 410}:
        return SourceError(f"`{where}` does not exist.", hint="Choose the model again.", status=status)
    return SourceError(f"`{where}` answered {status}.", hint="Try again later.", status=status)


def _trouble(error: Exception, url: str) -> Broken | SourceError:
    """What a connection that does not work means: worth another try, or not."""
    said = explain(error, urlsplit(url).netloc).message
    if hopeless(error):
        return SourceError(said, hint="Name the file with its authority in SSL_CERT_FILE, or check the URL.")
    return Broken(said.rstrip("."))


class WebStream:
    """A URL read in order; reopened with Range where the connection broke."""

    def __init__(self, web: Web, file: PlanFile, offset: int, patience: Patience) -> None:
        self._web = web
        self._file = file
        self._at = offset
        self._since = 0
        self._patience = patience
        self._response: urllib3.BaseHTTPResponse | None = None
        self._buffer = memoryview(b"")
        self._pace = Pace(_MOST)

    def read(self, size: int) -> Buffer:
        """As `Stream` says; the buffer is used again at the next call."""
        while True:
            self._patience.check()
            began = time.monotonic()
            try:
                chunk = self._try(min(size, self._pace.size, self._file.size - self._at))
            except Broken as broken:
                self.close()
                self._since = 0
                broken.wait(self._file, self._patience)
                continue
            self._pace.took(time.monotonic() - began)
            self._at += len(chunk)
            self._since += len(chunk)
            if self._since >= _PROGRESS_BYTES:
                self._patience.progressed()
            return chunk

    def _try(self, size: int) -> Buffer:
        if self._response is None:
            response = self._web.get(self._file, self._at)
            self._response = response
            if response.status == 200 and self._at:
                self._skip(response, self._at, size)
        if len(self._buffer) < size:
            self._buffer = memoryview(bytearray(size))
        try:
            count = read_into(self._response, self._buffer[:size])
        except ConnectionTrouble as error:
            raise _trouble(error, self._file.source.url or "") from error
        if not count:
            raise Broken("the connection ended early")
        return self._buffer[:count]

    def _skip(self, response: urllib3.BaseHTTPResponse, count: int, block: int) -> None:
        """The server knows no Range: read what we have already once more."""
        try:
            while count:
                self._patience.check()
                chunk = response.read(min(max(block, 2**16), count))
                if not chunk:
                    raise Broken("the connection ended early")
                count -= len(chunk)
        except ConnectionTrouble as error:
            raise Broken("the connection broke") from error

    def close(self) -> None:
        """Break the connection: what it would still send is not wanted."""
        response, self._response = self._response, None
        if response is not None:
            response.close()
