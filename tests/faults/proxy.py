"""An HTTP proxy that breaks what goes through it, by a plan of faults."""

from __future__ import annotations

import http.client
import json
import random
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_BLOCK = 16 * 2**10


class Kind(StrEnum):
    """What goes wrong."""

    #: an answer that is not the server's; the request's body is read, or not
    STATUS = "status"
    STATUS_EARLY = "status before the body is read"
    #: the connection ends somewhere in the request's body, or the server's answer never arrives
    CUT_REQUEST = "cut in the request"
    RESET_REQUEST = "reset in the request"
    LOSE_ANSWER = "answer lost"
    CUT_ANSWER = "cut in the answer"
    #: the answer ends early and calls itself complete
    TRUNCATE = "truncated answer"
    CORRUPT_REQUEST = "a wrong byte in the request"
    CORRUPT_ANSWER = "a wrong byte in the answer"
    #: nothing moves any more
    STALL_REQUEST = "stall in the request"
    STALL_ANSWER = "stall in the answer"
    #: the registry knows the upload no more
    FORGET = "upload forgotten"
    #: the registry tells a wrong offset
    LIE = "wrong offset"
    #: something that is not HTTP
    GARBAGE = "garbage"
    #: a page of somebody else (a captive portal)
    PAGE = "HTML page"
    #: the server sends everything although a part was asked for
    IGNORE_RANGE = "Range ignored"
    RESTART = "server killed and started again"


@dataclass
class Fault:
    """`kind` happens to the requests that `method` and `path` (a regular expression) match: to the `nth` one
    (from 0), or to all of them from there on (`always`). `at` (0 to 1) is where in the body."""

    kind: Kind
    method: str
    path: str
    nth: int = 0
    at: float = 0.5
    always: bool = False
    status: int = 503
    headers: tuple[tuple[str, str], ...] = ()
    seen: int = field(default=0, compare=False)
    fired: int = field(default=0, compare=False)

    def hits(self, method: str, path: str) -> bool:
        if method != self.method or not re.search(self.path, path):
            return False
        self.seen += 1
        hit = self.seen - 1 >= self.nth if self.always else self.seen - 1 == self.nth
        self.fired += hit
        return hit


class Proxy:
    """Passes requests on to `upstream` (`host:port`) with `faults`; `host` is where it listens.

    With `tls` (certificate and key) it speaks https, and the first `handshakes` connections end in the middle of
    theirs. `restart` kills and starts the server behind it. `logins` makes it a registry with Bearer tokens that serve for
    so many requests. `stall` is how long it does nothing when it stalls.
    """

    def __init__(
        self,
        upstream: str,
        faults: list[Fault],
        *,
        rng: random.Random,
        restart: Callable[[], None] | None = None,
        logins: int | None = None,
        stall: float = 5.0,
        tls: tuple[Path, Path] | None = None,
        handshakes: int = 0,
    ) -> None:
        self.upstream = upstream
        self.faults = faults
        self.rng = rng
        self.restart = restart
        self.logins = logins
        self.stall = stall
        self.handshakes = handshakes
        self.context = None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*tls)
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.token, self.uses = 0, 0
        self.requests: list[str] = []
        #: bytes of requests' bodies that arrived
        self.received = 0
        #: what no client of ours may do
        self.violations: list[str] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"{'https' if tls else 'http'}://{self.host}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def fault_for(self, method: str, path: str) -> Fault | None:
        with self.lock:
            hit = [fault for fault in self.faults if fault.hits(method, path)]
            return hit[0] if hit else None

    def cuts_handshake(self) -> bool:
        """Whether the next connection ends in its handshake."""
        with self.lock:
            self.handshakes -= 1
            return self.handshakes >= 0

    def challenge(self, authorization: str | None) -> bool:
        """Whether the request must log in first."""
        if self.logins is None:
            return False
        with self.lock:
            good = authorization == f"Bearer token-{self.token}" and self.uses < self.logins
            self.uses += good
            return not good

    def new_token(self) -> dict[str, object]:
        with self.lock:
            self.token, self.uses = self.token + 1, 0
            return {"token": f"token-{self.token}", "expires_in": 300}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    proxy: Proxy

    def handle_error(self, request, client_address):
        """A client that went away is what this is about."""


