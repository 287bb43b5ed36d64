"""HTTP as every room speaks it: trust, proxies, time-outs, and a way to stop what hangs.

Trusted are the system's certificates (or the file that SSL_CERT_FILE or REQUESTS_CA_BUNDLE names), certifi's where
it is installed, and inside a pod the cluster's own. Proxies come from the environment; loopback and cluster-local
names (`*.svc`, `*.svc.cluster.local`) never go through one, whatever NO_PROXY says.
"""

from __future__ import annotations

import http.client
import ipaddress
import os
import socket
import ssl
import urllib.request
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import unquote, urlsplit
from weakref import WeakSet

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
#: Where a pod finds the certificates of its cluster.
CLUSTER_CERTIFICATES = Path("/var/run/secrets/kubernetes.io/serviceaccount")
#: Connections kept to one host.
CONNECTIONS = 16


class Http:
    """Connections to any number of hosts; safe between threads. Make one with `http_pool`."""

    def __init__(
        self, *, insecure: bool, connect: float, read: float, environ: Mapping[str, str] | None = None
    ) -> None:
        self._insecure = insecure
        self._timeout = urllib3.Timeout(connect=connect, read=read)
        self._environ = os.environ if environ is None else environ
        self._lock = Lock()
        self._managers: dict[str | None, urllib3.PoolManager] = {}
        self._open: WeakSet[HTTPConnection] = WeakSet()

    def request(
        self,
        method: str,
        url: str,
        *,
        body: bytes | Iterable[Any] | None = None,
        headers: Mapping[str, str] | None = None,
        read: float | None = None,
        stream: bool = False,
    ) -> urllib3.BaseHTTPResponse:
        """One request, one answer: no redirect is followed and nothing is tried again.

        `read` seconds may pass without a byte. With `stream` the answer's body is read by the caller, who also
        calls `release_conn()` or `close()`. Raises urllib3's `HTTPError` types.
        """
        timeout = urllib3.Timeout(connect=self._timeout.connect_timeout, read=read) if read else self._timeout
        return self._manager(url).request(
            method,
            url,
            body=body,
            headers=dict(headers or {}),
            timeout=timeout,
            retries=False,
            redirect=False,
            preload_content=not stream,
            decode_content=not stream,
        )

    def abort(self) -> None:
        """Break all connections, so that whoever waits on one stops at once. New ones may be opened afterwards."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            sock = connection.sock
            if sock is not None:
                with suppress(OSError, ValueError):
                    # Not SSLSocket.shutdown: it would take the TLS state away under the reading thread.
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close idle connections."""
        with self._lock:
            managers = list(self._managers.values())
            self._managers.clear()
        for manager in managers:
            manager.clear()

    def _manager(self, url: str) -> urllib3.PoolManager:
        proxy = proxy_for(url, self._environ)
        with self._lock:
            manager = self._managers.get(proxy)
            if manager is None:
                manager = self._managers[proxy] = self._new_manager(proxy)
            return manager

    def _new_manager(self, proxy: str | None) -> urllib3.PoolManager:
        context = _LazyContext(self._insecure, self._environ)
        options: dict[str, Any] = {
            "maxsize": CONNECTIONS,
            "socket_options": [
                (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
                (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
            ],
        }
        manager: urllib3.PoolManager
        if proxy is None:
            manager = urllib3.PoolManager(**options)
        else:
            parts = urlsplit(proxy)
            auth = None
            if parts.username:
                credentials = f"{parts.username}:{parts.password or ''}"
                auth = urllib3.make_headers(proxy_basic_auth=unquote(credentials))
                proxy = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
            manager = urllib3.ProxyManager(proxy, proxy_headers=auth, **options)
        manager.pool_classes_by_scheme = _pool_classes(self._open, context, self._timeout.read_timeout)
        return manager


def http_pool(
    *,
    insecure: bool = False,
    connect: float = CONNECT_SECONDS,
    read: float = READ_SECONDS,
    environ: Mapping[str, str] | None = None,
) -> Http:
    """Connections with the project's trust, proxies and time-outs. `insecure` accepts any certificate.

    >>> from odh_oci_widgets.oci import http_pool
    >>> http = http_pool()
    >>> http.request("GET", f"{granite_url}/v1/models").status
    200
    """
    return Http(insecure=insecure, connect=connect, read=read, environ=environ)


def read_into(response: urllib3.BaseHTTPResponse, buffer: memoryview) -> int:
    """Fill `buffer` with the next bytes of a streamed answer; how many came: 0 at the end, less only there.

    `response.readinto` of urllib3 makes new bytes and copies them: on a gigabyte that is a fifth of all work besides
    hashing. So this reads from the answer of the standard library below, as long as that has a plain length.
    Raises what a broken connection raises: OSError, or urllib3's HTTPError types.
    """
    below = getattr(response, "_fp", None)
    if not isinstance(below, http.client.HTTPResponse) or below.chunked:
        data = response.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
    count = below.readinto(buffer)
    if below.isclosed():
        response.release_conn()
    return count


def proxy_for(url: str, environ: Mapping[str, str]) -> str | None:
    """The proxy to reach `url` through, or None.

    >>> proxy_for("https://model.demo.svc:8443", {"HTTPS_PROXY": "http://proxy:3128"}) is None
    True
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if on_this_machine(host) or only_in_a_cluster(host):
        return None
    proxies = {
        name: environ.get(f"{name}_proxy") or environ.get(f"{name.upper()}_PROXY") or ""
        for name in ("http", "https", "all", "no")
    }
    netloc = f"{host}:{parts.port}" if parts.port else host
    bypass = urllib.request.proxy_bypass_environment(netloc, {"no": proxies["no"]})  # type: ignore[attr-defined]
    proxy = proxies.get(parts.scheme) or proxies["all"]
    if not proxy or bypass:
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def only_in_a_cluster(host: str) -> bool:
    """Whether the name is one of a cluster's own Services."""
    return host.endswith((".svc", ".svc.cluster.local"))


def on_this_machine(host: str) -> bool:
    """Whether the name or address is the loopback interface's.

    >>> on_this_machine("localhost"), on_this_machine("127.0.0.1"), on_this_machine("quay.io")
    (True, True, False)
    """
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _LazyContext:
    """The TLS settings, read from disk when the first TLS connection needs them."""

    def __init__(self, insecure: bool, environ: Mapping[str, str]) -> None:
        self._insecure = insecure
        self._environ = environ
        self._lock = Lock()
        self._context: ssl.SSLContext | None = None

    def __call__(self) -> ssl.SSLContext:
        with self._lock:
            if self._context is None:
                self._context = tls_context(insecure=self._insecure, environ=self._environ)
            return self._context


def tls_context(*, insecure: bool, environ: Mapping[str, str]) -> ssl.SSLContext:
    """What to trust. An unreadable bundle is left out: the connection then says which certificate it misses."""
    if insecure:
        # Not the default context: reading the system's certificates takes a while, and none would be looked at.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # Whoever allowed this registry to be untrusted needs no warning at each request.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    context = ssl.create_default_context()
    named = [Path(environ[name]) for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE") if environ.get(name)]
    if not named:
        with suppress(ImportError):
            import certifi

            named.append(Path(certifi.where()))
    for bundle in [*named, CLUSTER_CERTIFICATES / "ca.crt", CLUSTER_CERTIFICATES / "service-ca.crt"]:
        with suppress(OSError, ssl.SSLError):
            if bundle.is_dir():
                context.load_verify_locations(capath=bundle)
            else:
                context.load_verify_locations(cafile=bundle)
    return context


def _pool_classes(
    opened: WeakSet[HTTPConnection], context: _LazyContext, send: float | None
) -> dict[str, type]:
    """Urllib3's pools, with connections that enter `opened` when they connect.

    Urllib3 sends within the time-out for connecting; a server that takes its time with a body gets `send` seconds.
    """

    class Sending(HTTPConnection):
        def endheaders(self, *arguments: Any, **options: Any) -> None:
            super().endheaders(*arguments, **options)  # connects where that is still to do
            if self.sock is not None:
                self.sock.settimeout(send)

    class Plain(Sending):
        def connect(self) -> None:
            opened.add(self)
            super().connect()

    class Secure(Sending, HTTPSConnection):
        def connect(self) -> None:
            opened.add(self)
            self.ssl_context = context()
            if self.ssl_context.verify_mode is ssl.CERT_NONE:
                self.cert_reqs = ssl.CERT_NONE
            super().connect()

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
