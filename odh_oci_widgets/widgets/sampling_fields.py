"""How text is sampled, as fields: two that everybody wants, and three behind a button."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from odh_oci_widgets.inference import Sampling
from odh_oci_widgets.oci.errors import OdhOciError

from .parts import Disclosure, cell, field, grid


class SamplingFields(widgets.VBox):
    """Most tokens, temperature; top-p, stop and seed where somebody looks for them. `changed` is told of changes."""

    def __init__(self, changed: Callable[[], Any]) -> None:
        self.max_tokens = field(widgets.BoundedIntText, "Most tokens", value=200, min=1, max=100_000)
        self.temperature = field(
            widgets.BoundedFloatText, "Temperature", value=0.8, min=0.0, max=2.0, step=0.1
        )
        self.top_p = field(widgets.BoundedFloatText, "Top-p", value=1.0, min=0.01, max=1.0, step=0.05)
        self.seed = field(widgets.Text, "Seed", placeholder="a whole number")
        self.stop = field(widgets.Textarea, "Stop at", rows=2, placeholder="one text a line")
        for widget in (self.max_tokens, self.temperature, self.top_p, self.seed, self.stop):
            widget.observe(lambda _: changed(), "value")
        super().__init__(
            [
                grid(
                    cell(self.max_tokens, "Where the answer is cut."),
                    cell(self.temperature, "0: always the likeliest word; higher: more varied."),
                ),
                Disclosure(
                    "top-p, stop, seed",
                    grid(
                        cell(self.top_p, "Only the likeliest tokens, up to this share; 1: all."),
                        cell(self.seed, "The same seed gives the same text, mostly."),
                        cell(self.stop, r"The answer ends before any of them; \n is a new line."),
                    ),
                ),
            ]
        )

    def sampling(self) -> Sampling:
        """What the fields say. Raises OdhOciError for a seed that is no number."""
        seed = self.seed.value.strip()
        try:
            number = int(seed) if seed else None
        except ValueError:
            raise OdhOciError(
                f"The seed `{seed}` is no whole number.", hint="Write digits, or leave it empty."
            ) from None
        stop = [line.replace("\\n", "\n") for line in self.stop.value.splitlines() if line]
        return Sampling(
            max_tokens=self.max_tokens.value,
            temperature=self.temperature.value,
            top_p=self.top_p.value if self.top_p.value < 1 else None,
            stop=stop or None,
            seed=number,
        )
