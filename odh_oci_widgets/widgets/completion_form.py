"""A prompt and the text that continues it, shown as it comes."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from odh_oci_widgets.inference import Completion, TextStream
from odh_oci_widgets.oci.errors import OdhOciError

from . import html
from .parts import button, cell, field, grid, row

if TYPE_CHECKING:
    from .step import Step

#: Seconds between two paintings of a text that grows.
PERIOD = 0.15


class CompletionForm(widgets.VBox):
    """Prompt, most tokens, temperature; the answer below. `answer` is the last one."""

    def __init__(self, step: Step, prompt: str = "") -> None:
        self._step = step
        self._stream: TextStream | None = None
        self.answer: Completion | None = None
        self.prompt = field(
            widgets.Textarea, "Prompt", value=prompt, placeholder="What is the IBM granite-3 model?", rows=4
        )
        self.max_tokens = field(widgets.BoundedIntText, "Most tokens", value=200, min=1, max=100_000)
        self.temperature = field(
            widgets.BoundedFloatText, "Temperature", value=0.8, min=0.0, max=2.0, step=0.1
        )
        self.ask_button = button("Complete", self.ask, style="primary", disabled=True)
        self.stop_button = button("Stop", self.stop, style="danger")
        self._text = widgets.HTML()
        super().__init__(
            [
                cell(self.prompt),
                grid(
                    cell(self.max_tokens, "Where the answer is cut."),
                    cell(self.temperature, "0: always the likeliest word; higher: more varied."),
                ),
                row(self.ask_button, self.stop_button),
                self._text,
            ]
        )
        self._busy(busy=False)
        for widget in (self.prompt, self.max_tokens, self.temperature):
            widget.observe(lambda _: step.code.refresh(), "value")

    def enable(self, *, ready: bool) -> None:
        """Whether there is a service to ask."""
        self.ask_button.disabled = not ready

    def ask(self) -> None:
        """Ask, in a thread; the text grows on the page."""
        service: Any = self._step.flow.service
        prompt, tokens, heat = self.prompt.value, self.max_tokens.value, self.temperature.value
        self._busy(busy=True)
        self._step.run(
            f"{service.name} is writing…",
            lambda cancel: self._read(
                prompt, service.stream(prompt, max_tokens=tokens, temperature=heat), cancel
            ),
            lambda answer: self._show(prompt, answer),
            self._failed,
        )

    def stop(self) -> None:
        """End the answer; what came until now stays."""
        self.stop_button.disabled = True
        if self._stream is not None:
            self._stream.cancel()

    def _read(self, prompt: str, stream: TextStream, cancel: threading.Event) -> Completion:
        self._stream = stream
        painted = 0.0
        for _ in stream:
            if cancel.is_set():
                stream.cancel()
            if time.monotonic() - painted >= PERIOD:
                self._text.value = html.answer(prompt, stream.result.text)
                painted = time.monotonic()
        return stream.result

    def _show(self, prompt: str, answer: Completion) -> None:
        self.answer = answer
        self._busy(busy=False)
        self._text.value = html.answer(prompt, answer.text)
        self._step.say(f"{_ENDED.get(answer.finish_reason or '', 'Answered')}: {_numbers(answer)}.")

    def _failed(self, error: OdhOciError) -> None:
        self._busy(busy=False)
        self._step.fail(error)

    def _busy(self, *, busy: bool) -> None:
        self.ask_button.disabled = busy or self._step.flow.service is None
        self.stop_button.disabled = False
        self.stop_button.layout.display = "" if busy else "none"


_ENDED = {"cancelled": "Stopped", "length": "Answered up to the most tokens allowed"}


def _numbers(answer: Completion) -> str:
    words = []
    if answer.completion_tokens is not None:
        words.append(f"{answer.completion_tokens} tokens")
    if answer.seconds:
        words.append(f"{answer.seconds:.1f} s")
        if answer.completion_tokens:
            words.append(f"{answer.completion_tokens / answer.seconds:.0f} tokens a second")
    if answer.first_token_seconds is not None:
        words.append(f"first token after {answer.first_token_seconds:.2f} s")
    return ", ".join(words) or "no text"
