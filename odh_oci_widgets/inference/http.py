"""HTTP to a model server: one request with a bounded time, and every refusal as a typed sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from odh_oci_widgets.oci.http import http_pool

from .errors import (
    CallNotAllowed,
    CallTimeout,
    InferenceError,
    ModelNotReady,
    ModelUnknown,
    RequestRefused,
    ServerFailed,
    ServerUnreachable,
)

#: Seconds to wait for a connection, and by default for each part of an answer.
CONNECT_SECONDS = 10.0
READ_SECONDS = 120.0
#: How much of a server's own words goes into a sentence.
QUOTED = 400


class Endpoint:
    """A model server at a base URL (`https://host[:port][/prefix]`).

    `headers` go with each request (`{"Authorization": "Bearer …"}`) and are in no repr and no error. `insecure`
    takes any certificate. `timeout` bounds the wait for each part of an answer, in seconds.

    >>> from odh_oci_widgets.inference import Endpoint
    >>> Endpoint(granite_url).get("/v1/models")["data"][0]["id"]
    'granite'
    """

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        insecure: bool = False,
        timeout: float = READ_SECONDS,
    ) -> None:
        if urlsplit(url).scheme not in {"http", "https"}:
            raise ServerUnreachable(
                f"`{url}` is not the address of a model server.", hint="Give an http(s) URL."
            )
        self.url = url.rstrip("/")
        self.timeout = timeout
        self._headers = dict(headers or {})
        self._http = http_pool(insecure=insecure, connect=CONNECT_SECONDS, read=timeout)

    def __repr__(self) -> str:
        return f"Endpoint({self.url!r})"

    def get(self, path: str, *, timeout: float | None = None) -> Any:
        """The JSON behind a path (None for an empty body)."""
        return read_json(self.send("GET", path, timeout=timeout))

    def send(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        stream: bool = False,
        timeout: float | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """The answer, its status being 200 to 299. Raises an InferenceError for everything else."""
        try:
            answer = self._http.request(
                method,
                self.url + path,
                body=body,
                headers={"User-Agent": "odh-oci-widgets", **self._headers, **(headers or {})},
                read=timeout,
                stream=stream,
            )
            if 200 <= answer.status < 300:
                return answer
            words = server_words(answer.data)
        except HTTPError as error:
            raise broken(error, self.url) from error
        raise refusal(answer.status, words, self.url, answer.headers.get("Location"))


def read_json(answer: urllib3.BaseHTTPResponse) -> Any:
    """The JSON of an answer, None for an empty body. Raises ServerFailed for something else (a login page)."""
    try:
        return json.loads(answer.data) if answer.data else None
    except ValueError as error:
        raise ServerFailed(
            f"The answer is not JSON: {server_words(answer.data)[:120]}",
            hint="Check that the URL is that of a model server.",
        ) from error


def server_words(body: bytes) -> str:
    """What a server says in the body of a refusal: OpenAI's, V2's and FastAPI's forms, or the text as it is."""
    text = body.decode("utf-8", "replace").strip()
    try:
        said: Any = json.loads(text)
    except ValueError:
        return "an HTML page" if text[:1] == "<" else text[:QUOTED]
    for key in ("error", "message", "detail", "error_msg"):
        if isinstance(said, dict) and said.get(key):
            said = said[key]
    return (said if isinstance(said, str) else json.dumps(said))[:QUOTED]


def broken(error: HTTPError, url: str) -> InferenceError:
    """The sentence for a connection that failed."""
    reason = error.reason if isinstance(error, MaxRetryError) and error.reason else error
    if isinstance(reason, SSLError):
        return ServerUnreachable(
            f"The certificate of {url} is not trusted: {reason}.",
            hint="Name the CA bundle in SSL_CERT_FILE, or allow this server with insecure=True.",
        )
    if isinstance(reason, (NewConnectionError, ConnectTimeoutError)):
        return ServerUnreachable(
            f"No connection to {url}.", hint="Is the service ready (`odh-oci list`) and reachable from here?"
        )
    if isinstance(reason, ReadTimeoutError):
        return CallTimeout(
            f"{url} did not answer in time.",
            hint="Ask for fewer tokens or smaller batches, or give a longer timeout.",
        )
    return ServerFailed(f"The connection to {url} broke: {reason}.", hint="Look at the logs of the service.")


def refusal(status: int, words: str, url: str, location: str | None = None) -> InferenceError:
    """The sentence for an HTTP status that is no success."""
    said = f": {words.rstrip('.')}." if words else "."
    if location:
        return CallNotAllowed(
            f"{url} sends us elsewhere ({urlsplit(location).hostname or location}), as a login page does.",
            hint="Send a token (`headers`), and use the https URL of the service.",
            status=status,
        )
    sentence = f"The model server answered {status}{said}"
    if status == 401:
        return CallNotAllowed(sentence, hint="Give a valid token: the service is protected.", status=status)
    if status == 403:
        hint = "The token's owner needs permission to `get` this InferenceService."
        return CallNotAllowed(sentence, hint=hint, status=status)
    if status == 404:
        hint = "Check the name of the model and the URL (`odh-oci list`)."
        return ModelUnknown(sentence, hint=hint, status=status)
    if status == 503:
        return ModelNotReady(sentence, hint="Wait for it: `service.wait()`.", status=status)
    if status == 504:
        hint = "A Route gives up after 30 s: stream the answer, ask for less, or raise its timeout."
        return CallTimeout(sentence, hint=hint, status=status)
    if status < 500:
        return RequestRefused(sentence, hint="", status=status)
    return ServerFailed(sentence, hint="Look at the logs of the service.", status=status)
