"""What a GPU can do, from the labels that NVIDIA's feature discovery puts on nodes and that profiles select by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_GIB = 1 << 30

#: Product (as in `nvidia.com/gpu.product`, from its beginning) -> compute capability, memory in GiB
#: (https://developer.nvidia.com/cuda-gpus). The longer name comes first.
_PRODUCTS: tuple[tuple[str, float, int], ...] = (
    ("Tesla-T4", 7.5, 16),
    ("Tesla-V100-SXM2-32GB", 7.0, 32),
    ("Tesla-V100-SXM3-32GB", 7.0, 32),
    ("Tesla-V100-PCIE-32GB", 7.0, 32),
    ("Tesla-V100", 7.0, 16),
    ("Tesla-P100", 6.0, 16),
    ("NVIDIA-A100-SXM4-80GB", 8.0, 80),
    ("NVIDIA-A100-80GB", 8.0, 80),
    ("NVIDIA-A100", 8.0, 40),
    ("NVIDIA-A30", 8.0, 24),
    ("NVIDIA-A10", 8.6, 24),
    ("NVIDIA-L40", 8.9, 48),
    ("NVIDIA-L4", 8.9, 24),
    ("NVIDIA-H100", 9.0, 80),
    ("NVIDIA-H200", 9.0, 141),
    ("NVIDIA-B200", 10.0, 180),
)


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """One kind of GPU. None: not known."""

    product: str
    compute_capability: float | None = None
    #: bytes of one card
    memory: int | None = None


def gpu_of(labels: Mapping[str, str]) -> Gpu | None:
    """The GPU that labels of a node, or the node selector of a hardware profile, speak of; None when they do not.

    >>> gpu_of({"nvidia.com/gpu.product": "Tesla-T4"}).compute_capability
    7.5
    """
    product = labels.get("nvidia.com/gpu.product", "")
    major, minor = labels.get("nvidia.com/gpu.compute.major"), labels.get("nvidia.com/gpu.compute.minor", "0")
    mebibytes = labels.get("nvidia.com/gpu.memory")
    if not product and major is None:
        return None
    known = next((one for one in _PRODUCTS if product.startswith(one[0])), None)
    return Gpu(
        product=product,
        compute_capability=float(f"{major}.{minor}") if major else known[1] if known else None,
        memory=int(mebibytes) << 20 if mebibytes else known[2] * _GIB if known else None,
    )
