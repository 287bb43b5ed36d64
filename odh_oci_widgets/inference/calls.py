"""Calls in one line, to a model at a URL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import classification
from .generation import Sampling, TextClient
from .http import Endpoint
from .labels import Labels
from .preprocessing import Preprocess
from .results import Completion, Prediction
from .v2 import V2Client


def complete(
    url: str,
    name: str,
    prompt: str,
    *,
    max_tokens: int = 200,
    temperature: float = 0.8,
    headers: Mapping[str, str] | None = None,
    **connection: Any,
) -> Completion:
    """Text that continues `prompt`, from the language model `name` at `url`.

    `connection` are the further options of `Endpoint`. Raises InferenceError.

    >>> from odh_oci_widgets.inference import complete
    >>> complete(granite_url, "granite", "What is IBM granite?", max_tokens=3).text
    ' w0 w1 w2'
    """
    client = TextClient(Endpoint(url, headers=headers, **connection), name)
    return client.complete(prompt, Sampling(max_tokens=max_tokens, temperature=temperature))


def classify(
    url: str,
    name: str,
    images: Any,
    *,
    top: int = 5,
    labels: Labels = None,
    preprocessing: str | Preprocess = "auto",
    headers: Mapping[str, str] | None = None,
    **connection: Any,
) -> list[list[Prediction]]:
    """The `top` classes of each picture, from the model `name` of the V2 server at `url`; see `classification`.

    `connection` are the further options of `Endpoint`. Raises InferenceError.

    >>> from odh_oci_widgets.inference import classify
    >>> [predictions] = classify(mobilenet_url, "mobilenet", "pelican.jpeg", labels="labels.txt", top=1)
    >>> predictions[0].label
    'pelican'
    """
    client = V2Client(Endpoint(url, headers=headers, **connection), name)
    return classification.classify(client, images, top=top, labels=labels, preprocessing=preprocessing)
