"""Calling a service: what every service that has a URL can do, wherever it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import PurePath
from threading import Event
from typing import TYPE_CHECKING, Any, TypeVar

from odh_oci_widgets.oci.errors import OdhOciError

from .errors import ServingError

if TYPE_CHECKING:
    from odh_oci_widgets.inference.generation import Prompt, Sampling, TextClient
    from odh_oci_widgets.inference.history import Calls
    from odh_oci_widgets.inference.http import Endpoint
    from odh_oci_widgets.inference.labels import Labels
    from odh_oci_widgets.inference.measuring import Measurement
    from odh_oci_widgets.inference.preprocessing import Preprocess
    from odh_oci_widgets.inference.results import Completion, Prediction
    from odh_oci_widgets.inference.tensors import Array
    from odh_oci_widgets.inference.text_stream import TextStream
    from odh_oci_widgets.inference.v2 import ModelMetadata, V2Client

T = TypeVar("T")


class Answering:
    """A mixin: calls to the model behind `url`. A service overrides `call_headers` where it needs a token."""

    name: str

    @property
    def url(self) -> str | None:
        """Base URL that works from here, without a path; None until there is one."""
        raise NotImplementedError

    def call_headers(self) -> Mapping[str, str]:
        """Headers of each call, asked anew for each: a token may change."""
        return {}

    def labels(self) -> Labels:
        """The names of the classes, where the service knows them."""
        return None

    def complete(
        self, prompt: str, *, max_tokens: int = 200, temperature: float = 0.8, **options: Any
    ) -> Completion:
        """The text that continues `prompt`. `options`: `top_p`, `stop`, `seed`, `timeout`. Raises InferenceError.

        >>> granite.complete("What is the IBM granite-3 model?", max_tokens=3).text
        ' w0 w1 w2'
        """
        client, sampling = self._text(max_tokens=max_tokens, temperature=temperature, **options)
        return self._kept("complete", prompt, lambda: client.complete(prompt, sampling))

    def chat(
        self,
        messages: Prompt,
        *,
        system: str | None = None,
        max_tokens: int = 200,
        temperature: float = 0.8,
        **options: Any,
    ) -> Completion:
        """The answer to a text, or to turns `[{"role": "user", "content": "…"}]`. Raises InferenceError.

        A model without a chat template refuses (RequestRefused): use `complete`.
        """
        client, sampling = self._text(max_tokens=max_tokens, temperature=temperature, **options)
        return self._kept("chat", messages, lambda: client.chat(messages, sampling, system=system))

    def chat_refusal(self) -> str | None:
        """Why the model cannot chat, in a sentence; None when it can. Asks for one token. Raises InferenceError."""
        return self._text()[0].chat_refusal()

    def stream(
        self,
        prompt: Prompt,
        *,
        system: str | None = None,
        max_tokens: int = 200,
        temperature: float = 0.8,
        **options: Any,
    ) -> TextStream:
        """The text piece by piece; a chat for turns or with `system`, a completion otherwise.

        >>> for piece in granite.stream("Once upon a time", max_tokens=3):
        ...     print(piece, end="|")
         w0| w1| w2|
        """
        client, sampling = self._text(max_tokens=max_tokens, temperature=temperature, **options)
        return client.stream(
            prompt,
            sampling,
            system=system,
            on_end=lambda text, error: self._keep("stream", prompt, text, error),
        )

    def classify(
        self,
        images: Any,
        *,
        top: int = 5,
        labels: Labels = None,
        preprocessing: str | Preprocess = "auto",
        timeout: float | None = None,
    ) -> list[list[Prediction]]:
        """The `top` classes of each picture: a path, URL, bytes, PIL image, array, or a list of them.

        Raises InferenceError: NotAPicture, NotAClassifier, LabelsInvalid and what the server answers.

        >>> mobilenet.classify("pelican.jpeg", labels="labels.txt")[0][0].label
        'pelican'
        """
        from odh_oci_widgets.inference.classification import classify

        client = self._tensors(timeout)
        names = self.labels() if labels is None else labels
        asked = [_described(image) for image in (images if isinstance(images, (list, tuple)) else [images])]
        return self._kept(
            "classify",
            ", ".join(asked),
            lambda: classify(client, images, top=top, labels=names, preprocessing=preprocessing),
        )

    def describe(self) -> ModelMetadata:
        """Inputs and outputs as the V2 server tells them: names, datatypes, shapes. Raises InferenceError.

        >>> print(mobilenet.describe().inputs[0])
        input FP32 [-1, 3, 224, 224]
        """
        return self._tensors().metadata()

    def infer(self, arrays: Mapping[str, Any] | Any, *, timeout: float | None = None) -> dict[str, Array]:
        """The model's outputs by name, for arrays by input name (or one array, for a model with one input).

        Raises InferenceError: WrongShape and what the server answers.
        """
        client = self._tensors(timeout)
        return self._kept("infer", _described(arrays), lambda: client.infer(arrays))

    def measure(
        self,
        *,
        prompt: Prompt | None = None,
        images: Any = None,
        arrays: Any = None,
        requests: int = 50,
        concurrency: int = 4,
        max_tokens: int = 50,
        preprocessing: str | Preprocess = "auto",
        cancel: Event | None = None,
        progress: Callable[[int, int], None] | None = None,
        timeout: float | None = None,
    ) -> Measurement:
        """A small load test: `requests` equal calls, `concurrency` at a time.

        With `prompt` a language model writes `max_tokens` tokens each time; with `images` (or `arrays`) the same
        batch is computed each time; with neither, zeros of the shape that the model takes. `progress(done,
        requests)` is called along the way; `cancel` ends it early. Raises InferenceError when not even a first call
        succeeds; later failures are counted.

        >>> mobilenet.measure(images="pelican.jpeg", requests=10).percentile(95) < 10
        True
        """
        from odh_oci_widgets.inference import measuring

        call: measuring.Call
        if prompt is not None:
            text, sampling = self._text(max_tokens=max_tokens, timeout=timeout)
            call = measuring.text_call(text, prompt, sampling)
        else:
            tensors = self._tensors(timeout)
            if images is not None:
                from odh_oci_widgets.inference.classification import batches

                arrays = batches(tensors, images, preprocessing)[1][0]
            call = measuring.tensor_call(tensors, arrays)
        return measuring.measure(
            call, requests=requests, concurrency=concurrency, cancel=cancel, progress=progress
        )

    def _kept(self, kind: str, asked: Any, call: Callable[[], T]) -> T:
        """What the call gives, kept in `calls` with its time, or with the error that it raised."""
        began = time.monotonic()
        try:
            answer = call()
        except OdhOciError as error:
            self._keep(kind, asked, None, error, time.monotonic() - began)
            raise
        self._keep(kind, asked, answer, None, time.monotonic() - began)
        return answer

    def _keep(
        self, kind: str, asked: Any, answer: Any, error: OdhOciError | None, seconds: float | None = None
    ) -> None:
        from odh_oci_widgets.inference.history import Call

        if seconds is None:
            seconds = answer.seconds
        words = str(error) if error else None
        self.calls.add(
            Call(when=datetime.now(UTC), kind=kind, asked=asked, answer=answer, error=words, seconds=seconds)
        )

    @cached_property
    def calls(self) -> Calls:
        """The calls made through this object, latest last; `calls.to_dataframe()` makes a table."""
        from odh_oci_widgets.inference.history import Calls

        return Calls()

    def _tensors(self, timeout: float | None = None) -> V2Client:
        """A client; the same one as long as nothing changes, for it knows the model's metadata."""
        from odh_oci_widgets.inference.v2 import V2Client

        endpoint = self._endpoint(timeout)
        last: V2Client | None = self.__dict__.get("_v2")
        if last is None or last.endpoint is not endpoint:
            last = self.__dict__["_v2"] = V2Client(endpoint, self.name)
        return last

    def _text(self, *, timeout: float | None = None, **options: Any) -> tuple[TextClient, Sampling]:
        from odh_oci_widgets.inference.generation import Sampling, TextClient

        return TextClient(self._endpoint(timeout), self.name), Sampling(**options)

    def _endpoint(self, timeout: float | None = None) -> Endpoint:
        """Where the model is; the same object, with its open connections, as long as nothing changes."""
        from odh_oci_widgets.inference.http import READ_SECONDS, Endpoint

        url = self.url
        if url is None:
            raise ServingError(
                f"The service `{self.name}` has no URL yet.", hint="Wait for it: `service.wait()`."
            )
        options: dict[str, Any] = {"headers": dict(self.call_headers()), "timeout": timeout or READ_SECONDS}
        key = (url, options)
        last: tuple[Any, Endpoint] | None = self.__dict__.get("_last")
        if last is None or last[0] != key:
            last = self.__dict__["_last"] = (key, Endpoint(url, **options))
        return last[1]


def _described(sent: Any) -> str:
    """What was sent, in a few words: a history keeps no pictures."""
    if isinstance(sent, (str, PurePath)):
        return str(sent)
    shape = getattr(sent, "shape", None)
    return f"{type(sent).__name__}{list(shape)}" if shape is not None else type(sent).__name__
