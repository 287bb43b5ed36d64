"""Arguments that vLLM needs for a model on a GPU: proposed, never against what the user wrote."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from odh_oci_widgets.models.gpus import card_of, find_gpu
from odh_oci_widgets.models.sizing import BFLOAT16_CAPABILITY, fit_gpu

from .runtimes import Runtime
from .spec import ServiceSpec

if TYPE_CHECKING:
    from odh_oci_widgets.cluster.hardware import HardwareProfile
    from odh_oci_widgets.models.facts import Facts

_CONTEXT = "--max-model-len"


def with_proposals(
    spec: ServiceSpec,
    runtime: Runtime,
    *,
    facts: Facts | None = None,
    gpu_name: str | None = None,
    profile: HardwareProfile | None = None,
) -> tuple[ServiceSpec, list[str]]:
    """The spec with the arguments that make the model run on its GPU, and a sentence for each.

    `--dtype=half` where the GPU is older than compute capability 8.0, `--max-model-len` where the model's own
    context does not fit. Which GPU it is, `gpu_name` says, else the profile (`card_of`); edit users may not
    list nodes. Nothing where that is not known, or the runtime is not vLLM.
    """
    if not spec.gpu or not runtime.generative:
        return spec, []
    name, memory, capability = _card(gpu_name, profile)
    if not name:
        return spec, []
    proposed: dict[str, str] = {}
    notes = []
    if capability is not None and capability < BFLOAT16_CAPABILITY:
        proposed["--dtype=half"] = (
            f"a {name} has compute capability {capability}, and bfloat16 needs {BFLOAT16_CAPABILITY}."
        )
    if facts is not None and memory and facts.weight_bytes:
        fit = fit_gpu(facts, memory, gpus=spec.gpu, context=_asked(spec.args))
        proposed |= dict.fromkeys(fit.args, fit.why)
        if not fit.fits:
            notes.append(f"{fit.why} It needs {fit.estimate}.")
    given = {arg.partition("=")[0] for arg in spec.args}
    new = {arg: why for arg, why in proposed.items() if arg.partition("=")[0] not in given}
    notes += [f"`{arg}`: {why}" for arg, why in new.items()]
    return replace(spec, args=(*spec.args, *new)), notes


def _card(gpu_name: str | None, profile: HardwareProfile | None) -> tuple[str, int | None, float | None]:
    """Name, bytes of memory, compute capability of one card."""
    if gpu_name is None and profile is not None:
        card = card_of(profile)
        return (card.product, card.memory, card.compute_capability) if card else ("", None, None)
    known = find_gpu(gpu_name) if gpu_name else None
    return (known.name, known.memory, known.compute_capability) if known else ("", None, None)


def _asked(args: Iterable[str]) -> int | None:
    """The context length that the user wrote."""
    words = list(args)
    for place, arg in enumerate(words):
        flag, _, value = arg.partition("=")
        if flag == _CONTEXT:
            value = value or (words[place + 1] if place + 1 < len(words) else "")
            return int(value) if value.isdigit() and int(value) else None
    return None