class _Gone(Exception):
    """The client's connection is to be dropped."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    wbufsize = 0

    def setup(self) -> None:
        self.request.settimeout(20)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.server.proxy.context:
            self.request = self._shake_hands(self.server.proxy.context)
        super().setup()

    def _shake_hands(self, context: ssl.SSLContext) -> ssl.SSLSocket:
        proxy = self.server.proxy
        if proxy.cuts_handshake():
            hello, answer = ssl.MemoryBIO(), ssl.MemoryBIO()
            hello.write(self.request.recv(_BLOCK))
            with suppress(ssl.SSLError):
                context.wrap_bio(hello, answer, server_side=True).do_handshake()
            whole = answer.read()
            self.request.sendall(whole[: proxy.rng.randrange(len(whole))])
            self.request.close()
            raise _Gone
        return context.wrap_socket(self.request, server_side=True)

    def log_message(self, *_arguments) -> None:
        pass

    def do_GET(self) -> None:
        try:
            self._pass_on()
        except (_Gone, OSError, http.client.HTTPException):
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

    do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = do_GET  # noqa: N815 - as http.server names them

    def _pass_on(self) -> None:
        proxy = self.server.proxy
        proxy.requests.append(f"{self.command} {self.path}")
        left = int(self.headers.get("Content-Length") or 0)
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            proxy.violations.append(f"{self.command} {self.path} has no Content-Length")
            raise _Gone
        if self.path.startswith("/token"):
            self._answer(200, json.dumps(proxy.new_token()).encode(), {"Content-Type": "application/json"})
            return
        if proxy.challenge(self.headers.get("Authorization")):
            self._read(left)
            realm = f'Bearer realm="{proxy.url}/token",service="test",scope="repository:x:pull,push"'
            self._answer(401, b'{"errors": [{"code": "UNAUTHORIZED"}]}', {"WWW-Authenticate": realm})
            return
        fault = proxy.fault_for(self.command, self.path)
        if fault is None:
            self._forward(left, None)
        else:
            getattr(self, f"_{fault.kind.name.lower()}", self._forward)(left, fault)

    # -- faults that need no server -------------------------------------------------------------------------------

    def _status(self, left: int, fault: Fault) -> None:
        self._read(left)
        self._answer(
            fault.status, b'{"errors": [{"code": "TEST", "message": "by the test"}]}', dict(fault.headers)
        )

    def _status_early(self, _left: int, fault: Fault) -> None:
        self._answer(fault.status, b"", dict(fault.headers) | {"Connection": "close"})
        raise _Gone

    def _garbage(self, left: int, _fault: Fault) -> None:
        self._read(left)
        self.wfile.write(self.server.proxy.rng.randbytes(300))
        raise _Gone

    def _page(self, left: int, _fault: Fault) -> None:
        self._read(left)
        self._answer(200, b"<html>Please log in to the network</html>", {"Content-Type": "text/html"})

    def _restart(self, left: int, fault: Fault) -> None:
        restart = self.server.proxy.restart
        assert restart
        self._forward(left, fault, before_end=restart)

    def _forget(self, left: int, fault: Fault) -> None:
        path = self.path.partition("?")[0] + ("?" + self.path.partition("?")[2] if "?" in self.path else "")
        connection = http.client.HTTPConnection(self.server.proxy.upstream, timeout=20)
        with suppress(OSError, http.client.HTTPException):
            connection.request("DELETE", path)
            connection.getresponse().read()
        connection.close()
        self._forward(left, fault)

    # -- faults on the way ----------------------------------------------------------------------------------------

    def _forward(
        self, left: int, fault: Fault | None, *, before_end: Callable[[], None] | None = None
    ) -> None:
        kind = fault.kind if fault else None
        stop_at = int(left * fault.at) if fault and left else None
        connection = http.client.HTTPConnection(self.server.proxy.upstream, timeout=20)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if kind is Kind.IGNORE_RANGE and name.lower() == "range":
                    continue
                connection.putheader(name, value)
            connection.endheaders()
            if before_end and not left:
                before_end()
            self._send_body(connection, left, kind, stop_at, before_end)
            answer = connection.getresponse()
            if kind is Kind.LOSE_ANSWER or before_end:
                answer.read()
                raise _Gone
            self._send_answer(answer, fault)
        finally:
            connection.close()

    def _send_body(
        self,
        connection: http.client.HTTPConnection,
        left: int,
        kind: Kind | None,
        stop_at: int | None,
        before_end: Callable[[], None] | None,
    ) -> None:
        sent = 0
        while sent < left:
            size = min(_BLOCK, left - sent)
            if stop_at is not None and sent < stop_at:
                size = min(size, stop_at - sent)
            block = self._take(size)
            if len(block) < size:
                raise _Gone
            if sent == stop_at:
                if before_end:
                    before_end()
                elif kind is Kind.CUT_REQUEST:
                    raise _Gone
                elif kind is Kind.RESET_REQUEST:
                    linger = struct.pack("ii", 1, 0)
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    self.connection.close()
                    raise _Gone
                elif kind is Kind.STALL_REQUEST:
                    self._stall()
                elif kind is Kind.CORRUPT_REQUEST:
                    block = bytes([block[0] ^ 0x55]) + block[1:]
            connection.send(block)
            sent += len(block)

    def _send_answer(self, answer: http.client.HTTPResponse, fault: Fault | None) -> None:
        kind = fault.kind if fault else None
        length = int(answer.headers.get("Content-Length") or 0)
        has_body = self.command != "HEAD" and answer.status not in {204, 304}
        stop_at = int(length * fault.at) if fault and has_body else length
        headers = {name: value for name, value in answer.headers.items() if name.lower() != "connection"}
        if kind is Kind.LIE and "Range" in headers:
            headers["Range"] = f"0-{self.server.proxy.rng.randrange(2**22)}"
        if kind is Kind.TRUNCATE and has_body:
            headers["Content-Length"] = str(stop_at)
        head = f"HTTP/1.1 {answer.status} {answer.reason}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        if kind is Kind.CUT_ANSWER and not (has_body and length):
            self.wfile.write(head.encode()[: int(len(head) * (fault.at if fault else 1))])
            raise _Gone
        self.wfile.write(head.encode() + b"\r\n")
        sent = 0
        while has_body and sent < length:
            size = min(_BLOCK, length - sent)
            if sent < stop_at:
                size = min(size, stop_at - sent)
            block = answer.read(size)
            if not block:
                raise _Gone
            if sent == stop_at:
                if kind in {Kind.CUT_ANSWER, Kind.TRUNCATE}:
                    raise _Gone
                if kind is Kind.STALL_ANSWER:
                    self._stall()
                if kind is Kind.CORRUPT_ANSWER:
                    block = bytes([block[0] ^ 0x55]) + block[1:]
            self.wfile.write(block)
            sent += len(block)

    def _stall(self) -> None:
        self.server.proxy.closing.wait(self.server.proxy.stall)
        raise _Gone

    # -- small things ---------------------------------------------------------------------------------------------

    def _read(self, left: int) -> None:
        while left > 0:
            block = self._take(min(_BLOCK, left))
            if not block:
                raise _Gone
            left -= len(block)

    def _take(self, size: int) -> bytes:
        block = self.rfile.read(size)
        with self.server.proxy.lock:
            self.server.proxy.received += len(block)
        return block

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status not in {204, 304}:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def http_date(seconds: float) -> str:
    """`Retry-After` as a date."""
    return formatdate(time.time() + seconds, usegmt=True)
