"""Cards that clusters have: memory and compute capability, for an estimate where nodes cannot be listed."""

from __future__ import annotations

from dataclasses import dataclass

GIB = 2**30


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """A card: the name people use, bytes of memory, CUDA compute capability."""

    name: str
    memory: int
    compute_capability: float


#: Makers' data sheets; what CUDA offers is a little less, which the estimate's share of the card covers.
GPUS = tuple(
    Gpu(name=name, memory=gib * GIB, compute_capability=capability)
    for name, gib, capability in (
        ("T4", 16, 7.5), ("V100", 16, 7.0), ("A2", 16, 8.6), ("A10", 24, 8.6), ("A10G", 24, 8.6), ("A16", 16, 8.6),
        ("A30", 24, 8.0), ("A40", 48, 8.6), ("A100-40GB", 40, 8.0), ("A100-80GB", 80, 8.0), ("L4", 24, 8.9),
        ("L40", 48, 8.9), ("L40S", 48, 8.9), ("H100", 80, 9.0), ("H200", 141, 9.0), ("B200", 180, 10.0),
    )
)  # fmt: skip


def find_gpu(text: str) -> Gpu | None:
    """The card that a hardware profile, a node label or a person means; None if it is none of `GPUS`.

    >>> find_gpu("NVIDIA-A100-SXM4-80GB").name
    'A100-80GB'
    >>> find_gpu("Small: one Tesla T4").memory // GIB
    16
    """
    words = "".join(char if char.isalnum() else " " for char in text.upper()).split()
    # The longest name first: `A100` alone does not say how much memory, and the smaller one is assumed.
    named = [gpu for gpu in GPUS if set(gpu.name.upper().split("-")) <= set(words)]
    if named:
        return max(named, key=lambda gpu: len(gpu.name))
    return next((gpu for gpu in GPUS if gpu.name.upper().split("-")[0] in words), None)
