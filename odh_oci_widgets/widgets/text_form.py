"""Text from a language model: a chat where the model has a template, else a completion with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from odh_oci_widgets.inference import Sampling, Style, text_code
from odh_oci_widgets.oci.errors import OdhOciError

from . import html
from .chat_form import ChatForm
from .completion_form import CompletionForm
from .job import Job
from .parts import Rendering, field, markup

if TYPE_CHECKING:
    from .step import Step
    from .test_step import Called

STYLES = {"Python": Style.PYTHON, "openai": Style.OPENAI, "curl": Style.CURL}


class TextForm(widgets.VBox):
    """`completion` and `chat`, of which `mode` shows one. A given prompt starts with the completion."""

    def __init__(self, step: Step, prompt: str = "") -> None:
        self._step = step
        self._asked_of: Any = None
        self._prompted = bool(prompt)
        self.completion = CompletionForm(step, prompt)
        self.chat = ChatForm(step)
        self.mode = field(
            widgets.RadioButtons,
            "How",
            options=(("Completion: the text goes on", "completion"), ("Chat: an answer", "chat")),
        )
        self._reason = markup()
        super().__init__()
        self.mode.observe(lambda _: self._choose(), "value")
        self._offer("The model is asked whether it can chat.")

    def enable(self, *, ready: bool) -> None:
        """Whether there is a service to ask."""
        for form in (self.completion, self.chat):
            form.enable(ready=ready)

    def shown(self) -> None:
        """Find out, in a thread and once for a service, whether it can chat."""
        service = self._step.flow.service
        if service is None or service is self._asked_of:
            return
        self._asked_of = service
        self.chat.turns = []
        Job(
            lambda _: service.chat_refusal(),
            done=lambda why: self._told(service, why),
            failed=lambda error: self._told(service, str(error)),
            name="odh-oci-chat",
        )

    def _told(self, service: Any, why: str | None) -> None:
        if service is not self._asked_of:
            return
        if why is not None:
            self._offer(f"Completion only: {why}")
        else:
            self._offer("")
            if not self._prompted and self.completion.answer is None and not self.completion.prompt.value:
                self.mode.value = "chat"

    def _offer(self, reason: str) -> None:
        """Both modes; with a reason, the completion only."""
        self._reason.value = html.help_text(reason) if reason else ""
        self._head: tuple[Any, ...] = (self._reason,) if reason else (self.mode,)
        if reason:
            self.mode.value = "completion"
        self._choose()

    def _choose(self) -> None:
        self.children = (*self._head, self.form)
        self._step.code.refresh()

    @property
    def form(self) -> CompletionForm:
        """The one that is shown."""
        return self.chat if self.mode.value == "chat" else self.completion

    @property
    def answered(self) -> bool:
        """Whether there is an answer."""
        return bool(self.completion.answer or self.chat.answer)

    def load(self) -> dict[str, Any]:
        """What a load test of this form sends."""
        form = self.form
        said: Any = form.prompt.value or "Once upon a time"
        if isinstance(form, ChatForm):
            said = form.said if form.said[-1]["content"] else [{"role": "user", "content": said}]
        return {"prompt": said, "max_tokens": form.max_tokens.value}

    def renderings(self, called: Called) -> Mapping[str, Rendering]:
        """Python of this package, the `openai` client, and the bare request."""
        form = self.form
        prompt: Any = form.said if isinstance(form, ChatForm) else form.prompt.value
        system = form.system.value.strip() or None if isinstance(form, ChatForm) else None
        try:
            sampling = form.sampling.sampling()
        except OdhOciError:
            sampling = Sampling(**(asdict(Sampling()) | {"max_tokens": form.max_tokens.value}))

        def render(style: Style) -> str:
            return text_code(
                style,
                name=called.name,
                url=called.url(),
                prompt=prompt,
                sampling=sampling,
                system=system,
                token=called.token,
            )

        return {language: lambda style=style: render(style) for language, style in STYLES.items()}  # type: ignore[misc]
