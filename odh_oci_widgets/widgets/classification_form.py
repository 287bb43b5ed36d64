"""Pictures and the classes a model sees in them."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from odh_oci_widgets.inference import Prediction
from odh_oci_widgets.inference.labels import parse_labels
from odh_oci_widgets.inference.preprocessing import NAMES
from odh_oci_widgets.oci.errors import OdhOciError

from . import html
from .parts import button, cell, field, grid, row, upload
from .words import counted

if TYPE_CHECKING:
    from .step import Step

#: Pixels of the longer side of a preview; the whole picture need not travel back to the browser.
PREVIEW = 240


class ClassificationForm(widgets.VBox):
    """Pictures, labels, how many classes; the bars below. `answer` is the last one, one list for each picture.

    The upload fields are emptied once read: what they hold would be saved into the notebook.
    """

    def __init__(self, step: Step, labels: str = "") -> None:
        self._step = step
        self.answer: list[list[Prediction]] | None = None
        self._pictures: list[tuple[str, bytes]] = []
        self._uploaded_labels: tuple[str, Any] | None = None
        self._ready = False
        self.upload = upload("Choose pictures", self.put, accept="image/*", multiple=True)
        self.upload_labels = upload("Labels from a file", self._take_labels, accept=".txt,.json")
        self.labels = field(widgets.Text, "Labels", value=labels, placeholder="synset.txt or https://…")
        self.top = field(widgets.BoundedIntText, "Classes to show", value=5, min=1, max=1000)
        self.ask_button = button("Classify", self.ask, style="primary", disabled=True)
        self.preprocessing = field(widgets.Dropdown, "Preprocessing", options=NAMES)
        self._chosen = widgets.HTML()
        self._bars = widgets.HTML()
        super().__init__(
            [
                row(self.upload, self._chosen),
                grid(
                    cell(
                        self.labels,
                        "Optional: a file or URL with one name a line, in the order of the classes.",
                    ),
                    cell(self.preprocessing, "auto: as the model's input looks."),
                    cell(self.top),
                ),
                row(self.ask_button, self.upload_labels),
                self._bars,
            ]
        )
        self.labels.observe(self._type_labels, "value")
        for widget in (self.preprocessing, self.top):
            widget.observe(lambda _: step.code.refresh(), "value")

    @property
    def names(self) -> list[str]:
        """Names of the chosen pictures."""
        return [name for name, _ in self._pictures]

    @property
    def labels_name(self) -> str:
        """Where the labels come from, for the code."""
        return self._uploaded_labels[0] if self._uploaded_labels else self.labels.value.strip()

    def enable(self, *, ready: bool) -> None:
        """Whether there is a service to ask."""
        self._ready = ready
        self.ask_button.disabled = not (ready and self._pictures)

    def put(self, pictures: Sequence[tuple[str, bytes]]) -> None:
        """Choose pictures by code: name and bytes of each."""
        self._pictures = list(pictures)
        self._bars.value = ""
        self._chosen.value = html.pictures([(name, _preview(data)) for name, data in pictures])
        self._step.say(f"{counted(len(pictures), 'picture')} chosen.")
        self.enable(ready=self._ready)
        self._step.code.refresh()

    def _type_labels(self, change: Any) -> None:
        if change["new"].strip():
            self._uploaded_labels = None
        self._step.code.refresh()

    def _take_labels(self, chosen: list[tuple[str, bytes]]) -> None:
        name, content = chosen[0]
        try:
            names = parse_labels(content.decode("utf-8"))
        except (OdhOciError, UnicodeDecodeError) as error:
            self._step.fail(
                OdhOciError(f"`{name}` is no list of labels: {error}", hint="One name a line, as UTF-8.")
            )
            return
        self.labels.value = ""
        self._uploaded_labels = (name, names)
        self._step.say(f"{counted(len(names), 'label')} read from {name}.")
        self._step.code.refresh()

    def ask(self) -> None:
        """Ask, in a thread."""
        service: Any = self._step.flow.service
        data = [content for _, content in self._pictures]
        labels = self._uploaded_labels[1] if self._uploaded_labels else self.labels.value.strip() or None
        top, preprocessing = self.top.value, self.preprocessing.value
        self.ask_button.disabled = True
        began = time.monotonic()
        self._step.run(
            f"{service.name} is looking…",
            lambda _: service.classify(data, top=top, labels=labels, preprocessing=preprocessing),
            lambda answer: self._show(answer, time.monotonic() - began),
            self._failed,
        )

    def _show(self, answer: list[list[Prediction]], seconds: float) -> None:
        self.answer = answer
        self.enable(ready=True)
        self._chosen.value = ""
        self._bars.value = html.join(
            html.classified(name, _preview(data), [(p.label, p.probability) for p in predictions])
            for (name, data), predictions in zip(self._pictures, answer, strict=False)
        )
        best = ", ".join(
            f"{predictions[0].label} ({predictions[0].probability:.0%})" for predictions in answer
        )
        self._step.say(f"Answered in {seconds:.1f} s: {best}.")

    def _failed(self, error: OdhOciError) -> None:
        self.enable(ready=True)
        self._step.fail(error)


def _preview(data: bytes) -> str:
    """A small PNG as a data URL; empty for what is no picture: the service says so in a sentence."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as image:
            image.thumbnail((PREVIEW, PREVIEW))
            small = io.BytesIO()
            image.convert("RGB").save(small, "JPEG", quality=85)
    except (UnidentifiedImageError, OSError, ValueError):
        return ""
    return f"data:image/jpeg;base64,{base64.b64encode(small.getvalue()).decode()}"
