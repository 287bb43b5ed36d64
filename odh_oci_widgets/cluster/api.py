"""Requests to the Kubernetes API, over urllib3.

Why not the `kubernetes` client's own calls: the workbenches pin versions from 29 to 37, and 37 was generated anew with
other signatures (`call_api`) and models of hundreds of megabytes, while all that is needed are a handful of JSON
requests which are the same on all versions. The package still reads kubeconfigs (see `connection`): contexts, client
certificates, exec plugins and token refresh are its job.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

from .connection import Connection, Source
from .errors import ClusterError, ClusterUnreachable, ClusterUntrusted
from .refusals import error_from

JSON = "application/json"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"

_DOCUMENTS = {JSON, APPLY, MERGE}

_CONNECT_SECONDS = 10.0
_ATTEMPTS = 4
_BUSY = {429, 500, 502, 503, 504}
_OPENSHIFT = {"project.openshift.io", "route.openshift.io"}


class Api:
    """A cluster's API, asked as one identity. Safe to use from several threads."""

    def __init__(self, connection: Connection, *, timeout: float = 30.0) -> None:
        self.connection = connection
        self._timeout = timeout
        self._pool = _pool(connection)
        self._openshift: bool | None = None
        self._ahead = timedelta()

    def __repr__(self) -> str:
        return f"Api({self.connection.host})"

    def groups(self) -> frozenset[str]:
        """The API groups that the cluster serves now. Raises ClusterError."""
        answer = self.request("GET", "/apis", what="ask what the cluster offers")
        found = frozenset(str(one["name"]) for one in answer.get("groups") or ())
        self._openshift = not _OPENSHIFT.isdisjoint(found)
        return found

    @property
    def openshift(self) -> bool:
        """Whether it is OpenShift, asked once; True where nobody may ask: Open Data Hub mostly stands on it.

        It decides whether people are told `oc` or `kubectl` commands.
        """
        if self._openshift is None:
            try:
                self.groups()
            except ClusterError:
                return True
        return bool(self._openshift)

    def request(
        self,
        method: str,
        path: str,
        *,
        what: str,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        content_type: str = JSON,
    ) -> Any:
        """The answer as parsed JSON. Raises ClusterError; `what` says in words what is tried, for its message.

        Reading, applying and deleting are tried again when the cluster is busy or the connection breaks; creating only
        when the cluster itself said to come back.
        """
        repeatable = method != "POST"
        for attempt in range(1, _ATTEMPTS + 1):
            last = attempt == _ATTEMPTS
            try:
                response = self._send(method, path, query, body, content_type, stream=False)
            except ClusterUnreachable:
                if last or not repeatable:
                    raise
                time.sleep(0.2 * 2**attempt)
                continue
            if response.status < 400:
                return json.loads(response.data) if response.data else {}
            if response.status in _BUSY and not last and (repeatable or "Retry-After" in response.headers):
                time.sleep(_pause(response.headers.get("Retry-After"), attempt))
                continue
            raise self._error(response.status, response.data, what)
        raise AssertionError

    def upload(
        self,
        path: str,
        content: Iterable[bytes],
        *,
        what: str,
        query: Mapping[str, Any] | None = None,
        read_timeout: float,
    ) -> Any:
        """POST bytes as they come, and the answer as parsed JSON. Once: what was sent cannot be sent again.

        Raises ClusterError, and whatever `content` raises.
        """
        response = self._send(
            "POST",
            path,
            query,
            content,
            "application/octet-stream",
            stream=False,
            read_timeout=read_timeout,
        )
        if response.status >= 400:
            raise self._error(response.status, response.data, what)
        return json.loads(response.data) if response.data else {}

    @contextmanager
    def stream(
        self,
        path: str,
        *,
        what: str,
        query: Mapping[str, Any] | None = None,
        read_timeout: float,
        whole: bool = False,
    ) -> Iterator[Iterator[bytes]]:
        """The lines of an answer as they come: a watch, a log. Ends when the server ends it or goes quiet too long.

        `whole`: without the last line where it has no end: the answer was cut there, and will be asked for again.
        Raises ClusterError; ClusterUnreachable also when the connection breaks in the middle.
        """
        response = self._send("GET", path, query, None, JSON, stream=True, read_timeout=read_timeout)
        try:
            if response.status >= 400:
                raise self._error(response.status, response.read(), what)
            yield _lines(response, self.connection.host, whole=whole)
        finally:
            response.close()

    def now(self) -> datetime:
        """The time by the cluster's clock, as its last answer told it: objects carry times of that clock, not ours."""
        return datetime.now(UTC) + self._ahead

    def _set_clock(self, date: str | None) -> None:
        with suppress(TypeError, ValueError):
            told = parsedate_to_datetime(date or "")
            ahead = told.astimezone(UTC) - datetime.now(UTC)
            # it counts whole seconds, and an answer takes a while
            self._ahead = ahead if abs(ahead) > timedelta(seconds=5) else timedelta()

    def _error(self, status: int, body: bytes, what: str) -> ClusterError:
        # asked only where a command is told; never about the question itself
        return error_from(self.connection, status, body, what, openshift=lambda: self.openshift)

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None,
        body: Any,
        content_type: str,
        *,
        stream: bool,
        read_timeout: float | None = None,
    ) -> urllib3.BaseHTTPResponse:
        headers = {"Accept": f"{JSON}, */*"}
        if body is not None:
            headers["Content-Type"] = content_type
        authorization = self.connection.authorization()
        if authorization:
            headers["Authorization"] = authorization
        url = self.connection.host + path + (f"?{urlencode(query)}" if query else "")
        try:
            response = self._pool.request(
                method,
                url,
                body=json.dumps(body).encode() if content_type in _DOCUMENTS and body is not None else body,
                headers=headers,
                timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=read_timeout or self._timeout),
                retries=False,
                redirect=False,
                preload_content=not stream,
            )
        except (urllib3.exceptions.SSLError, ssl.SSLError) as error:
            raise _untrusted(self.connection, error) from error
        except urllib3.exceptions.HTTPError as error:
            raise _unreachable(self.connection.host, error) from error
        self._set_clock(response.headers.get("Date"))
        return response


