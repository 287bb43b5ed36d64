"""A hub with Xet storage, of one file: what the real `hf_xet` asks for, answered as its protocol says.

The protocol is public: https://huggingface.co/docs/xet. Chunks here are not compressed, and hashes are names only:
the client does not compare them with the content.
"""

from __future__ import annotations

import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit

_CHUNK = 64 * 2**10
#: bytes of the file in one xorb
_XORB = 4 * 2**20


class XetHub:
    """`url` is where the file is resolved; `xet_hash` its name in the storage, which gives `most` bytes of it."""

    token = "hf_reader"
    xet_hash = "ab" * 32

    def __init__(self, data: bytes, *, most: int | None = None) -> None:
        self.data = data
        self.most = len(data) if most is None else most
        #: path and Authorization of each request
        self.requests: list[tuple[str, str | None]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("_Bound", (_Handler,), {"hub": self}))
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.host}/me/model/resolve/abc/model.bin"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def asked(self, pattern: str) -> list[str | None]:
        """The Authorization of each request for a path that the regular expression matches."""
        return [authorization for path, authorization in list(self.requests) if re.search(pattern, path)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _packed(data: bytes) -> bytes:
    """A chunk: version, packed size, kind of compression (none), size."""
    size = len(data).to_bytes(3, "little")
    return b"\0" + size + b"\0" + size + data


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: XetHub

    def log_message(self, *_arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.hub.requests.append((path, self.headers.get("Authorization")))
        try:
            if path == "/api/models/me/model/xet-read-token/abc":
                self._json(
                    {
                        "accessToken": "cas-token",
                        "exp": int(time.time()) + 900,
                        "casUrl": f"http://{self.hub.host}/cas",
                    }
                )
            elif path == f"/cas/v1/reconstructions/{self.hub.xet_hash}":
                self._reconstruction()
            elif match := re.fullmatch(r"/xorbs/(\d+)", path):
                number = int(match[1])
                part = self.hub.data[number * _XORB : (number + 1) * _XORB]
                whole = b"".join(_packed(part[at : at + _CHUNK]) for at in range(0, len(part), _CHUNK))
                if number * _XORB >= self.hub.most:
                    self._answer(403, b"<Error>AccessDenied</Error>")
                else:
                    self._part(whole)
            elif "/resolve/" in path:
                self._part(self.hub.data)
            else:
                self._answer(404)
        except OSError:
            self.close_connection = True

    def _reconstruction(self) -> None:
        size = len(self.hub.data)
        start, end = self._range(size)
        if start >= size:
            self._answer(416)
            return
        terms, fetch = [], {}
        first_chunk, last_chunk = start // _CHUNK, (end - 1) // _CHUNK
        per_xorb = _XORB // _CHUNK
        for number in range(first_chunk // per_xorb, last_chunk // per_xorb + 1):
            low = max(first_chunk - number * per_xorb, 0)
            high = min(last_chunk + 1 - number * per_xorb, per_xorb)
            length = min(size, number * _XORB + high * _CHUNK) - (number * _XORB + low * _CHUNK)
            name = f"{number:064x}"
            terms.append({"hash": name, "unpacked_length": length, "range": {"start": low, "end": high}})
            fetch[name] = [
                {
                    "range": {"start": low, "end": high},
                    "url": f"http://{self.hub.host}/xorbs/{number}?signature=SECRET",
                    "url_range": {
                        "start": low * (_CHUNK + 8),
                        "end": low * (_CHUNK + 8) + length + (high - low) * 8 - 1,
                    },
                }
            ]
        self._json({"offset_into_first_range": start % _CHUNK, "terms": terms, "fetch_info": fetch})

    def _range(self, size: int) -> tuple[int, int]:
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        return (int(wanted[1]), min(int(wanted[2] or size - 1) + 1, size)) if wanted else (0, size)

    def _part(self, data: bytes) -> None:
        start, end = self._range(len(data))
        if "Range" not in self.headers:
            self._answer(200, data)
        else:
            self._answer(206, data[start:end], **{"Content-Range": f"bytes {start}-{end - 1}/{len(data)}"})

    def _json(self, document: object) -> None:
        self._answer(200, json.dumps(document).encode(), **{"Content-Type": "application/json"})

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
