"""S3 storage that looks at the date of a signature: AWS's answers for one that is over, on a clock of our own."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_EXPIRED = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
_TOKEN = "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"
_DENIED = "<Error><Code>SignatureDoesNotMatch</Code><Message>No.</Message></Error>"


class SignedStorage:
    """Objects by path. `ahead` seconds is what its clock is before ours; temporary keys end when `keys_end` is set."""

    def __init__(self, objects: Mapping[str, bytes]) -> None:
        self.objects = dict(objects)
        self.ahead = 0.0
        self.keys_end = False
        #: refuse without a word, as some storages do
        self.silent = False
        #: bytes after which an answer breaks off
        self.break_after: int | None = None
        storage = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: Any) -> None:
                pass

            def do_GET(self) -> None:
                storage.answer(self)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def refusal(self, query: Mapping[str, list[str]]) -> tuple[int, str] | None:
        if not query.get("X-Amz-Signature"):
            return 403, _DENIED
        if query.get("X-Amz-Security-Token") and self.keys_end:
            return 400, _TOKEN
        begun = datetime.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
        lifetime = int(query["X-Amz-Expires"][0])
        assert lifetime <= 7 * 24 * 3600, "AWS takes no longer one"
        return (403, _EXPIRED) if time.time() + self.ahead > begun + lifetime else None

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        refused = self.refusal(parse_qs(parts.query))
        data = self.objects.get(unquote(parts.path).lstrip("/"), b"")
        if refused is not None:
            status, data = refused[0], b"" if self.silent else refused[1].encode()
            handler.send_response(status)
        else:
            given = handler.headers.get("Range", "bytes=0-").removeprefix("bytes=")
            first, _, last = given.partition("-")
            start, whole = int(first), len(data)
            data = data[start : int(last) + 1 if last else whole]
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {start}-{start + len(data) - 1}/{whole}")
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        if refused is None and self.break_after is not None and len(data) > self.break_after:
            handler.wfile.write(data[: self.break_after])
            self.break_after = None
            handler.close_connection = True
            return
        handler.wfile.write(data)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
