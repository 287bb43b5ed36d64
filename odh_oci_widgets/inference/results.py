"""What a model answered."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """One class with its probability (0 to 1). `index` is the position in the model's output."""

    index: int
    label: str
    probability: float


@dataclass(frozen=True, kw_only=True)
class Completion:
    """The text a language model gave, why it stopped (`stop`, `length`), and the tokens it counted."""

    text: str
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
