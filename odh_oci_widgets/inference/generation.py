"""Text from a language model, over the OpenAI protocol (vLLM and others): completion, chat, streaming."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import urllib3

from .errors import InferenceError, ModelUnknown, RequestRefused, ServerFailed
from .http import Endpoint, read_json
from .results import Completion
from .text_stream import TextStream

#: A text, or the turns of a chat: `[{"role": "user", "content": "…"}]`
Prompt = str | Sequence[Mapping[str, str]]


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How text is sampled. None leaves it to the server (whose default of `max_tokens` is 16).

    >>> from odh_oci_widgets.inference import Sampling
    >>> Sampling(max_tokens=20, temperature=0)
    Sampling(max_tokens=20, temperature=0, top_p=None, stop=None, seed=None)
    """

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

    >>> from odh_oci_widgets.inference import Endpoint, Sampling, TextClient
    >>> client = TextClient(Endpoint(granite_url), "granite")
    >>> client.complete("Once upon a time", Sampling(max_tokens=3)).text
    ' w0 w1 w2'
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

    def chat_refusal(self) -> str | None:
        """Why this model cannot chat (a base model has no chat template); None when it can. Costs one token."""
        try:
            self.chat("Hi", Sampling(max_tokens=1, temperature=None))
        except RequestRefused as error:
            return str(error)
        return None

    def stream(
        self,
        prompt: Prompt,
        sampling: Sampling | None = None,
        *,
        system: str | None = None,
        on_end: Callable[[Completion, InferenceError | None], None] | None = None,
    ) -> TextStream:
        """The text piece by piece: a completion for a text, a chat for turns or with `system`.

        `on_end` is called once, with what came and the error that ended it.
        """
        if system is not None or not isinstance(prompt, str):
            prompt = turns(prompt, system)
        path, body = request(self.name, prompt, sampling or Sampling(), stream=True)
        return TextStream(lambda: self._send(path, body, stream=True), self.endpoint.url, on_end=on_end)

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
