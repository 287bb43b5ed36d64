"""A model of any size that costs no disk: a server that gives zeros, and a registry that keeps nothing."""

from __future__ import annotations

import hashlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

_BLOCK = 2**18


class Endless:
    """`{url}/zeros/SIZE/NAME` is a file of so many bytes; `host` takes every image and forgets its bytes.

    `received` counts the bytes of uploads; `blobs` maps their digests to their sizes.
    """

    def __init__(self) -> None:
        self.received = 0
        self.uploads: dict[str, int] = {}
        self.blobs: dict[str, int] = {}
        self.lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("_Bound", (_Handler,), {"endless": self}))
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.host}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    endless: Endless

    def log_message(self, *_arguments: object) -> None:
        pass

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def do_GET(self) -> None:
        zeros = re.match(r"/zeros/(\d+)/", self.path)
        if not zeros:
            self._answer(200 if self.path == "/v2/" else 404)
            return
        size = int(zeros[1])
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start, end = (int(wanted[1]), int(wanted[2] or size - 1) + 1) if wanted else (0, size)
        self.send_response(206 if wanted else 200)
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        self.send_header("Content-Length", str(end - start))
        self.end_headers()
        block = memoryview(bytes(_BLOCK))
        for at in range(start, end, _BLOCK):
            self.wfile.write(block[: min(_BLOCK, end - at)])

    def do_HEAD(self) -> None:
        size = self.endless.blobs.get(self.path.rsplit("/", 1)[1])
        self._answer(404 if size is None else 200, **{"Content-Length": str(size or 0)})

    def do_POST(self) -> None:
        with self.endless.lock:
            name = str(len(self.endless.uploads))
            self.endless.uploads[name] = 0
        self._take("")
        self._answer(202, Location=f"/v2/uploads/{name}")

    def do_PATCH(self) -> None:
        name = self.path.rsplit("/", 1)[1]
        self._take(name)
        self._answer(202, Location=self.path, Range=f"0-{self.endless.uploads[name] - 1}")

    def do_PUT(self) -> None:
        name, _, digest = self.path.rpartition("/")[2].partition("?digest=")
        if digest:
            self._take(name)
            self.endless.blobs[digest] = self.endless.uploads[name]
        else:  # a manifest
            data = self.rfile.read(int(self.headers["Content-Length"]))
            digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self._answer(201, **{"Docker-Content-Digest": digest})

    def do_DELETE(self) -> None:
        self._answer(204)

    def _take(self, name: str) -> None:
        left = int(self.headers.get("Content-Length") or 0)
        block = memoryview(bytearray(_BLOCK))
        while left:
            count = self.rfile.readinto1(block[: min(left, _BLOCK)])  # type: ignore[attr-defined]
            if not count:
                raise ConnectionResetError
            left -= count
            if name:
                with self.endless.lock:
                    self.endless.uploads[name] += count
                    self.endless.received += count

    def _answer(self, status: int, **headers: str) -> None:
        self.send_response(status)
        if status != 204:
            headers.setdefault("Content-Length", "0")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
