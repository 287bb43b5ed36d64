"""A conversation with a language model: a system prompt, turns, and the answer as it comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from odh_oci_widgets.inference import Completion, TextStream
from odh_oci_widgets.oci.errors import OdhOciError

from . import html
from .completion_form import CompletionForm
from .parts import button, cell, field, row

if TYPE_CHECKING:
    from .step import Step


class ChatForm(CompletionForm):
    """As for a completion, with a system prompt; `turns` holds what was said until now."""

    verb = "Send"
    prompt_label = "Message"
    example = "What is a tar file?"

    def __init__(self, step: Step, prompt: str = "") -> None:
        self.turns: list[dict[str, str]] = []
        self.system = field(
            widgets.Textarea, "System prompt", placeholder="You are a helpful assistant.", rows=2
        )
        self.system.observe(lambda _: step.code.refresh(), "value")
        self.forget_button = button("New conversation", self.forget)
        super().__init__(step, prompt)

    def _content(self) -> list[Any]:
        return [
            cell(self.system, "How the model shall behave; may stay empty."),
            self._text,
            cell(self.prompt),
            self.sampling,
            row(self.ask_button, self.stop_button, self.forget_button),
        ]

    @property
    def said(self) -> list[dict[str, str]]:
        """What the next call sends: the conversation with the message; before there is one, what the last sent."""
        if self.prompt.value.strip() or not self.turns:
            return [*self.turns, {"role": "user", "content": self.prompt.value}]
        return self.turns[:-1]

    def forget(self) -> None:
        """Begin anew."""
        self.turns = []
        self._text.value = ""
        self._step.say("A new conversation.")
        self._step.code.refresh()

    def _asked(self, service: Any, prompt: str, options: dict[str, Any]) -> Callable[[], TextStream]:
        if not prompt.strip():
            raise OdhOciError("There is no message.", hint="Write one.")
        messages, system = self.said, self.system.value.strip() or None
        return lambda: service.stream(messages, system=system, **options)

    def _paint(self, prompt: str, text: str) -> None:
        turns = [
            *self.turns,
            {"role": "user", "content": prompt},
            {"role": "assistant", "content": text},
        ]
        names = {"user": "You", "assistant": "Model"}
        self._text.value = html.element(
            "div",
            *(
                html.element(
                    "div",
                    html.element("strong", f"{names.get(turn['role'], turn['role'])}: "),
                    turn["content"],
                    class_="odh-oci-prompt" if turn["role"] == "user" else "odh-oci-answer",
                )
                for turn in turns
            ),
            class_="odh-oci-card",
            role="region",
            aria_label="Conversation",
            tabindex=0,
        )

    def _show(self, prompt: str, answer: Completion) -> None:
        super()._show(prompt, answer)
        self.turns += [
            {"role": "user", "content": prompt},
            {"role": "assistant", "content": answer.text},
        ]
        self.prompt.value = ""
