"""Pictures and the classes a model sees in them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from odh_oci_widgets.inference import Prediction, Style, classification_code
from odh_oci_widgets.inference.labels import parse_labels
from odh_oci_widgets.inference.preprocessing import NAMES, Preprocess, open_picture, recipe_name
from odh_oci_widgets.oci.errors import OdhOciError

from . import html
from .drop_area import drop_area
from .parts import Rendering, button, cell, field, grid, markup, row, upload
from .seen_view import preview, view
from .words import counted

if TYPE_CHECKING:
    from .step import Step
    from .test_step import Called


class ClassificationForm(widgets.VBox):
    """Pictures, labels, how many classes; the bars below. `answer` is the last one, one list for each picture.

    The upload fields are emptied once read: what they hold would be saved into the notebook.
    """

    def __init__(self, step: Step, labels: str = "", preprocess: Preprocess | None = None) -> None:
        self._step = step
        self.answer: list[list[Prediction]] | None = None
        self._pictures: list[tuple[str, Any]] = []
        self._uploaded_labels: tuple[str, Any] | None = None
        self._ready = False
        self.upload = upload("Choose pictures", self.put, accept="image/*", multiple=True)
        self.upload_labels = upload("Labels from a file", self._take_labels, accept=".txt,.json")
        self.labels = field(widgets.Text, "Labels", value=labels, placeholder="synset.txt or https://…")
        self.top = field(widgets.BoundedIntText, "Classes to show", value=5, min=1, max=1000)
        self.ask_button = button("Classify", self.ask, style="primary", disabled=True)
        recipes: list[tuple[str, Any]] = [(name, name) for name in NAMES]
        if preprocess is not None:
            recipes.insert(0, (f"{recipe_name(preprocess)} (your function)", preprocess))
        self.preprocessing = field(widgets.Dropdown, "Preprocessing", options=recipes)
        self.address = field(
            widgets.Text,
            "Picture by path or URL",
            placeholder="https://… or a file here",
            continuous_update=False,
        )
        self._chosen = markup()
        self._bars = markup()
        self._seen = markup()
        super().__init__(
            [
                drop_area(
                    self.upload, "or drop them here: several are one batch, of 10 MB together at most."
                ),
                self._chosen,
                grid(
                    cell(self.address, "Instead of choosing: type it, and press Enter."),
                    cell(
                        self.labels,
                        "Optional: a file or URL, one name a line in the order of the classes; or imagenet.",
                    ),
                    cell(
                        self.preprocessing,
                        "auto: as the model's input looks. A function of yours: TestStep(preprocess=…).",
                    ),
                    cell(self.top),
                ),
                row(self.ask_button, self.upload_labels),
                self._bars,
                self._seen,
            ]
        )
        self.labels.observe(self._type_labels, "value")
        self.address.observe(self._type_address, "value")
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
        self._wait(busy=False)

    def give(self, *pictures: Any) -> None:
        """Choose pictures by code: paths, URLs, bytes, PIL images, numpy arrays; read in a thread."""

        def read(_: Any) -> list[tuple[str, Any]]:
            return [(_called(picture, at), open_picture(picture)) for at, picture in enumerate(pictures, 1)]

        self._step.run("Reading the pictures…", read, self.put)

    def put(self, pictures: Sequence[tuple[str, Any]]) -> None:
        """Choose pictures that are here: name and content of each; together they are one batch."""
        self._pictures = list(pictures)
        self._bars.value = self._seen.value = ""
        self._chosen.value = html.pictures([(name, preview(data)) for name, data in pictures])
        self._step.say(f"{counted(len(pictures), 'picture')} chosen.")
        self.enable(ready=self._ready)
        self._step.code.refresh()

    def _type_address(self, change: Any) -> None:
        if change["new"].strip():
            self.give(change["new"].strip())

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
        pictures = list(self._pictures)

        def ask(_: Any) -> tuple[list[list[Prediction]], float, html.Html]:
            began = time.monotonic()
            answer = service.classify(data, top=top, labels=labels, preprocessing=preprocessing)
            seconds = time.monotonic() - began
            return answer, seconds, view(service, pictures, preprocessing)

        self._step.run(
            f"{service.name} is looking…", ask, lambda answered: self._show(*answered), busy=self._wait
        )

    def _wait(self, busy: bool) -> None:
        self.ask_button.disabled = busy or not (self._ready and self._pictures)

    def _show(self, answer: list[list[Prediction]], seconds: float, seen: html.Html) -> None:
        self.answer = answer
        self._seen.value = seen
        self._chosen.value = ""
        self._bars.value = html.join(
            html.classified(name, preview(data), [(p.label, p.probability) for p in predictions])
            for (name, data), predictions in zip(self._pictures, answer, strict=False)
        )
        best = ", ".join(
            f"{predictions[0].label} ({predictions[0].probability:.0%})" for predictions in answer
        )
        self._step.say(f"Answered in {seconds:.1f} s: {best}.")

    @property
    def answered(self) -> bool:
        """Whether there is an answer."""
        return self.answer is not None

    def load(self) -> dict[str, Any]:
        """What a load test of this form sends: the pictures chosen, or zeros."""
        if not self._pictures:
            return {}
        return {"images": [data for _, data in self._pictures], "preprocessing": self.preprocessing.value}

    def renderings(self, called: Called) -> Mapping[str, Rendering]:
        """Python of this package, and the bare request where no function of the notebook prepares the pictures."""

        def render(style: Style, url: str) -> str:
            return classification_code(
                style,
                name=called.name,
                url=url,
                picture=self.names or "picture.jpeg",
                top=self.top.value,
                labels=self.labels_name or None,
                preprocessing=self.preprocessing.value,
                token=called.token,
            )

        texts: dict[str, Rendering] = {"Python": render(Style.PYTHON, "")}
        if isinstance(self.preprocessing.value, str):
            texts["curl"] = lambda: render(Style.CURL, called.url())
        return texts


def _called(picture: Any, number: int) -> str:
    """A name for a picture: its path or URL, or its number."""
    return str(picture) if isinstance(picture, (str, PurePath)) else f"picture {number}"
