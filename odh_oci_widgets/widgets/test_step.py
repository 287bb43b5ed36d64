"""Call the model: text from a language model, classes from a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import ipywidgets as widgets

from odh_oci_widgets import serving
from odh_oci_widgets.inference import Sampling
from odh_oci_widgets.inference.code import Style, classification_code, text_code
from odh_oci_widgets.models import GENERATIVE

from .classification_form import ClassificationForm
from .completion_form import CompletionForm
from .flow import Flow
from .parts import button, cell, field, row
from .step import Step

KINDS = (("Text: a prompt, completed", "completion"), ("Picture: its classes", "classification"))


class TestStep(Step):
    """Ask a service. Alone, it finds the services of the sandbox and of the project.

    >>> step = TestStep(service=service("mobilenet"))  # doctest: +SKIP
    """

    __test__ = False  # not for pytest

    title: ClassVar[str] = "Test"
    lead: ClassVar[str] = "Ask the model something."

    def __init__(
        self,
        service: serving.Service | None = None,
        *,
        kind: str | None = None,
        prompt: str = "",
        labels: str = "",
        flow: Flow | None = None,
    ) -> None:
        super().__init__(flow)
        if service is not None:
            self.flow.service = service
        self._found: dict[str, serving.Service] = {}
        self.service = field(widgets.Dropdown, "Service")
        self.find_button = button("Find services", self.find)
        self.kind = field(
            widgets.RadioButtons, "What it takes", options=KINDS, value=kind or "classification"
        )
        self._given_kind = kind
        self.completion = CompletionForm(self, prompt)
        self.classification = ClassificationForm(self, labels)
        self._form = widgets.VBox()
        choice = row(cell(self.service), self.find_button)
        choice.add_class("odh-oci-search")
        self._compose(choice, self.kind, self._form)
        self.kind.observe(lambda _: self._choose_form(), "value")
        self.service.observe(self._choose, "value")
        self.flow.observe(lambda _: self._offer(), "service")
        self.flow.observe(lambda _: self._guess_kind(), "model")
        self._guess_kind()
        self._choose_form()
        self._offer()

    def _guess_kind(self) -> None:
        model = self.flow.model
        if model is not None and self._given_kind is None:
            self.kind.value = "completion" if model.format in GENERATIVE else "classification"

    def _choose_form(self) -> None:
        self._form.children = (self.completion if self.kind.value == "completion" else self.classification,)
        self.code.refresh()

    def find(self) -> None:
        """Look for services, in a thread."""
        self.run("Looking for services…", lambda _: serving.services(), self._list)

    def _list(self, found: list[serving.Service]) -> None:
        self._found = {f"{item.name} ({item.target})": item for item in found}
        self._offer()
        self.say(f"{len(found)} found." if found else "There is no service yet: deploy one first.")

    def _offer(self) -> None:
        service = self.flow.service
        if service is not None:
            self._found[f"{service.name} ({service.target})"] = service
        self.service.options = tuple(self._found)
        if service is not None:
            self.service.value = f"{service.name} ({service.target})"
        for form in (self.completion, self.classification):
            form.enable(ready=service is not None)
        self.code.refresh()

    def _choose(self, change: Any) -> None:
        if change["new"] in self._found:
            self.flow.service = self._found[change["new"]]

    @property
    def summary(self) -> str:
        """How many answers there are."""
        return "answered" if self.completion.answer or self.classification.answer else ""

    def renderings(self) -> Mapping[str, str]:
        """Python of this package, the bare request, and the `openai` client for text."""
        service = self.flow.service
        name = service.name if service is not None else "NAME"
        url = (service.url if service is not None else None) or "URL"
        token = service is not None and service.target == "project"
        if self.kind.value == "classification":
            form = self.classification
            picture = form.names[0] if form.names else "picture.jpeg"
            return {
                language: classification_code(
                    style,
                    name=name,
                    url=url,
                    picture=picture,
                    top=form.top.value,
                    labels=form.labels_name or None,
                    preprocessing=form.preprocessing.value,
                    token=token,
                )
                for language, style in (("Python", Style.PYTHON), ("curl", Style.CURL))
            }
        ask = self.completion
        sampling = Sampling(max_tokens=ask.max_tokens.value, temperature=ask.temperature.value)
        return {
            language: text_code(
                style, name=name, url=url, prompt=ask.prompt.value, sampling=sampling, token=token
            )
            for language, style in (("Python", Style.PYTHON), ("openai", Style.OPENAI), ("curl", Style.CURL))
        }
