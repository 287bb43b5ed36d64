"""A prompt and the text that continues it, shown as it comes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from odh_oci_widgets.inference import Completion, TextStream
from odh_oci_widgets.oci.errors import OdhOciError

from . import html
from .parts import button, cell, field, markup, row
from .sampling_fields import SamplingFields

if TYPE_CHECKING:
    from .step import Step

#: Seconds between two paintings of a text that grows.
PERIOD = 0.15


class CompletionForm(widgets.VBox):
    """Prompt and sampling; the answer below. `answer` is the last one."""

    verb = "Complete"
    prompt_label = "Prompt"
    example = "What is the IBM granite-3 model?"

    def __init__(self, step: Step, prompt: str = "") -> None:
        self._step = step
        self._stream: TextStream | None = None
        self.answer: Completion | None = None
        self.prompt = field(
            widgets.Textarea, self.prompt_label, value=prompt, placeholder=self.example, rows=4
        )
        self.sampling = SamplingFields(step.code.refresh)
        self.max_tokens, self.temperature = self.sampling.max_tokens, self.sampling.temperature
        self.ask_button = button(self.verb, self.ask, style="primary", disabled=True)
        self.stop_button = button("Stop", self.stop, style="danger")
        self._text = markup()
        super().__init__(self._content())
        self._busy(False)
        self.prompt.observe(lambda _: step.code.refresh(), "value")

    def _content(self) -> list[Any]:
        return [cell(self.prompt), self.sampling, row(self.ask_button, self.stop_button), self._text]

    def enable(self, *, ready: bool) -> None:
        """Whether there is a service to ask."""
        self.ask_button.disabled = not ready

    def ask(self) -> None:
        """Ask, in a thread; the text grows on the page."""
        service: Any = self._step.flow.service
        prompt = self.prompt.value
        try:
            stream = self._asked(service, prompt, asdict(self.sampling.sampling()))
        except OdhOciError as error:
            self._step.fail(error)
            return
        self._step.run(
            f"{service.name} is writing…",
            lambda cancel: self._read(prompt, stream(), cancel),
            lambda answer: self._show(prompt, answer),
            busy=self._busy,
        )

    def _asked(self, service: Any, prompt: str, options: dict[str, Any]) -> Callable[[], TextStream]:
        return lambda: service.stream(prompt, **options)

    def _paint(self, prompt: str, text: str) -> None:
        self._text.value = html.answer(prompt, text)

    def stop(self) -> None:
        """End the answer; what came until now stays."""
        self.stop_button.disabled = True
        if self._stream is not None:
            self._stream.cancel()

    def _read(self, prompt: str, stream: TextStream, cancel: threading.Event) -> Completion:
        self._stream = stream
        painted = 0.0
        for _ in stream:
            if cancel.is_set():  # another question took the page
                stream.cancel()
            elif time.monotonic() - painted >= PERIOD:
                self._paint(prompt, stream.result.text)
                painted = time.monotonic()
        return stream.result

    def _show(self, prompt: str, answer: Completion) -> None:
        self.answer = answer
        self._paint(prompt, answer.text)
        self._step.say(f"{_ENDED.get(answer.finish_reason or '', 'Answered')}: {_numbers(answer)}.")

    def _busy(self, busy: bool) -> None:
        self.ask_button.disabled = busy or self._step.flow.service is None
        self.stop_button.disabled = False
        self.stop_button.layout.display = "" if busy else "none"


_ENDED = {"cancelled": "Stopped", "length": "Answered up to the most tokens allowed"}


def _numbers(answer: Completion) -> str:
    words = []
    if answer.completion_tokens is not None:
        of = f" after {answer.prompt_tokens} of the prompt" if answer.prompt_tokens else ""
        words.append(f"{answer.completion_tokens} tokens{of}")
    if answer.seconds:
        words.append(f"{answer.seconds:.1f} s")
        if answer.completion_tokens:
            words.append(f"{answer.completion_tokens / answer.seconds:.0f} tokens a second")
    if answer.first_token_seconds is not None:
        words.append(f"first token after {answer.first_token_seconds:.2f} s")
    return ", ".join(words) or "no text"
