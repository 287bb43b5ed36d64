"""Choose a model: from Hugging Face, the web, a folder, S3 storage or the notebook."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import ipywidgets as widgets

from odh_oci_widgets.builders import human_bytes
from odh_oci_widgets.models import (
    Facts,
    Model,
    ModelSummary,
    from_object,
    open_model,
    understand,
)
from odh_oci_widgets.oci.errors import OdhOciError

from . import snippets
from .flow import Flow
from .hub_access import HubAccess
from .job import Job
from .latest import PAUSE_SECONDS, Latest
from .model_facts import card
from .model_files import FileTree, patterns
from .model_revision import RevisionChoice
from .model_search import HubSearch
from .model_sizing import Sizing
from .model_sources import FolderSource, NotebookSource, S3Source, WebSource, variables
from .parts import Disclosure, button, cell, field, grid, markup, row
from .step import Step
from .words import counted, globs

_LOCATION_HELP = (
    "hf://owner/name or hf://owner/name@revision · https://…/model.onnx · s3://bucket/folder · "
    "a folder or file of this machine"
)
_SOURCES = (
    ("Hugging Face", "hub"),
    ("Web", "web"),
    ("Folder", "folder"),
    ("S3 storage", "s3"),
    ("This notebook", "notebook"),
)


class ModelStep(Step):
    """Find a model, see what it is and needs, choose which of its files go into the image.

    Without clicking: `step.choose().join()`, then `step.flow.model`.

    >>> from odh_oci_widgets import ModelStep
    >>> step = ModelStep("iris.onnx")
    >>> step.choose().join()
    >>> step.flow.model.name
    'iris'
    """

    title: ClassVar[str] = "Model"
    lead: ClassVar[str] = (
        "Which model should answer? Name it; its bytes are read only when the image is built."
    )

    def __init__(
        self,
        reference: str = "",
        *,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        flow: Flow | None = None,
    ) -> None:
        super().__init__(flow)
        self._found: Model | None = None
        #: the code that made the model, where it is none of a reference
        self._made_by = ""
        self._selecting = False
        self._facts: Facts | None = None
        self._reading: Latest[Facts] = Latest()
        self.source = field(
            widgets.RadioButtons, "Where the model is", options=_offered(), value=_source_of(reference)
        )
        self.location = field(
            widgets.Text,
            "Model location",
            value=reference,
            placeholder="hf://ibm-granite/granite-3.0-2b-instruct",
            continuous_update=False,
        )
        self.look_up = button("Look up", self.choose, style="primary")
        self.include = field(
            widgets.Text, "Only these files", value=", ".join(include), placeholder="*.json, *.safetensors"
        )
        self.exclude = field(widgets.Text, "Leave out", value=", ".join(exclude), placeholder="*.md")
        self._card = markup()
        self._choice = widgets.VBox()
        self._panels: dict[str, Any] = {}
        self._panel = widgets.VBox()
        self._panel.add_class("odh-oci-source")
        self.revision = RevisionChoice(self.use, lambda: self.flow.secrets.token)
        self.files = FileTree(self._tick)
        self.sizing = Sizing(self.flow)
        self.location.observe(lambda change: self.choose() if change["new"].strip() else None, "value")
        self.source.observe(lambda _: self._show_source(), "value")
        for text in (self.include, self.exclude):
            text.observe(lambda _: self._select(), "value")
        head = row(cell(self.location, _LOCATION_HELP), self.look_up)
        head.add_class("odh-oci-search")
        self.access = HubAccess(self.flow, kept=self._try_again, say=self.say, failed=self.fail)
        self._selection = Disclosure(
            "files",
            self.files,
            grid(
                cell(self.include, "Patterns, separated by commas; empty: the usual choice."),
                cell(self.exclude, "Patterns, separated by commas."),
            ),
            seen=self.files.look,
        )
        self._needs = Disclosure("memory and arguments", self.sizing)
        self._show_source()
        self._compose(self.source, self._panel, head, self.access, self._choice)

    def _show_source(self) -> None:
        name = self.source.value
        if name not in self._panels:
            makers: dict[str, Callable[[], Any]] = {
                "hub": lambda: HubSearch(
                    self._picked, say=self.say, failed=self.fail, token=lambda: self.flow.secrets.token
                ),
                "web": lambda: WebSource(self.use, self.fail),
                "folder": lambda: FolderSource(self.use, self.fail),
                "s3": lambda: S3Source(self.use),
                "notebook": lambda: NotebookSource(self.export, variables),
            }
            self._panels[name] = makers[name]()
        self._panel.children = (self._panels[name],)
        self.access.layout.display = "" if name == "hub" else "none"

    @property
    def panel(self) -> Any:
        """The form of the chosen source."""
        return self._panels[self.source.value]

    def use(self, reference: str) -> None:
        """Choose what a reference names, as if it was typed."""
        if self.location.value == reference:
            self.choose()
        else:
            self.location.value = reference

    def _picked(self, found: ModelSummary) -> None:
        self.use(found.reference)

    def choose(self) -> Job[Model]:
        """Look the model up, in a thread."""
        reference = self.location.value.strip()
        token = self.flow.secrets.token
        self._forget()
        return self.run(
            f"Looking up {reference or 'the model'}…",
            lambda _: open_model(reference, token=token),
            self._show,
            self._not_found,
        )

    def export(self, model: str, sample: str, name: str) -> Job[Model]:
        """Choose a variable of the notebook: exported in a thread, with a sample of its input."""
        known = variables()
        # Two rows are enough, and one would make PyTorch's export believe that there is always one.
        fitted, batch = known[model], known[sample]
        self._forget()
        self._made_by = snippets.from_object(model, sample, name)
        return self.run(
            f"Exporting {model} to ONNX…",
            lambda _: from_object(fitted, batch[:2], name=name or None),
            self._show,
            self._not_found,
        )

    def _try_again(self) -> None:
        """There is a token now."""
        self.code.refresh()
        if self.location.value.strip() and self._found is None:
            self.choose()

    def _forget(self) -> None:
        if isinstance(search := self._panels.get("hub"), HubSearch):
            search.stop()
        self._reading.stop()
        self._found = self._facts = None
        self._made_by = ""
        self.flow.model = None
        self.sizing.show(None)
        self._choice.children = ()
        self.look_up.disabled = True

    def _not_found(self, error: OdhOciError) -> None:
        self.look_up.disabled = False
        self.access.explain(error, self.location.value.strip())
        self.fail(error)

    def _show(self, model: Model) -> None:
        self._found = model
        self.look_up.disabled = False
        self.revision.show(model)
        self._choice.children = (self.revision, self._card, self._selection, self._needs)
        self._select(after=0.0)

    def _tick(self, chosen: frozenset[str]) -> None:
        """Files were ticked: the patterns say the same, so that the shown code does."""
        if self._found is None:
            return
        include, exclude = patterns(self._found, chosen) if chosen else ((), ("*",))
        self._selecting = True
        try:
            self.include.value, self.exclude.value = ", ".join(include), ", ".join(exclude)
        finally:
            self._selecting = False
        self._select()

    def _select(self, *, after: float = PAUSE_SECONDS) -> None:
        if self._found is None or self._selecting:
            return
        include, exclude = globs(self.include.value), globs(self.exclude.value)
        model = self._found.select(include=include, exclude=exclude) if include or exclude else self._found
        self.files.show(model)
        if model.files:
            # Of the same model in another selection what was known stays until it is known better.
            self._card.value = card(model, self._facts)
            self.flow.model = model
            self.say(f"{model.name}: {counted(len(model.files), 'file')}, {human_bytes(model.size)}.")
            self._read(model, after)
        else:
            self._reading.stop()
            self._card.value = ""
            self.flow.model = None
            self.sizing.show(None)
            self.say("No file is left: change the patterns.")
        self.code.refresh()

    def _read(self, model: Model, after: float) -> None:
        """Learn what the model is from the heads of its files."""
        token = self.flow.secrets.token

        def known(facts: Facts) -> None:
            self._facts = facts
            self._card.value = card(model, facts)
            self.sizing.show(facts)

        def unknown(error: OdhOciError) -> None:
            self._card.value = card(model, None, f"What it needs is not known: {error.message}")
            self.sizing.show(None)

        self._reading.start(lambda _: understand(model, token=token), known, unknown, after=after)

    def join(self, timeout: float | None = None) -> None:
        """Wait until the model is looked up and understood, in cells and tests."""
        super().join(timeout)
        self._reading.join(timeout)

    @property
    def summary(self) -> str:
        """The model's name and size."""
        model = self.flow.model
        return f"{model.name} · {human_bytes(model.size)}" if model else ""

    def renderings(self) -> Mapping[str, str]:
        """Python."""
        if self._made_by:
            return {"Python": self._made_by}
        return {
            "Python": snippets.open_model(
                self.location.value.strip(),
                globs(self.include.value),
                globs(self.exclude.value),
                token=self.flow.secrets.token_code,
            )
        }


def _offered() -> list[tuple[str, str]]:
    """S3 only where there is a data connection: a form without keys helps nobody."""
    s3 = any(os.environ.get(name) for name in ("AWS_S3_ENDPOINT", "AWS_S3_BUCKET", "AWS_ACCESS_KEY_ID"))
    return [(text, name) for text, name in _SOURCES if name != "s3" or s3]


def _source_of(reference: str) -> str:
    """The source of a reference that was given."""
    text = reference.strip()
    if not text or text.startswith(("hf://", "https://huggingface.co/", "https://hf.co/")):
        return "hub"
    if text.startswith(("https://", "http://")):
        return "web"
    if text.startswith("s3://"):
        return "s3" if ("S3 storage", "s3") in _offered() else "hub"
    return "folder"
