"""A registry in memory that does what registries are known to do differently from docker-registry.

with QuirkyRegistry(location="query", patch_status=200) as registry:
    build(make_plan(files, f"{registry.host}/me/model:1", insecure=(registry.host,)))
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, Self
from urllib.parse import parse_qs, urlsplit

_BLOCK = 2**16


@dataclass(kw_only=True)
class QuirkyRegistry:
    """Quirks are fields; what happened is in `requests`, `received`, `blobs` and `manifests`."""

    #: form of the `Location` of an upload; `query` carries a state that has to come back
    location: Literal["relative", "absolute", "other-scheme", "query"] = "relative"
    #: answer to a PATCH that worked
    patch_status: int = 202
    #: what a PATCH, and a GET of the upload, says in `Range`; `quay`: `bytes=0-N` with N bytes
    patch_range: Literal["specification", "quay", "none"] = "specification"
    state_range: Literal["specification", "quay", "none"] = "specification"
    #: value of `OCI-Chunk-Min-Length`; a smaller chunk that is not the last is refused with 416
    minimum: int | None = None
    #: 201: mounts; 202: begins an upload instead; 405: refuses
    mount: int = 201
    #: a PATCH that continues lands at a backend that does not know the upload
    affinity: bool = True
    #: each MiB takes so many seconds to the disk, before a PATCH is answered
    disk_seconds: float = 0.0
    #: the commit takes so many seconds, which nobody may interrupt
    commit_seconds: float = 0.0
    #: something before it answers 504 to the commit of a layer after so many seconds, while the commit goes on
    gateway: float | None = None
    #: the connection is cut, once, when an upload has so many bytes; they are kept, as at Quay
    cut: int | None = None
    #: the garbage collector takes these many blobs, once, when a manifest arrives
    collects: int = 0

    requests: list[str] = field(default_factory=list)
    #: bytes of layers that arrived
    received: int = 0
    blobs: dict[tuple[str, str], bytes] = field(default_factory=dict)
    manifests: dict[tuple[str, str], bytes] = field(default_factory=dict)
    uploads: dict[str, bytearray] = field(default_factory=dict)
    #: uploads that take no more bytes
    ended: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.names = itertools.count(1)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("_Bound", (_Handler,), {"registry": self}))
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def count(self, pattern: str) -> int:
        """How many requests (`METHOD path?query`) match the regular expression."""
        return sum(re.search(pattern, request) is not None for request in list(self.requests))

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _digest(data: bytes | bytearray) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class _Gone(Exception):
    """The connection ends here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: QuirkyRegistry

    def log_message(self, *_arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        self.registry.requests.append(f"{self.command} {self.path}")
        url = urlsplit(self.path)
        self.query = {name: values[0] for name, values in parse_qs(url.query).items()}
        try:
            if match := re.fullmatch(r"/v2/(.+)/blobs/uploads/([^/]*)", url.path):
                self._upload(*match.groups())
            elif match := re.fullmatch(r"/v2/(.+)/blobs/(sha256:[0-9a-f]{64})", url.path):
                self._give(self.registry.blobs.get((match[1], match[2])))
            elif match := re.fullmatch(r"/v2/(.+)/manifests/(.+)", url.path):
                self._manifest(*match.groups())
            else:
                self._answer(200 if url.path == "/v2/" else 404)
        except (_Gone, OSError):
            self.close_connection = True
            self.connection.close()

    do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = do_GET  # noqa: N815 - as http.server names them

    # -- uploads --------------------------------------------------------------------------------------------------

    def _upload(self, repository: str, name: str) -> None:
        if self.command == "POST":
            self._begin(repository)
            return
        state = self.query.get("state")
        data = self.registry.uploads.get(name)
        if data is None or (self.registry.location == "query" and state != f"of-{name}"):
            self._read_body()
            self._answer(404)
        elif self.command == "GET":
            self._answer(
                204, self._where(repository, name) | self._range(self.registry.state_range, len(data))
            )
        elif self.command == "PATCH":
            self._patch(repository, name, data)
        elif self.command == "PUT":
            self._commit(repository, name, data)
        else:
            self.registry.uploads.pop(name, None)
            self._answer(204)

    def _begin(self, repository: str) -> None:
        registry = self.registry
        if "mount" in self.query:
            blob = registry.blobs.get((self.query["from"], self.query["mount"]))
            if registry.mount == 201 and blob is not None:
                registry.blobs[repository, self.query["mount"]] = blob
                self._answer(201, {"Location": f"/v2/{repository}/blobs/{self.query['mount']}"})
                return
            if registry.mount not in {201, 202}:
                self._answer(registry.mount)
                return
        name = f"upload-{next(registry.names)}"
        registry.uploads[name] = bytearray()
        headers = self._where(repository, name)
        if registry.minimum is not None:
            headers["OCI-Chunk-Min-Length"] = str(registry.minimum)
        self._answer(202, headers)

    def _patch(self, repository: str, name: str, data: bytearray) -> None:
        registry, size = self.registry, int(self.headers["Content-Length"])
        left = size
        first = int(self.headers.get("Content-Range", "0-").split("-")[0])
        if first and not registry.affinity:
            self._read_body()
            self._answer(404)
            return
        if first != len(data) or name in registry.ended:
            self._read_body()
            self._answer(416, self._range("specification", len(data)))
            return
        if left < (registry.minimum or 0):
            registry.ended.add(name)  # this has to be the last
        while left:
            block = self.rfile.read1(min(left, _BLOCK))  # type: ignore[attr-defined]
            if not block:
                raise _Gone
            left -= len(block)
            data += block
            with registry.lock:
                registry.received += len(block)
                if registry.cut is not None and len(data) >= registry.cut:
                    registry.cut = None
                    raise _Gone
        registry.closing.wait(registry.disk_seconds * size / 2**20)
        self._answer(
            registry.patch_status,
            self._where(repository, name) | self._range(registry.patch_range, len(data)),
        )

    def _commit(self, repository: str, name: str, data: bytearray) -> None:
        data += self._read_body()
        digest = self.query["digest"]
        if self.registry.gateway is not None and len(data) > 2**20:
            self.registry.uploads.pop(name, None)
            threading.Thread(target=self._commit_behind, args=(repository, digest, bytes(data))).start()
            self.registry.closing.wait(self.registry.gateway)
            self._answer(504)
            return
        if self.registry.commit_seconds and self.registry.closing.wait(self.registry.commit_seconds):
            raise _Gone
        if _digest(data) != digest:
            self._answer(400)
            return
        self.registry.blobs[repository, digest] = bytes(data)
        self.registry.uploads.pop(name, None)
        self._answer(201, {"Location": f"/v2/{repository}/blobs/{digest}", "Docker-Content-Digest": digest})

    def _commit_behind(self, repository: str, digest: str, data: bytes) -> None:
        if not self.registry.closing.wait(self.registry.commit_seconds):
            self.registry.blobs[repository, digest] = data

    def _where(self, repository: str, name: str) -> dict[str, str]:
        path = f"/v2/{repository}/blobs/uploads/{name}"
        form = self.registry.location
        host = self.registry.host
        if form == "absolute":
            return {"Location": f"http://{host}{path}"}
        if form == "other-scheme":  # as behind a proxy that ends TLS, at another port
            return {"Location": f"https://127.0.0.1{path}"}
        return {"Location": f"{path}?state=of-{name}" if form == "query" else path}

    def _range(self, form: str, size: int) -> dict[str, str]:
        if form == "none":
            return {}
        return {"Range": f"bytes=0-{size}" if form == "quay" else f"0-{max(size - 1, 0)}"}

    # -- manifests and the rest -----------------------------------------------------------------------------------

    def _manifest(self, repository: str, name: str) -> None:
        registry = self.registry
        if self.command == "DELETE":
            self._answer(405)
        elif self.command != "PUT":
            self._give(registry.manifests.get((repository, name)))
        else:
            data = self._read_body()
            document = json.loads(data)
            with registry.lock:
                while registry.collects and document.get("layers"):
                    registry.collects -= 1
                    registry.blobs.pop((repository, document["layers"][registry.collects]["digest"]), None)
            needed = [document["config"], *document["layers"]] if "layers" in document else []
            if any((repository, blob["digest"]) not in registry.blobs for blob in needed):
                self._answer(400, body=b'{"errors": [{"code": "MANIFEST_BLOB_UNKNOWN"}]}')
                return
            registry.manifests[repository, name] = registry.manifests[repository, _digest(data)] = data
            self._answer(201, {"Docker-Content-Digest": _digest(data)})

    def _give(self, data: bytes | None) -> None:
        self._answer(404 if data is None else 200, body=data or b"")

    def _read_body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        if "/manifests/" in self.path and body:
            kind = json.loads(body).get("mediaType", "application/json")
            self.send_header("Content-Type", kind)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
