"""A prompt and the text that continues it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from odh_oci_widgets.inference import Completion
from odh_oci_widgets.oci.errors import OdhOciError

from . import html
from .parts import button, cell, field, grid, row

if TYPE_CHECKING:
    from .step import Step


class CompletionForm(widgets.VBox):
    """Prompt, most tokens, temperature; the answer below. `answer` is the last one."""

    def __init__(self, step: Step, prompt: str = "") -> None:
        self._step = step
        self.answer: Completion | None = None
        self.prompt = field(
            widgets.Textarea, "Prompt", value=prompt, placeholder="What is the IBM granite-3 model?", rows=4
        )
        self.max_tokens = field(widgets.BoundedIntText, "Most tokens", value=200, min=1, max=100_000)
        self.temperature = field(
            widgets.BoundedFloatText, "Temperature", value=0.8, min=0.0, max=2.0, step=0.1
        )
        self.ask_button = button("Complete", self.ask, style="primary", disabled=True)
        self._text = widgets.HTML()
        super().__init__(
            [
                cell(self.prompt),
                grid(
                    cell(self.max_tokens, "Where the answer is cut."),
                    cell(self.temperature, "0: always the likeliest word; higher: more varied."),
                ),
                row(self.ask_button),
                self._text,
            ]
        )
        for widget in (self.prompt, self.max_tokens, self.temperature):
            widget.observe(lambda _: step.code.refresh(), "value")

    def enable(self, *, ready: bool) -> None:
        """Whether there is a service to ask."""
        self.ask_button.disabled = not ready

    def ask(self) -> None:
        """Ask, in a thread."""
        service: Any = self._step.flow.service
        prompt, tokens, heat = self.prompt.value, self.max_tokens.value, self.temperature.value
        self.ask_button.disabled = True
        began = time.monotonic()
        self._step.run(
            f"{service.name} is writing…",
            lambda _: service.complete(prompt, max_tokens=tokens, temperature=heat),
            lambda answer: self._show(prompt, answer, time.monotonic() - began),
            self._failed,
        )

    def _show(self, prompt: str, answer: Completion, seconds: float) -> None:
        self.answer = answer
        self.ask_button.disabled = False
        self._text.value = html.answer(prompt, answer.text)
        words = [f"{seconds:.1f} s"]
        if answer.completion_tokens is not None:
            words.insert(0, f"{answer.completion_tokens} tokens")
        if answer.finish_reason == "length":
            words.append("cut at the most tokens allowed")
        self._step.say(f"Answered: {', '.join(words)}.")

    def _failed(self, error: OdhOciError) -> None:
        self.ask_button.disabled = False
        self._step.fail(error)
