"""A server of files in memory, with Range, ETag and (like a hub) redirects to storage."""

from __future__ import annotations

import hashlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Files:
    """`files` maps a name to content; `http://HOST/storage/NAME` gives it, `/resolve/NAME` redirects there."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.files = files
        self.host = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    files: dict[str, bytes]

    def handle_error(self, request, client_address):
        """Clients come and go."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_arguments) -> None:
        pass

    def do_GET(self) -> None:
        _, area, name = self.path.split("/", 2)
        content = self.server.files.get(name)
        if content is None:
            self._head(404, 0)
        elif area == "resolve":
            self._head(302, 0, Location=f"/storage/{name}")
        else:
            self._give(content)

    def _give(self, content: bytes) -> None:
        etag = f'"{hashlib.sha256(content).hexdigest()}"'
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not wanted:
            self._head(200, len(content), ETag=etag)
            self.wfile.write(content)
            return
        start, end = int(wanted[1]), min(int(wanted[2] or len(content) - 1) + 1, len(content))
        if start >= len(content):
            self._head(416, 0, **{"Content-Range": f"bytes */{len(content)}"})
            return
        where = f"bytes {start}-{end - 1}/{len(content)}"
        self._head(206, end - start, ETag=etag, **{"Content-Range": where})
        self.wfile.write(content[start:end])

    def _head(self, status: int, length: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()
