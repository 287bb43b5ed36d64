"""What labels and resource names tell of a GPU: those of a node, or those that a hardware profile asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_GB = re.compile(r"mig-\d+g\.(\d+)gb", re.IGNORECASE)
_VRAM = re.compile(r"(\d+)G")


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """One kind of GPU, or a slice of one. None: not told."""

    product: str
    compute_capability: float | None = None
    #: bytes of one card
    memory: int | None = None


def gpu_of(labels: Mapping[str, str], resources: Iterable[str] = ()) -> Gpu | None:
    """The GPU that labels of a node (NVIDIA's and AMD's feature discovery) or names of resources speak of.

    Labels are those of a node, or the node selector of a hardware profile; a slice (`nvidia.com/mig-3g.40gb`) has its
    memory in its name. None when nothing speaks of one.

    >>> gpu_of({"nvidia.com/gpu.product": "Tesla-T4", "nvidia.com/gpu.memory": "15360"}).memory >> 30
    15
    >>> gpu_of({}, ["nvidia.com/mig-1g.5gb"]).product
    'mig-1g.5gb'
    """
    slices = [name.rpartition("/")[2] for name in resources if _GB.search(name)]
    product = labels.get("nvidia.com/gpu.product") or labels.get("amd.com/gpu.product-name") or ""
    major, minor = labels.get("nvidia.com/gpu.compute.major"), labels.get("nvidia.com/gpu.compute.minor", "0")
    mebibytes, vram = labels.get("nvidia.com/gpu.memory", ""), labels.get("amd.com/gpu.vram", "")
    product = product or (slices[0] if slices else "")
    if not product and major is None and not mebibytes and not vram:
        return None
    memory = None
    if found := _GB.search(slices[0] if slices else product):
        memory = int(found[1]) << 30
    elif mebibytes.isdigit():
        memory = int(mebibytes) << 20
    elif found := _VRAM.fullmatch(vram):
        memory = int(found[1]) << 30
    known = major is not None and major.isdigit() and minor.isdigit()
    return Gpu(
        product=product, compute_capability=float(f"{major}.{minor}") if known else None, memory=memory
    )
