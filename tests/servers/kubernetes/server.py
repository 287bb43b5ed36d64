"""The HTTP(S) side: one thread a connection, answers with a length, watches and logs in chunks."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from .faults import Cut


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def flag(self, name: str) -> bool:
        return self.query.get(name, "").lower() in ("true", "1")


@dataclass
class Response:
    status: int
    #: a JSON document, bytes, or an iterator of byte pieces
    body: Any
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # a header and its body leave together
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def _serve(self) -> None:
        parts = urllib.parse.urlsplit(self.path)
        request = Request(
            self.command,
            urllib.parse.unquote(parts.path),
            {
                name: values[-1]
                for name, values in urllib.parse.parse_qs(parts.query, keep_blank_values=True).items()
            },
            {name.lower(): value for name, value in self.headers.items()},
            self._read_body(),
        )
        try:
            response = self.server.answer(request)
            self._send(response)
        except (Cut, ConnectionError, ssl.SSLError):
            self.close_connection = True
            self._drop()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815 - names of http.server

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            pieces = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _send(self, response: Response) -> None:
        stream = isinstance(response.body, Iterator)
        body = b"" if stream else response.body
        if not isinstance(body, bytes):
            body = json.dumps(body).encode() + b"\n"
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if stream:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not stream:
            self.wfile.write(b"" if self.command == "HEAD" else body)
            self.wfile.flush()
            return
        self.wfile.flush()
        with contextlib.closing(response.body) as pieces:
            for piece in pieces:
                if piece:
                    self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                    self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _drop(self) -> None:
        with contextlib.suppress(OSError):
            self.connection.close()

    def log_message(self, *_: Any) -> None:
        """Nothing is written: requests carry tokens."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, answer: Callable[[Request], Response], context: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self._context = context

    def finish_request(self, request: Any, client_address: Any) -> None:
        # the handshake belongs to the connection's thread: a client that never speaks blocks nobody
        if self._context:
            request = self._context.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away, or that does not trust us, is no news."""
        import sys
        import traceback

        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            traceback.print_exc()


class HttpServer:
    """Serves until stopped. `url` has the port the system chose."""

    def __init__(
        self, answer: Callable[[Request], Response], *, certificate: tuple[Path, Path] | None = None
    ) -> None:
        context = None
        if certificate:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(*certificate)
        self._server = _Server(answer, context)
        self.port = int(self._server.server_address[1])
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
