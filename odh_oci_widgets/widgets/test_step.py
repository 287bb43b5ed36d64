"""Call the model: text from a language model, classes of pictures, raw outputs; and what the deployment gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import ipywidgets as widgets

from odh_oci_widgets import serving
from odh_oci_widgets.inference import Calls
from odh_oci_widgets.inference.preprocessing import Preprocess
from odh_oci_widgets.models import GENERATIVE

from .classification_form import ClassificationForm
from .flow import Flow
from .history import History
from .measure_form import MeasureForm
from .parts import Disclosure, Rendering, button, cell, field, row
from .step import Step
from .tensor_form import TensorForm
from .text_form import TextForm

KINDS = (
    ("Text: a prompt or a chat", "completion"),
    ("Pictures: their classes", "classification"),
    ("Arrays or rows: raw outputs", "tensors"),
)


@dataclass(frozen=True)
class Called:
    """The service that shown code calls; its URL is asked for when somebody looks."""

    name: str
    service: serving.Service | None

    @property
    def token(self) -> bool:
        """Whether calls need a token, which the code reads from the environment."""
        return self.service is not None and self.service.target == "project"

    def url(self) -> str:
        """Base URL, or a word that stands for it."""
        return (self.service.url if self.service is not None else None) or "URL"


class TestStep(Step):
    """Ask a service. Alone, it finds the services of the sandbox and of the project.

    `preprocess` is a function of your own, from a picture (PIL, RGB) to the array that the model takes for it.

    >>> from odh_oci_widgets import TestStep
    >>> step = TestStep(kind="completion", prompt="The capital of France is")
    >>> step.flow.service is None
    True
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
        preprocess: Preprocess | None = None,
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
        self.text = TextForm(self, prompt)
        self.completion, self.chat = self.text.completion, self.text.chat
        self.classification = ClassificationForm(self, labels, preprocess)
        self.tensors = TensorForm(self)
        self.measuring = MeasureForm(self)
        self.history = History(self)
        self._form = widgets.VBox()
        choice = row(cell(self.service), self.find_button)
        choice.add_class("odh-oci-search")
        self._compose(choice, self.kind, self._form)
        more = (
            Disclosure("load test", self.measuring),
            Disclosure("history", self.history, seen=self.history.paint),
        )
        self.children = (*self.children[:-1], *more, self.code)  # below what the form says, as the code is
        self.kind.observe(lambda _: self._choose_form(), "value")
        self.service.observe(self._choose, "value")
        self.flow.observe(lambda _: self._offer(), "service")
        self.flow.observe(lambda _: self._guess_kind(), "model")
        self._guess_kind()
        self._choose_form()
        self._offer()

    @classmethod
    def of(cls, service: serving.Service) -> TestStep:
        """The step for a service that is there already, with the form that its model wants."""
        return cls(service, kind="completion" if service.generative else "classification")

    def _guess_kind(self) -> None:
        model = self.flow.model
        if model is not None and self._given_kind is None:
            self.kind.value = "completion" if model.format in GENERATIVE else "classification"

    @property
    def form(self) -> TextForm | ClassificationForm | TensorForm:
        """The form that is shown."""
        if self.kind.value == "completion":
            return self.text
        return self.tensors if self.kind.value == "tensors" else self.classification

    @property
    def calls(self) -> Calls:
        """The calls made to the service, latest last; `step.calls.to_dataframe()` makes a table."""
        return self.flow.service.calls if self.flow.service is not None else Calls()

    def _choose_form(self) -> None:
        self._form.children = (self.form,)
        self._introduce()
        self.code.refresh()

    def _introduce(self) -> None:
        """Let the form that is shown ask the service what it must know."""
        if isinstance(self.form, (TextForm, TensorForm)):
            self.form.shown()

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
        for form in (self.text, self.classification, self.tensors):
            form.enable(ready=service is not None)
        self._introduce()
        self.code.refresh()

    def _choose(self, change: Any) -> None:
        if change["new"] in self._found:
            self.flow.service = self._found[change["new"]]

    @property
    def summary(self) -> str:
        """Whether the model answered."""
        return (
            "answered"
            if any(form.answered for form in (self.text, self.classification, self.tensors))
            else ""
        )

    def renderings(self) -> Mapping[str, Rendering]:
        """Python of this package, the bare request, and the `openai` client for text."""
        service = self.flow.service
        return self.form.renderings(Called(service.name if service is not None else "NAME", service))
