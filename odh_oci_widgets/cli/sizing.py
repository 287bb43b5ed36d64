"""What a model needs to run, in words and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from odh_oci_widgets.oci.errors import OdhOciError

if TYPE_CHECKING:
    from odh_oci_widgets.models import CpuNeeds, Estimate, Facts, GpuFit


class GpuUnknown(OdhOciError):
    """No card of that name is known."""

    cure = "Name it as NVIDIA does (`T4`, `L4`, `A100-80GB`), or give its memory."


@dataclass(frozen=True, kw_only=True)
class Sizing:
    """GPU memory for vLLM, with whether it fits on a card where one was named; or CPU and memory for the others."""

    gpu: Estimate | None = None
    fit: GpuFit | None = None
    cpu: CpuNeeds | None = None

    def to_dict(self) -> dict[str, Any]:
        """For `--json`; sizes in bytes."""
        found: dict[str, Any] = {}
        if self.gpu:
            found["gpu"] = asdict(self.gpu) | {"size": self.gpu.size}
        if self.fit:
            found["fit"] = asdict(self.fit) | {"size": self.fit.estimate.size}
        if self.cpu:
            found["cpu"] = asdict(self.cpu)
        return found

    def words(self) -> dict[str, str | None]:
        """For people: the sum, and what follows from it."""
        words: dict[str, str | None] = {"GPU memory": str(self.gpu) if self.gpu else None}
        if self.fit:
            words["fits"] = f"{'yes' if self.fit.fits else 'no'}: {self.fit.why}"
            words["arguments"] = " ".join(self.fit.args)
        if self.cpu:
            words["CPU"] = f"{self.cpu.cpu_request} (limit {self.cpu.cpu_limit})"
            words["memory"] = (
                f"{self.cpu.memory_request} (limit {self.cpu.memory_limit}): {self.cpu.estimate}"
            )
        return words


def size_up(
    facts: Facts, *, gpu: str | None = None, context: int | None = None, concurrency: int = 1
) -> Sizing | None:
    """What the model needs; None where no runtime serves it. Raises GpuUnknown."""
    from odh_oci_widgets.models import GPUS, RuntimeKind, estimate_cpu, estimate_gpu, find_gpu, fit_gpu

    card = find_gpu(gpu) if gpu else None
    if gpu and card is None:
        raise GpuUnknown(
            f"`{gpu}` is no card that is known.", hint=f"Known are {', '.join(one.name for one in GPUS)}."
        )
    if facts.suggestion.kind is None:
        return None
    if facts.suggestion.kind != RuntimeKind.VLLM:
        return Sizing(cpu=estimate_cpu(facts))
    fit = None
    if card is not None:
        fit = fit_gpu(
            facts,
            card.memory,
            context=context,
            concurrency=concurrency,
            compute_capability=card.compute_capability,
        )
    return Sizing(gpu=estimate_gpu(facts, context=context, concurrency=concurrency), fit=fit)