def _pool(connection: Connection) -> urllib3.PoolManager:
    options: dict[str, Any] = {"maxsize": 8, "block": False}
    if connection.verify:
        options["ssl_context"] = _trust(connection)
    else:
        options["cert_reqs"] = "CERT_NONE"
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    if connection.cert_file:
        options |= {"cert_file": connection.cert_file, "key_file": connection.key_file}
    if connection.server_name:
        options |= {"server_hostname": connection.server_name, "assert_hostname": connection.server_name}
    proxy = connection.proxy or _environment_proxy(connection)
    return urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)


def _trust(connection: Connection) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=connection.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ClusterUntrusted(
            f"The certificates in `{connection.ca_file}` cannot be read: {error}.", hint="Log in again."
        ) from error


def _environment_proxy(connection: Connection) -> str | None:
    """The environment's proxy; never for the pod's own way to its cluster, whatever NO_PROXY says."""
    parts = urlsplit(connection.host)
    if connection.source is Source.SERVICE_ACCOUNT or proxy_bypass(parts.hostname or ""):
        return None
    return getproxies().get(parts.scheme)


def _lines(response: urllib3.BaseHTTPResponse, host: str, *, whole: bool) -> Iterator[bytes]:
    """Whole lines, each as soon as it is there."""
    rest = b""
    try:
        for chunk in response.stream(1 << 16):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines
    except urllib3.exceptions.ReadTimeoutError:
        return  # nothing new for long enough: as good as an end
    except urllib3.exceptions.HTTPError as error:
        raise _unreachable(host, error) from error
    if rest and not whole:
        yield rest


def _pause(retry_after: str | None, attempt: int) -> float:
    try:
        return min(float(retry_after or ""), 10.0)
    except ValueError:
        return 0.2 * 2.0**attempt


def _untrusted(connection: Connection, error: Exception) -> ClusterUntrusted | ClusterUnreachable:
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" not in text and "Hostname mismatch" not in text:
        return _unreachable(connection.host, error)
    return ClusterUntrusted(
        f"The certificate of the cluster {connection.host} is not trusted.",
        hint="Use the certificate authority of the cluster (`oc login --certificate-authority=…`).",
    )


def _unreachable(host: str, error: Exception) -> ClusterUnreachable:
    why = {
        urllib3.exceptions.NameResolutionError: "its name is not known here",
        urllib3.exceptions.NewConnectionError: "nothing listens there, or a firewall is in between",
        urllib3.exceptions.ConnectTimeoutError: f"no answer within {_CONNECT_SECONDS:.0f} seconds",
        urllib3.exceptions.ReadTimeoutError: "it took the request and did not answer",
        urllib3.exceptions.ProxyError: "the proxy does not let us through",
        urllib3.exceptions.ProtocolError: "the connection was cut",
    }
    words = next((text for kind, text in why.items() if isinstance(error, kind)), str(error)[:200])
    return ClusterUnreachable(
        f"The cluster {host} cannot be reached: {words}.",
        hint="Check the address, the network and the proxy settings.",
    )
