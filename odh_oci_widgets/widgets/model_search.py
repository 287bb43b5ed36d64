"""Search Hugging Face while the user types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from odh_oci_widgets.builders import human_bytes
from odh_oci_widgets.models import ModelSummary, search
from odh_oci_widgets.oci.errors import OdhOciError

from .choices import Choice, ChoiceList
from .latest import PAUSE_SECONDS, Latest
from .parts import Disclosure, button, cell, field, grid, row
from .words import compact, counted

#: Results at once; "Show more" adds as many.
PAGE = 8
_TASKS = (
    ("Any task", ""),
    ("Text generation", "text-generation"),
    ("Text and pictures to text", "image-text-to-text"),
    ("Image classification", "image-classification"),
    ("Object detection", "object-detection"),
    ("Text classification", "text-classification"),
    ("Embeddings", "feature-extraction"),
    ("Speech recognition", "automatic-speech-recognition"),
)
#: By the names people have for them: a model of the 3B class has 2.5 to 3.5 billion parameters.
_SIZES = (
    ("Any size", None),
    ("1B models and smaller", 1.5e9),
    ("3B models and smaller", 3.5e9),
    ("8B models and smaller", 8.5e9),
    ("15B models and smaller", 15.5e9),
    ("35B models and smaller", 35.5e9),
    ("75B models and smaller", 75.5e9),
)
_LIBRARIES = ("transformers", "onnx", "openvino", "sentence-transformers", "gguf")
_LICENSES = ("apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0", "llama3.1", "gemma")


class HubSearch(widgets.VBox):
    """A search field with filters and a list of results; `picked` is told the model that was clicked.

    `say(sentence, busy=…)` and `failed(error)` show what goes on; `token()` gives the hub's token, if one was typed.
    """

    def __init__(
        self,
        picked: Callable[[ModelSummary], Any],
        *,
        say: Callable[..., Any],
        failed: Callable[[OdhOciError], Any],
        token: Callable[[], str | None],
    ) -> None:
        self._picked = picked
        self._say = say
        self._failed = failed
        self._token = token
        self._limit = PAGE
        self._found: list[ModelSummary] = []
        self._chosen = ""
        self._latest: Latest[list[ModelSummary]] = Latest()
        self.text = field(
            widgets.Text, "Search Hugging Face", placeholder="Type a few words, e.g. granite instruct"
        )
        self.task = field(widgets.Dropdown, "Task", options=_TASKS)
        self.library = field(
            widgets.Combobox, "Library", options=_LIBRARIES, placeholder="any", ensure_option=False
        )
        self.author = field(widgets.Text, "Author", placeholder="any, e.g. ibm-granite")
        self.license = field(
            widgets.Combobox, "Licence", options=_LICENSES, placeholder="any", ensure_option=False
        )
        self.largest = field(widgets.Dropdown, "Size", options=_SIZES)
        self.results = ChoiceList(self._pick)
        self.more = button("Show more", self._show_more)
        self.again = button("Back to the results", self._unfold)
        self._foot = row(self.more)
        self._again = row(self.again)
        fields = grid(
            cell(self.task), cell(self.library), cell(self.author), cell(self.license), cell(self.largest)
        )
        fields.add_class("odh-oci-filters")
        self._filters = Disclosure("filters", fields)
        super().__init__([self.text, self._filters, self.results, self._foot, self._again])
        self._unfold()
        for widget in (self.text, self.task, self.library, self.author, self.license, self.largest):
            widget.observe(lambda _: self._typed(), "value")

    def _typed(self) -> None:
        self._limit = PAGE
        self.start(after=PAUSE_SECONDS)

    def start(self, *, after: float = 0.0) -> None:
        """Search for what the fields say."""
        wanted = {
            "task": self.task.value or None,
            "library": self.library.value.strip() or None,
            "author": self.author.value.strip() or None,
            "license": self.license.value.strip() or None,
            "max_parameters": self.largest.value,
        }
        text, limit = self.text.value.strip(), self._limit

        def look(_: Any) -> list[ModelSummary]:
            self._say("Searching…", busy=True)
            # One more than is shown tells whether there are more.
            return search(text, limit=limit + 1, token=self._token(), **wanted)

        self._latest.start(look, self._show, self._failed, after=after)

    def join(self, timeout: float | None = None) -> None:
        """Wait for the results."""
        self._latest.join(timeout)

    def stop(self) -> None:
        """Ignore a search that still runs: something was chosen."""
        self._latest.stop()

    def _show_more(self) -> None:
        self._limit += PAGE
        self.start()

    def _show(self, found: list[ModelSummary]) -> None:
        shown = found[: self._limit]
        self._found = shown
        self._draw()
        self._unfold()
        self._foot.layout.display = "" if len(found) > self._limit else "none"
        if shown:
            more = "the most downloaded first" + ("; there are more" if len(found) > self._limit else "")
            self._say(f"{counted(len(shown), 'model')}, {more}.")
        else:
            self._say("No model matches. Try fewer words, or take a filter away.")

    def _draw(self) -> None:
        self.results.show(
            [
                Choice(
                    name=found.name, facts=_facts(found), value=found, chosen=found.reference == self._chosen
                )
                for found in self._found
            ]
        )

    def _pick(self, found: ModelSummary) -> None:
        self.stop()
        self._chosen = found.reference
        self._draw()
        self._fold()
        if self._filters.shown:
            self._filters.toggle()
        self._picked(found)

    def _fold(self) -> None:
        self.results.layout.display = self._foot.layout.display = "none"
        self._again.layout.display = ""

    def _unfold(self) -> None:
        self.results.layout.display = ""
        self._foot.layout.display = "" if len(self._found) == self._limit else "none"
        self._again.layout.display = "none"


def _facts(found: ModelSummary) -> str:
    words = [
        f"{compact(found.parameters)} parameters" if found.parameters else "",
        human_bytes(found.size) if found.size else "",
        found.license or "no licence named",
        "gated" if found.gated else "private" if found.private else "open",
        (found.task or "").replace("-", " "),
        f"{compact(found.downloads)} downloads",
        f"changed {found.last_modified:%d %b %Y}" if found.last_modified else "",
    ]
    return " · ".join(word for word in words if word)
