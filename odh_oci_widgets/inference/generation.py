"""Text from a language model, over the OpenAI protocol (vLLM and others): completion, chat, streaming."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError

from .errors import ModelUnknown, RequestRefused, ServerFailed
from .http import Endpoint, broken, read_json, refusal, server_words
from .results import Completion
from .sse import events

#: A text, or the turns of a chat: `[{"role": "user", "content": "…"}]`
Prompt = str | Sequence[Mapping[str, str]]


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How text is sampled. None leaves it to the server (whose default of `max_tokens` is 16)."""

    max_tokens: int | None = 200
    temperature: float | None = 0.8
    top_p: float | None = None
    stop: str | Sequence[str] | None = None
    seed: int | None = None

    def fields(self) -> dict[str, Any]:
        """The fields of a request, unset ones left out."""
        stop = list(self.stop) if self.stop and not isinstance(self.stop, str) else self.stop or None
        return {name: value for name, value in {**vars(self), "stop": stop}.items() if value is not None}


class TextClient:
    """One language model behind an OpenAI server.

    >>> client = TextClient(Endpoint("http://127.0.0.1:8080"), "granite")  # doctest: +SKIP
    >>> client.complete("Once upon a time").text  # doctest: +SKIP
    ' there was…'
    """

    def __init__(self, endpoint: Endpoint, name: str) -> None:
        self.endpoint = endpoint
        self.name = name

    def models(self) -> list[dict[str, Any]]:
        """What the server serves: `id`, and `max_model_len` where it says so. Raises InferenceError."""
        said = self.endpoint.get("/v1/models")
        found = said.get("data") if isinstance(said, dict) else None
        return [model for model in found or () if isinstance(model, dict)]

    def ready(self) -> bool:
        """Whether the server answers and serves this model. Raises InferenceError when it does not answer."""
        return any(model.get("id") == self.name for model in self.models())

    def complete(self, prompt: str, sampling: Sampling | None = None) -> Completion:
        """The text that continues `prompt`. Raises InferenceError."""
        return self._answer(prompt, sampling)

    def chat(
        self, messages: Prompt, sampling: Sampling | None = None, *, system: str | None = None
    ) -> Completion:
        """The answer to a text or to the turns of a chat. Raises RequestRefused for a model without a chat template."""
        return self._answer(turns(messages, system), sampling)

    def stream(
        self, prompt: Prompt, sampling: Sampling | None = None, *, system: str | None = None
    ) -> TextStream:
        """The text piece by piece: a completion for a text, a chat for turns or with `system`."""
        if system is not None or not isinstance(prompt, str):
            prompt = turns(prompt, system)
        path, body = request(self.name, prompt, sampling or Sampling(), stream=True)
        return TextStream(self, path, body)

    def _answer(self, prompt: Prompt, sampling: Sampling | None) -> Completion:
        path, body = request(self.name, prompt, sampling or Sampling())
        began = time.monotonic()
        said = read_json(self._send(path, body))
        try:
            choice = said["choices"][0]
            text = choice["text"] if "text" in choice else choice["message"].get("content") or ""
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise ServerFailed(
                f"The answer is not one of the OpenAI protocol: {json.dumps(said)[:120]}.",
                hint="Check that the URL is that of a language model.",
            ) from error
        usage = said.get("usage") or {}
        return Completion(
            text=text,
            finish_reason=choice.get("finish_reason"),
            prompt_tokens=usage.get("prompt_tokens"),
            completion_tokens=usage.get("completion_tokens"),
            seconds=time.monotonic() - began,
        )

    def _send(self, path: str, body: Mapping[str, Any], *, stream: bool = False) -> urllib3.BaseHTTPResponse:
        try:
            return self.endpoint.send(
                "POST",
                path,
                body=json.dumps(body).encode(),
                headers={"Content-Type": "application/json"},
                stream=stream,
            )
        except RequestRefused as error:
            if path.endswith("chat/completions") and "template" in error.message.lower():
                error.hint = "This is a base model, without a chat template: use `complete`."
            raise
        except ModelUnknown as error:
            error.hint = (
                f"The server has no model `{self.name}`, or speaks no OpenAI protocol: see `GET /v1/models`."
            )
            raise


