"""A text on its way from a language model."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError

from .errors import InferenceError, ServerFailed
from .http import broken, refusal, server_words
from .results import Completion
from .sse import events


class TextStream:
    """A text on its way: iterate over its pieces, once; `cancel()` from any thread ends it; then see `result`.

    >>> from odh_oci_widgets.inference import Endpoint, Sampling, TextClient
    >>> client = TextClient(Endpoint(granite_url), "granite")
    >>> stream = client.stream("Once upon a time", Sampling(max_tokens=3))
    >>> for piece in stream:
    ...     print(piece, end="|")
     w0| w1| w2|
    >>> stream.result.completion_tokens
    3
    """

    def __init__(
        self,
        ask: Callable[[], urllib3.BaseHTTPResponse],
        url: str,
        *,
        on_end: Callable[[Completion, InferenceError | None], None] | None = None,
    ) -> None:
        self._ask, self._url, self._on_end = ask, url, on_end
        self._asked = False
        self._cancelled = threading.Event()
        #: set when there is something to do for a reader who waits for the server's first word
        self._woken = threading.Event()
        self._answer: urllib3.BaseHTTPResponse | None = None
        self._began = time.monotonic()
        self._first: float | None = None
        self._ended: float | None = None
        self._pieces: list[str] = []
        self._reason: str | None = None
        self._usage: Mapping[str, Any] = {}

    def cancel(self) -> None:
        """End the stream now, also while it waits for the server; the pieces so far stay in `result`."""
        self._cancelled.set()
        self._woken.set()
        if self._answer is not None:
            try:
                # wakes a read that waits in another thread; urllib3 before 2.3 has none, and ends at the next piece
                self._answer.shutdown()
            except (AttributeError, ValueError, OSError):
                return

    @property
    def result(self) -> Completion:
        """What came until now, with the tokens and the times once the stream has ended."""
        return Completion(
            text="".join(self._pieces),
            finish_reason="cancelled" if self._cancelled.is_set() and not self._reason else self._reason,
            prompt_tokens=self._usage.get("prompt_tokens"),
            completion_tokens=self._usage.get("completion_tokens"),
            seconds=(self._ended or time.monotonic()) - self._began,
            first_token_seconds=self._first,
        )

    def __iter__(self) -> Iterator[str]:
        if self._asked or self._cancelled.is_set():
            return
        self._asked = True
        self._began = time.monotonic()
        error: InferenceError | None = None
        try:
            yield from self._read()
        except InferenceError as trouble:
            error = trouble
            raise
        finally:
            self._ended = time.monotonic()
            if self._answer is not None:
                self._answer.close()
            if self._on_end is not None:
                self._on_end(self.result, error)

    def _asked_for(self) -> urllib3.BaseHTTPResponse | None:
        """The answer, None where `cancel()` comes before it. Raises what asking raises.

        A queue, or a service that starts, holds back even the headers, and there is no connection yet to shut: so
        it is asked in a thread, which then closes what comes too late.
        """
        answers: list[urllib3.BaseHTTPResponse] = []
        errors: list[BaseException] = []

        def ask() -> None:
            try:
                answers.append(self._ask())
                if self._cancelled.is_set():
                    answers[0].close()
            except BaseException as error:  # noqa: BLE001 - raised again in the thread of the reader
                errors.append(error)
            self._woken.set()

        threading.Thread(target=ask, daemon=True, name="odh-oci-ask").start()
        try:
            self._woken.wait()
        except BaseException:  # Ctrl-C
            self._cancelled.set()
            raise
        if errors and not self._cancelled.is_set():
            raise errors[0]
        return answers[0] if answers else None

    def _read(self) -> Iterator[str]:
        self._answer = self._asked_for()
        if self._answer is None or self._cancelled.is_set():
            return
        # without chunks a read waits until it has all that it asked for
        chunks = self._answer.stream(65536 if getattr(self._answer, "chunked", False) else 1)
        try:
            for data in events(chunks):
                if data == "[DONE]" or self._cancelled.is_set():
                    return
                piece = self._piece(data)
                if piece:
                    self._first = self._first or time.monotonic() - self._began
                    self._pieces.append(piece)
                    yield piece
        except (HTTPError, OSError, ValueError) as error:
            if self._cancelled.is_set():  # the connection was shut under the read
                return
            if isinstance(error, HTTPError):
                raise broken(error, self._url) from error
            raise ServerFailed(
                f"The stream broke: {error}.", hint="Look at the logs of the service."
            ) from error
        if self._reason is None and not self._cancelled.is_set():
            raise ServerFailed(
                "The stream ended before the text did.",
                hint="Look at the logs of the service, and try again.",
            )

    def _piece(self, data: str) -> str:
        """The text of one event; what it says beside is kept. Raises what an error inside the stream stands for."""
        try:
            said = json.loads(data)
            if said.get("error") or said.get("object") == "error":
                trouble = said["error"] if isinstance(said.get("error"), dict) else said
                status = trouble.get("code")
                raise refusal(
                    status if isinstance(status, int) and status >= 400 else 500,
                    server_words(data.encode()),
                    self._url,
                )
            self._usage = said.get("usage") or self._usage
            if not said.get("choices"):
                return ""
            choice = said["choices"][0]
            self._reason = choice.get("finish_reason") or self._reason
            return str(choice.get("text") or (choice.get("delta") or {}).get("content") or "")
        except (ValueError, AttributeError, KeyError, TypeError) as error:
            raise ServerFailed(f"The stream holds something that it should not: {data[:120]}.") from error
