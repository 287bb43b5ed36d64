"""Calling a service: what every service that has a URL can do, wherever it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .errors import ServingError

if TYPE_CHECKING:
    from odh_oci_widgets.inference.generation import Prompt, TextClient, TextStream
    from odh_oci_widgets.inference.http import Endpoint
    from odh_oci_widgets.inference.labels import Labels
    from odh_oci_widgets.inference.preprocessing import Preprocess
    from odh_oci_widgets.inference.results import Completion, Prediction
    from odh_oci_widgets.inference.tensors import Array
    from odh_oci_widgets.inference.v2 import V2Client


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

        >>> service.complete("What is the IBM granite-3 model?").text  # doctest: +SKIP
        """
        client, sampling = self._text(max_tokens=max_tokens, temperature=temperature, **options)
        return client.complete(prompt, sampling)

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
        return client.chat(messages, sampling, system=system)

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

        >>> for piece in service.stream("Once upon a time"):  # doctest: +SKIP
        ...     print(piece, end="")
        """
        client, sampling = self._text(max_tokens=max_tokens, temperature=temperature, **options)
        return client.stream(prompt, sampling, system=system)

    def classify(
        self,
        images: Any,
        *,
        top: int = 5,
        labels: Labels = None,
        preprocessing: str | Preprocess = "auto",
        timeout: float | None = None,
    ) -> list[list[Prediction]]:
        """The `top` classes of each picture: a path, bytes, a PIL image, an array, or a list of them.

        Raises InferenceError: NotAPicture, NotAClassifier, LabelsInvalid and what the server answers.

        >>> service.classify("pelican.jpeg")[0][0]  # doctest: +SKIP
        Prediction(index=144, label='pelican', probability=0.9485)
        """
        from odh_oci_widgets.inference.classification import classify

        client = self._tensors(timeout)
        return classify(
            client,
            images,
            top=top,
            labels=self.labels() if labels is None else labels,
            preprocessing=preprocessing,
        )

    def infer(self, arrays: Mapping[str, Any] | Any, *, timeout: float | None = None) -> dict[str, Array]:
        """The model's outputs by name, for arrays by input name (or one array, for a model with one input).

        Raises InferenceError: WrongShape and what the server answers.
        """
        return self._tensors(timeout).infer(arrays)

    def _tensors(self, timeout: float | None = None) -> V2Client:
        from odh_oci_widgets.inference.v2 import V2Client

        return V2Client(self._endpoint(timeout), self.name)

    def _text(self, *, timeout: float | None = None, **options: Any) -> tuple[TextClient, Any]:
        from odh_oci_widgets.inference.generation import Sampling, TextClient

        return TextClient(self._endpoint(timeout), self.name), Sampling(**options)

    def _endpoint(self, timeout: float | None = None) -> Endpoint:
        from odh_oci_widgets.inference.http import READ_SECONDS, Endpoint

        url = self.url
        if url is None:
            raise ServingError(
                f"The service `{self.name}` has no URL yet.", hint="Wait for it: `service.wait()`."
            )
        return Endpoint(url, headers=self.call_headers(), timeout=timeout or READ_SECONDS)
