"""Choose a model: from Hugging Face, the web, or a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import ipywidgets as widgets

from odh_oci_widgets.builders import human_bytes
from odh_oci_widgets.models import Model, open_model

from . import html, snippets
from .flow import Flow
from .job import Job
from .parts import Disclosure, Secret, button, cell, field, grid, row
from .step import Step
from .words import counted, globs

#: Rows of a file table; a model of more files says how many more.
MAX_ROWS = 200
_LOCATION_HELP = (
    "hf://owner/name or hf://owner/name@revision · https://…/model.onnx · a folder or file of this machine"
)


class ModelStep(Step):
    """Name a model, see its files, choose which go into the image.

    >>> step = ModelStep("hf://ibm-granite/granite-3.0-2b-instruct")  # doctest: +SKIP
    >>> step  # doctest: +SKIP

    Without clicking: `step.choose().join()`, then `step.flow.model`.
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
        self._token = Secret("Hugging Face token", self._keep_token)
        self._card = widgets.HTML()
        self._files = widgets.HTML()
        self._choice = widgets.VBox()
        self.location.observe(lambda change: self.choose() if change["new"].strip() else None, "value")
        for text in (self.include, self.exclude):
            text.observe(lambda _: self._select(), "value")
        head = row(cell(self.location, _LOCATION_HELP), self.look_up)
        head.add_class("odh-oci-search")
        access = Disclosure(
            "access for gated models",
            grid(
                cell(
                    self._token.widget,
                    "For gated or private models. Without it: HF_TOKEN, then the hub's token file.",
                )
            ),
        )
        self._selection = Disclosure(
            "files",
            grid(
                cell(self.include, "Patterns, separated by commas; empty: the usual choice."),
                cell(self.exclude, "Patterns, separated by commas."),
            ),
            self._files,
        )
        self._compose(head, access, self._choice)

    def choose(self) -> Job[Model]:
        """Look the model up, in a thread."""
        reference = self.location.value.strip()
        token = self.flow.secrets.token
        self._forget()
        self.look_up.disabled = True
        return self.run(
            f"Looking up {reference or 'the model'}…",
            lambda _: open_model(reference, token=token),
            self._show,
            self._not_found,
        )

    def _keep_token(self, token: str) -> None:
        self.flow.secrets.token = token
        if self.location.value.strip() and self._found is None:
            self.choose()

    def _forget(self) -> None:
        self._found = None
        self.flow.model = None
        self._choice.children = ()

    def _not_found(self, error: Any) -> None:
        self.look_up.disabled = False
        self.fail(error)

    def _show(self, model: Model) -> None:
        self._found = model
        self.look_up.disabled = False
        self._choice.children = (self._card, self._selection)
        self._select()

    def _select(self) -> None:
        if self._found is None:
            return
        include, exclude = globs(self.include.value), globs(self.exclude.value)
        model = self._found.select(include=include, exclude=exclude) if include or exclude else self._found
        self._card.value = _card(model)
        self._files.value = _file_tables(model)
        if model.files:
            self.flow.model = model
            self.say(f"{model.name}: {counted(len(model.files), 'file')}, {human_bytes(model.size)}.")
        else:
            self.flow.model = None
            self.say("No file is left: change the patterns.")
        self.code.refresh()

    @property
    def summary(self) -> str:
        """The model's name and size."""
        model = self.flow.model
        return f"{model.name} · {human_bytes(model.size)}" if model else ""

    def renderings(self) -> Mapping[str, str]:
        """Python."""
        return {
            "Python": snippets.open_model(
                self.location.value.strip(),
                globs(self.include.value),
                globs(self.exclude.value),
                token=self.flow.secrets.token is not None,
            )
        }


def _card(model: Model) -> html.Html:
    folder = "/models/1/ (as OpenVINO Model Server wants it)" if model.versioned else "/models/"
    return html.element(
        "div",
        html.element("div", model.name, class_="odh-oci-card-title"),
        html.facts(
            {
                "Format": model.format.value,
                "Size": f"{human_bytes(model.size)} in {counted(len(model.files), 'file')}",
                "Revision": (model.revision or "")[:12],
                "Licence": model.license or "",
                "In the image": folder,
                "More about it": html.link(model.homepage, model.homepage) if model.homepage else "",
            }
        ),
        class_="odh-oci-card",
    )


def _file_tables(model: Model) -> html.Html:
    chosen = html.table(
        f"Goes into the image ({counted(len(model.files), 'file')})",
        ("File", "Size"),
        _rows([(file.path, human_bytes(file.size)) for file in model.files]),
    )
    if not model.left_out:
        return chosen
    left = html.table(
        f"Left out ({counted(len(model.left_out), 'file')})",
        ("File", "Why", "Size"),
        _rows([(file.path, why, human_bytes(file.size)) for file, why in model.left_out]),
    )
    return html.join([chosen, left])


def _rows(rows: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    more = len(rows) - MAX_ROWS
    if more <= 0:
        return rows
    return [*rows[:MAX_ROWS], (f"… and {counted(more, 'more file')}", *("" for _ in rows[0][1:]))]