class TextStream:
    """A text on its way: iterate over its pieces; `cancel()` from any thread ends it; then see `result`.

    >>> stream = client.stream("Once upon a time")  # doctest: +SKIP
    >>> for piece in stream:  # doctest: +SKIP
    ...     print(piece, end="")
    >>> stream.result.completion_tokens  # doctest: +SKIP
    200
    """

    def __init__(self, client: TextClient, path: str, body: Mapping[str, Any]) -> None:
        self._client = client
        self._path, self._body = path, body
        self._cancelled = threading.Event()
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
        self._close()

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
        if self._answer is not None or self._cancelled.is_set():
            return
        self._began = time.monotonic()
        self._answer = self._client._send(self._path, self._body, stream=True)  # noqa: SLF001
        try:
            for data in events(self._answer.stream(65536)):
                if data == "[DONE]" or self._cancelled.is_set():
                    return
                piece = self._read(data)
                if piece:
                    self._first = self._first or time.monotonic() - self._began
                    self._pieces.append(piece)
                    yield piece
            if self._reason is None and not self._cancelled.is_set():
                raise ServerFailed(
                    "The stream ended before the text did.",
                    hint="Look at the logs of the service, and try again.",
                )
        except (HTTPError, OSError, ValueError) as error:
            if self._cancelled.is_set():  # the connection was shut under the read
                return
            if isinstance(error, HTTPError):
                raise broken(error, self._client.endpoint.url) from error
            raise ServerFailed(
                f"The stream broke: {error}.", hint="Look at the logs of the service."
            ) from error
        finally:
            self._ended = time.monotonic()
            self._answer.close()

    def _read(self, data: str) -> str:
        """The text of one event; what it says beside is kept. Raises what an error inside the stream stands for."""
        try:
            said = json.loads(data)
        except ValueError as error:
            raise ServerFailed(f"The stream holds something that is not JSON: {data[:120]}.") from error
        if said.get("error") or said.get("object") == "error":
            trouble = said["error"] if isinstance(said.get("error"), dict) else said
            status = trouble.get("code")
            raise refusal(
                status if isinstance(status, int) and status >= 400 else 500,  # noqa: PLR2004
                server_words(data.encode()),
                self._client.endpoint.url,
            )
        self._usage = said.get("usage") or self._usage
        if not said.get("choices"):
            return ""
        choice = said["choices"][0]
        self._reason = choice.get("finish_reason") or self._reason
        return choice.get("text") or (choice.get("delta") or {}).get("content") or ""

    def _close(self) -> None:
        answer = self._answer
        if answer is None:
            return
        try:
            # wakes a read that waits in another thread; urllib3 before 2.3 has none, and ends at the next piece
            answer.shutdown()
        except (AttributeError, ValueError, OSError):
            return


def turns(prompt: Prompt, system: str | None = None) -> list[dict[str, str]]:
    """A text or turns as the messages of a chat, with the system prompt first."""
    said = (
        [{"role": "user", "content": prompt}] if isinstance(prompt, str) else [dict(turn) for turn in prompt]
    )
    return [{"role": "system", "content": system}, *said] if system else said


def request(
    name: str, prompt: Prompt, sampling: Sampling, *, stream: bool = False
) -> tuple[str, dict[str, Any]]:
    """Path and body of a call: `/v1/completions` for a text, `/v1/chat/completions` for turns."""
    text = isinstance(prompt, str)
    body: dict[str, Any] = {"model": name, "prompt" if text else "messages": prompt, **sampling.fields()}
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return ("/v1/completions" if text else "/v1/chat/completions"), body
