"""The fake cluster's network: names of Services and Routes that lead to real servers on this machine."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import ssl
import threading
import urllib.parse
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from .cluster import KubernetesApi
from .rbac import Attributes
from .resolver import sitecustomize

#: what stays behind at a proxy
_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "proxy-authorization", "host"}


class Network:
    """Publishes servers under cluster names. `environment()` is what other processes need to see the same names."""

    def __init__(self, api: KubernetesApi, folder: Path) -> None:
        self._api = api
        self._path = folder / "hosts.json"
        self._table: dict[str, int] = {}
        self._fronts: dict[str, _Front] = {}
        self._lock = threading.Lock()
        self._write()
        self._before = os.environ.get("ODH_OCI_TEST_HOSTS")

    def __enter__(self) -> Self:
        os.environ["ODH_OCI_TEST_HOSTS"] = str(self._path)
        sitecustomize.install()
        return self

    def __exit__(self, *_: object) -> None:
        sitecustomize.uninstall()
        os.environ.pop("ODH_OCI_TEST_HOSTS", None)
        if self._before is not None:
            os.environ["ODH_OCI_TEST_HOSTS"] = self._before
        for front in self._fronts.values():
            front.stop()

    def environment(self) -> dict[str, str]:
        """Variables for a Python process that shall live in the cluster's network."""
        path = os.pathsep.join([str(Path(sitecustomize.__file__).parent), os.environ.get("PYTHONPATH", "")])
        return {"ODH_OCI_TEST_HOSTS": str(self._path), "PYTHONPATH": path.rstrip(os.pathsep)}

    def publish(
        self,
        host: str,
        port: int,
        url: str,
        *,
        tls: bool = False,
        allowed: Callable[[str], int] | None = None,
    ) -> None:
        """`host:port` leads to the server at `url`, through TLS and a check of the bearer token if asked for.

        `allowed(token)` gives 200, 401 or 403.
        """
        target = urllib.parse.urlsplit(url)
        assert target.port is not None
        where = target.port
        with self._lock:
            if tls or allowed:
                certificate = self._api.certificates.issue(host) if tls else None
                front = _Front(target.port, certificate, allowed)
                self._fronts[f"{host}:{port}"] = front
                where = front.port
            self._table[f"{host}:{port}"] = where
            self._write()

    def unpublish(self, *hosts: str) -> None:
        """These hosts lead nowhere any more."""
        with self._lock:
            for entry in [e for e in self._table if e.rpartition(":")[0] in hosts]:
                del self._table[entry]
                if front := self._fronts.pop(entry, None):
                    front.stop()
            self._write()

    def _write(self) -> None:
        draft = self._path.with_suffix(".new")
        draft.write_text(json.dumps(self._table))
        draft.replace(self._path)

    def may_call(self, name: str, namespace: str) -> Callable[[str], int]:
        """What kube-rbac-proxy asks: may the token's owner `get` this InferenceService?"""
        what = Attributes("get", "serving.kserve.io", "inferenceservices", "", namespace, name)

        def allowed(token: str) -> int:
            user = self._api.tokens.look_up(token) if token else None
            if user is None:
                return 401
            return 200 if self._api.api.authorizer.allowed(user, what) else 403

        return allowed


class _Forwarder(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _FrontServer

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        allowed = self.server.allowed
        if allowed is not None:
            scheme, _, token = (self.headers.get("Authorization") or "").partition(" ")
            code = allowed(token if scheme.lower() == "bearer" else "")
            if code != 200:
                self._plain(code, "Unauthorized\n" if code == 401 else "Forbidden (user=..., verb=get)\n")
                return
        connection = http.client.HTTPConnection("127.0.0.1", self.server.backend, timeout=120)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
        try:
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
        except OSError:
            self._plain(503, "Application is not available\n")
            return
        with contextlib.closing(connection):
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP and name.lower() != "content-length":
                    self.send_header(name, value)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            while piece := answer.read1(65536):
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - names of http.server

    def _plain(self, code: int, text: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        """Nothing is written: requests carry tokens."""


class _FrontServer(ThreadingHTTPServer):
    daemon_threads = True
    backend: int
    allowed: Callable[[str], int] | None
    context: ssl.SSLContext | None

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.context:
            request = self.context.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def handle_error(self, *_: Any) -> None:
        """A client that went away, or that does not trust us, is no news."""


class _Front:
    """A router or an authorizing proxy before a server."""

    def __init__(
        self, backend: int, certificate: tuple[Path, Path] | None, allowed: Callable[[str], int] | None
    ) -> None:
        self._server = _FrontServer(("127.0.0.1", 0), _Forwarder)
        self._server.backend = backend
        self._server.allowed = allowed
        self._server.context = None
        if certificate:
            self._server.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._server.context.load_cert_chain(*certificate)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
