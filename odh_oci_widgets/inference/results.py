"""What a model answered."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """One class with its probability (0 to 1). `index` is the position in the model's output.

    >>> from odh_oci_widgets.inference import classify
    >>> [[first, *others]] = classify(mobilenet_url, "mobilenet", "pelican.jpeg", labels="labels.txt", top=2)
    >>> first.label, first.index
    ('pelican', 2)
    """

    index: int
    label: str
    probability: float


@dataclass(frozen=True, kw_only=True)
class Completion:
    """The text a language model gave, why it stopped (`stop`, `length`, `cancelled`), and the tokens it counted.

    `seconds` is the time of the whole call, `first_token_seconds` the time to the first piece of a stream.

    >>> from odh_oci_widgets.inference import complete
    >>> complete(granite_url, "granite", "Once", max_tokens=3).finish_reason
    'length'
    """

    text: str
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float | None = None
    first_token_seconds: float | None = None

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens a second over the whole call; None where the server counted none."""
        if not self.completion_tokens or not self.seconds:
            return None
        return self.completion_tokens / self.seconds
