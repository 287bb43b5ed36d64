"""Arrays or rows of a table in, raw outputs out: for models that are no classifiers of pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from odh_oci_widgets.inference import Style, read_arrays, tensor_code
from odh_oci_widgets.oci.errors import OdhOciError

from . import html, raw_view
from .job import Job
from .latency_plot import milliseconds
from .parts import Rendering, button, cell, field, markup, row, upload

if TYPE_CHECKING:
    from .step import Step
    from .test_step import Called


class TensorForm(widgets.VBox):
    """Numbers typed or from a file; the outputs below. `answer` is the last one, arrays by name."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self._ready = False
        self._described: Any = None
        self._file: tuple[str, Any] | None = None
        self.answer: dict[str, Any] | None = None
        self.rows = field(
            widgets.Textarea, "Rows", rows=4, placeholder="5.1, 3.5, 1.4, 0.2\n6.2, 2.9, 4.3, 1.3"
        )
        self.upload = upload("Arrays from a file", self._take, accept=".npy,.npz,.json,.csv")
        self.ask_button = button("Compute", self.ask, style="primary", disabled=True)
        self._takes = markup()
        self._chosen = markup()
        self._outputs = markup()
        super().__init__(
            [
                self._takes,
                cell(
                    self.rows,
                    "One row a line, values separated by commas; or JSON, for several inputs by name.",
                ),
                row(self.ask_button, self.upload, self._chosen),
                self._outputs,
            ]
        )
        self.rows.observe(self._typed, "value")

    def enable(self, *, ready: bool) -> None:
        """Whether there is a service to ask."""
        self._ready = ready
        self._wait(busy=False)

    def shown(self) -> None:
        """Say, once for a service, what the model takes."""
        service = self._step.flow.service
        if service is None or service is self._described:
            return
        self._described = service
        Job(
            lambda _: service.describe(),
            done=self._say_what_it_takes,
            failed=lambda error: self._say(str(error)),
            name="odh-oci-describe",
        )

    def put(self, arrays: Any, name: str = "arrays") -> None:
        """Choose by code: an array, a list of rows, a DataFrame, or arrays by the names of the inputs."""
        if hasattr(arrays, "to_numpy"):
            arrays = arrays.to_numpy()
        self._file = (name, arrays)
        self._chosen.value = html.element("span", f"{name} is sent.")
        self.enable(ready=self._ready)
        self._step.code.refresh()

    def _take(self, chosen: list[tuple[str, bytes]]) -> None:
        name, content = chosen[0]
        try:
            self.put(read_arrays(name, content), name)
        except OdhOciError as error:
            self._step.fail(error)

    def _typed(self, change: Any) -> None:
        if change["new"].strip():
            self._file = None
            self._chosen.value = ""
        self.enable(ready=self._ready)
        self._step.code.refresh()

    def _arrays(self) -> Any:
        if self._file is not None:
            return self._file[1]
        text = self.rows.value.strip()
        return read_arrays("rows.json" if text[:1] in {"[", "{"} else "rows.csv", text.encode())

    def ask(self) -> None:
        """Ask, in a thread."""
        service: Any = self._step.flow.service
        try:
            arrays = self._arrays()
        except OdhOciError as error:
            self._step.fail(error)
            return
        self._step.run(
            f"{service.name} is computing…", lambda _: service.infer(arrays), self._show, busy=self._wait
        )

    def _wait(self, busy: bool) -> None:
        asked = self._file is not None or self.rows.value.strip()
        self.ask_button.disabled = busy or not (self._ready and asked)

    def _show(self, answer: dict[str, Any]) -> None:
        self.answer = answer
        self._outputs.value = raw_view.outputs(answer)
        self._step.say(f"Answered in {milliseconds(self._step.flow.service.calls[-1].seconds)}.")

    def _say_what_it_takes(self, said: Any) -> None:
        takes = "; ".join(map(str, said.inputs)) or "the server does not say what"
        gives = "; ".join(map(str, said.outputs)) or "the server does not say what"
        self._say(f"The model takes {takes}. It gives {gives}. (-1: any number.)")

    def _say(self, sentence: str) -> None:
        self._takes.value = html.help_text(sentence)

    @property
    def answered(self) -> bool:
        """Whether there is an answer."""
        return self.answer is not None

    def load(self) -> dict[str, Any]:
        """What a load test of this form sends: what was given, or zeros."""
        return {"arrays": self._arrays()} if self._file is not None or self.rows.value.strip() else {}

    def renderings(self, called: Called) -> Mapping[str, Rendering]:
        """Python of this package, and the bare request for a body that a program wrote."""
        file = self._file[0] if self._file is not None else "rows.csv"
        return {
            "Python": tensor_code(Style.PYTHON, name=called.name, url="", file=file),
            "curl": lambda: tensor_code(
                Style.CURL, name=called.name, url=called.url(), file=file, token=called.token
            ),
        }
