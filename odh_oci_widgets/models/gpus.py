"""Cards that clusters have: memory and compute capability, for an estimate where nodes cannot be listed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from odh_oci_widgets.cluster import gpus as labelled

if TYPE_CHECKING:
    from odh_oci_widgets.cluster.hardware import HardwareProfile

GIB = 2**30


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """A card: the name people use, bytes of memory, CUDA compute capability.

    >>> from odh_oci_widgets import find_gpu
    >>> find_gpu("T4")
    Gpu(name='T4', memory=17179869184, compute_capability=7.5)
    """

    name: str
    memory: int
    compute_capability: float


#: Makers' data sheets; what CUDA offers is a little less, which the estimate's share of the card covers.
GPUS = tuple(
    Gpu(name=name, memory=gib * GIB, compute_capability=capability)
    for name, gib, capability in (
        ("P100", 16, 6.0), ("V100", 16, 7.0), ("V100-32GB", 32, 7.0), ("T4", 16, 7.5), ("A2", 16, 8.6),
        ("A10", 24, 8.6), ("A10G", 24, 8.6), ("A16", 16, 8.6),
        ("A30", 24, 8.0), ("A40", 48, 8.6), ("A100-40GB", 40, 8.0), ("A100-80GB", 80, 8.0), ("L4", 24, 8.9),
        ("L40", 48, 8.9), ("L40S", 48, 8.9), ("H100", 80, 9.0), ("H200", 141, 9.0), ("B200", 180, 10.0),
    )
)  # fmt: skip


#: Machine types by which node selectors name a card, too (https://aws.amazon.com/ec2/instance-types/).
_MACHINES = {
    "P3": "V100", "P3DN": "V100-32GB", "P4D": "A100-40GB", "P4DE": "A100-80GB", "P5": "H100", "P5E": "H200",
    "P5EN": "H200", "G4DN": "T4", "G5": "A10G", "G6": "L4", "G6E": "L40S",
}  # fmt: skip


def find_gpu(text: str) -> Gpu | None:
    """The card that a hardware profile, a node label or a person means; None if it is none of `GPUS`.

    >>> find_gpu("NVIDIA-A100-SXM4-80GB").name
    'A100-80GB'
    >>> find_gpu("Small: one Tesla T4").memory // GIB
    16
    >>> find_gpu("g5.2xlarge").name
    'A10G'
    """
    words = "".join(char if char.isalnum() else " " for char in text.upper()).split()
    if len(words) > 1 and words[1].endswith("XLARGE") and words[0] in _MACHINES:
        words = _MACHINES[words[0]].split("-")
    # The longest name first: `A100` alone does not say how much memory, and the smaller one is assumed.
    named = [gpu for gpu in GPUS if set(gpu.name.upper().split("-")) <= set(words)]
    if named:
        return max(named, key=lambda gpu: len(gpu.name))
    return next((gpu for gpu in GPUS if gpu.name.upper().split("-")[0] in words), None)


def card_of(profile: HardwareProfile) -> labelled.Gpu | None:
    """The card that a hardware profile gives: what its labels and resources tell, the rest from `GPUS` by its name.

    The name is looked for in its node selector, its tolerations and resources, then in its own title; None where
    nothing names a card that is known.

    >>> from odh_oci_widgets import connect
    >>> from odh_oci_widgets.cluster import list_profiles
    >>> from odh_oci_widgets.models import card_of
    >>> card_of(list_profiles(connect())[1])
    Gpu(product='Tesla-T4', compute_capability=7.5, memory=17179869184)
    """
    told = profile.gpu
    others = profile.accelerators and not any(name.startswith("nvidia.com/") for name in profile.accelerators)
    words = (told.product if told else "", *profile.card_words, profile.display_name, profile.name)
    # The table holds NVIDIA's cards: a word like `T4` in the title of another maker's is no card.
    known = None if others else next((found for word in words if (found := find_gpu(word))), None)
    if told is None:
        return (
            labelled.Gpu(product=known.name, memory=known.memory, compute_capability=known.compute_capability)
            if known
            else None
        )
    return labelled.Gpu(
        product=told.product or (known.name if known else profile.display_name),
        memory=told.memory or (known.memory if known else None),
        compute_capability=told.compute_capability or (known.compute_capability if known else None),
    )
