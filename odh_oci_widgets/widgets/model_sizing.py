"""What a model needs to run: a sum the user can follow, on the cards there are."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import ipywidgets as widgets

from odh_oci_widgets.cluster.hardware import HardwareProfile
from odh_oci_widgets.models import (
    GPUS,
    Estimate,
    Facts,
    RuntimeKind,
    card_of,
    estimate_cpu,
    estimate_gpu,
    fit_gpu,
    host_memory,
)
from odh_oci_widgets.models.sizing import DEFAULT_CONTEXT, GIB, UTILIZATION, gib

from . import html
from .flow import Flow
from .parts import cell, field, grid, markup

#: lets a model's own code run: the user decides that, no estimate
_DANGEROUS = frozenset({"--trust-remote-code"})


@dataclass(frozen=True, kw_only=True)
class Card:
    """A choice of hardware: a name, bytes of memory of one card, and how many a profile asks for.

    `profile` is the hardware profile that it stands for, `namespace/name`.
    """

    name: str
    memory: int
    compute_capability: float | None
    count: int = 1
    profile: str | None = None


def cards(profiles: Iterable[HardwareProfile] = ()) -> list[Card]:
    """The project's hardware profiles of which it is known how much memory their card has, then the known cards."""
    found = []
    for profile in profiles:
        gpu = card_of(profile)
        counts = [int(count) for count in profile.accelerators.values() if str(count).isdigit()]
        if gpu and gpu.memory and counts:
            size = f"{counts[0]} x {gpu.product}, {gpu.memory // GIB} GiB"
            found.append(
                Card(
                    name=f"{profile.display_name} ({size})",
                    memory=gpu.memory,
                    compute_capability=gpu.compute_capability,
                    count=max(counts[0], 1),
                    profile=f"{profile.namespace}/{profile.name}",
                )
            )
    known = sorted(GPUS, key=lambda gpu: (gpu.memory, gpu.name))
    return found + [
        Card(
            name=f"{gpu.name}, {gpu.memory // GIB} GiB",
            memory=gpu.memory,
            compute_capability=gpu.compute_capability,
        )
        for gpu in known
    ]


class Sizing(widgets.VBox):
    """The estimate for a model; the arguments that make it fit go to `flow.suggested_args`."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._facts: Facts | None = None
        self._filling = False
        self.context = field(
            widgets.BoundedIntText, "Longest request, tokens", value=DEFAULT_CONTEXT, min=1, max=10**8
        )
        self.concurrency = field(
            widgets.BoundedIntText, "Requests at the same time", value=1, min=1, max=10_000
        )
        self.card = field(widgets.Dropdown, "GPU")
        self.count = field(widgets.BoundedIntText, "How many", value=1, min=1, max=16)
        self._form = grid(cell(self.context), cell(self.concurrency), cell(self.card), cell(self.count))
        self._answer = markup()
        super().__init__([self._form, self._answer])
        self._offer()
        for widget in (self.context, self.concurrency, self.count):
            widget.observe(lambda _: self._changed(), "value")
        self.card.observe(self._take_card, "value")
        flow.observe(lambda _: self._offer(), "surroundings")

    def _offer(self) -> None:
        found = self._flow.surroundings
        profiles = found.access.features.hardware_profiles if found and found.access else ()
        options = (("Not decided yet", None), *((card.name, card) for card in cards(profiles)))
        before = self.card.value
        self._filling = True
        try:
            self.card.options = options
            self.card.value = before if before in [value for _, value in options] else None
        finally:
            self._filling = False

    def _take_card(self, change: Any) -> None:
        chosen: Card | None = change["new"]
        if self._filling:
            return
        self._filling = True
        try:
            self.count.value = chosen.count if chosen else 1
        finally:
            self._filling = False
        self._changed()

    def show(self, facts: Facts | None) -> None:
        """Estimate for another model; None: nothing is known."""
        self._facts = facts
        if facts is None:
            self._suggest()
            self._answer.value = ""
            self._form.layout.display = "none"
            return
        self._filling = True
        try:
            self.context.value = facts.config.context_length or DEFAULT_CONTEXT
        finally:
            self._filling = False
        self._changed()

    def _changed(self) -> None:
        if self._filling or self._facts is None:
            return
        on_gpu = self._facts.suggestion.kind is RuntimeKind.VLLM
        self._form.layout.display = "" if on_gpu else "none"
        if on_gpu:
            self._on_gpu(self._facts)
        else:
            self._suggest()
            self._answer.value = _on_cpu(self._facts)

    def _on_gpu(self, facts: Facts) -> None:
        chosen: Card | None = self.card.value
        own = tuple(arg for arg in facts.suggestion.args if arg not in _DANGEROUS)
        context, concurrency = self.context.value, self.concurrency.value
        if chosen is None:
            estimate = estimate_gpu(facts, context=context, concurrency=concurrency)
            self._suggest(own)
            self._answer.value = html.join(
                [_sum(estimate, None), html.help_text("Choose a card to see whether it fits, and how.")]
            )
            return
        fit = fit_gpu(
            facts,
            chosen.memory,
            gpus=self.count.value,
            context=context,
            concurrency=concurrency,
            compute_capability=chosen.compute_capability,
        )
        args = (*own, *fit.args) if fit.fits else ()
        self._answer.value = html.join(
            [
                _sum(fit.estimate, int(chosen.memory * UTILIZATION) * self.count.value),
                html.element(
                    "div",
                    html.badge("fits" if fit.fits else "does not fit", "good" if fit.fits else "bad"),
                    html.element("span", fit.why),
                    class_="odh-oci-runtime",
                ),
                _arguments(args) if args else html.EMPTY,
                html.help_text(f"Main memory of the server: about {gib(host_memory(facts))}."),
            ]
        )
        # A profile says itself how many cards it asks for.
        profile = chosen.profile if fit.fits and self.count.value == chosen.count else None
        self._suggest(args, 0 if profile or not fit.fits else fit.gpus, profile)

    def _suggest(self, args: tuple[str, ...] = (), gpus: int = 0, profile: str | None = None) -> None:
        self._flow.suggested_args = args
        self._flow.suggested_gpus = gpus
        self._flow.suggested_profile = profile


def _arguments(args: tuple[str, ...]) -> html.Html:
    return html.element(
        "div",
        html.element("span", "Arguments, filled into the Deploy step: "),
        html.element("code", shlex.join(args)),
    )


def _on_cpu(facts: Facts) -> html.Html:
    needs = estimate_cpu(facts)
    return html.join(
        [
            _sum(needs.estimate, None),
            html.facts(
                {
                    "CPU": f"{needs.cpu_request} requested, {needs.cpu_limit} at most",
                    "Memory": f"{needs.memory_request} requested, {needs.memory_limit} at most",
                }
            ),
        ]
    )


def _total(estimate: Estimate) -> tuple[str, str, str]:
    return (html.element("strong", "Sum"), "", html.element("strong", gib(estimate.size)))


def _sum(estimate: Estimate, usable: int | None) -> html.Html:
    """The parts as one bar and as a table. `usable`: bytes there are."""
    whole = max(estimate.size, usable or 0)
    bar = html.stack(
        "Memory",
        [(part.name, part.size / whole if whole else 0.0, gib(part.size)) for part in estimate.parts],
        f"{gib(estimate.size)} needed" + (f", {gib(usable)} usable" if usable else ""),
    )
    rows = [(part.name, part.why, gib(part.size)) for part in estimate.parts]
    table = html.table("Memory it needs", ("Part", "How it comes about", "Size"), [*rows, _total(estimate)])
    return html.join([bar, table])
