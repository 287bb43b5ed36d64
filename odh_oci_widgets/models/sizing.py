"""What a model needs to run: an estimate that shows its sum, and the arguments that make it fit."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from .facts import Facts
from .safetensors import BITS

GIB = 2**30
MIB = 2**20
#: CUDA context, activations and CUDA graphs of vLLM, on each card
OVERHEAD_BYTES = int(1.5 * GIB)
#: share of a card that vLLM takes (`--gpu-memory-utilization`): 0.92 now, 0.9 in older versions; the smaller is safe
UTILIZATION = 0.9
#: what an estimate assumes where a model does not say
DEFAULT_CONTEXT = 4096
#: bfloat16 needs this compute capability (A100, L4, …); a T4 has 7.5
BFLOAT16_CAPABILITY = 8.0
_FLOAT_BYTES = {"half": 2, "float16": 2, "bfloat16": 2, "float": 4, "float32": 4}


@dataclass(frozen=True, kw_only=True)
class Part:
    """A summand: what it is, bytes, and how they come about.

    >>> from odh_oci_widgets import estimate_gpu, open_model, understand
    >>> estimate = estimate_gpu(understand(open_model("hf://ibm-granite/granite-3.0-2b-instruct")))
    >>> for part in estimate.parts:
    ...     print(part.name, part.size)
    weights 5067063296
    KV cache 335544320
    overhead 1610612736
    """

    name: str
    size: int
    why: str


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A sum of parts.

    >>> print(Estimate(parts=(Part(name="weights", size=3 * GIB, why="stored"), Part(name="rest", size=GIB, why="?"))))
    weights 3.0 GiB (stored) + rest 1.0 GiB (?) = 4.0 GiB
    """

    parts: tuple[Part, ...]

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return sum(part.size for part in self.parts)

    def __str__(self) -> str:
        return (
            " + ".join(f"{part.name} {gib(part.size)} ({part.why})" for part in self.parts)
            + f" = {gib(self.size)}"
        )


@dataclass(frozen=True, kw_only=True)
class GpuFit:
    """Whether a model fits on the cards, with what arguments, in words.

    >>> from odh_oci_widgets import find_gpu, fit_gpu, open_model, understand
    >>> facts = understand(open_model("hf://ibm-granite/granite-3.0-2b-instruct"))
    >>> fit = fit_gpu(facts, find_gpu("T4").memory, compute_capability=7.5)
    >>> fit.fits, fit.args
    (True, ('--dtype=half',))
    """

    fits: bool
    #: cards to ask for
    gpus: int
    #: arguments for vLLM, `("--dtype=half", "--max-model-len=8192")`
    args: tuple[str, ...]
    context: int
    estimate: Estimate
    why: str


def gib(size: int) -> str:
    """Bytes for people: `4.7 GiB`, below half a GiB in MiB."""
    return f"{size / GIB:.1f} GiB" if size >= GIB // 2 else f"{ceil(size / MIB)} MiB"


def estimate_gpu(
    facts: Facts, *, context: int | None = None, concurrency: int = 1, dtype: str = "auto", gpus: int = 1
) -> Estimate:
    """GPU memory for a model on vLLM, of all `gpus` together: weights, KV cache, overhead.

    `context` is the longest request in tokens (default: the model's own context length), `concurrency` how many such
    requests shall fit at once, `dtype` vLLM's `--dtype`.

    >>> from odh_oci_widgets import estimate_gpu, open_model, understand
    >>> facts = understand(open_model("hf://ibm-granite/granite-3.0-2b-instruct"))
    >>> estimate = estimate_gpu(facts, context=2048)
    >>> f"{estimate.size / 2**30:.1f} GiB"
    '6.4 GiB'
    """
    parts = [_weights(facts, dtype)]
    cache = facts.config.kv_cache
    if cache and facts.generative:
        tokens = context or facts.config.context_length or DEFAULT_CONTEXT
        width = _width(dtype)
        layers = f"{cache.layers} layers x {tokens} tokens"
        if cache.window_layers:
            windowed = f"{cache.window_layers} layers x {min(tokens, cache.window)} tokens"
            layers = f"({layers} + {windowed})" if cache.layers else windowed
        why = f"{cache.formula} x {width} bytes x {layers} x {concurrency} request{'s' if concurrency > 1 else ''}"
        parts.append(Part(name="KV cache", size=cache.values_for(tokens) * width * concurrency, why=why))
    elif facts.generative:
        parts.append(Part(name="KV cache", size=0, why="comes on top: config.json does not tell its shape"))
    many = f", {gpus} cards" if gpus > 1 else ""
    parts.append(
        Part(name="overhead", size=OVERHEAD_BYTES * gpus, why=f"CUDA, activations and graphs of vLLM{many}")
    )
    return Estimate(parts=tuple(parts))


def fit_gpu(
    facts: Facts,
    memory: int,
    *,
    gpus: int = 1,
    context: int | None = None,
    concurrency: int = 1,
    compute_capability: float | None = None,
) -> GpuFit:
    """Whether the model fits on `gpus` cards of `memory` bytes each, and the arguments with which it does.

    Tried in this order: as it is; a shorter `--max-model-len`; more cards. `compute_capability` below 8.0 means
    `--dtype=half` for a bfloat16 model.

    >>> from odh_oci_widgets import find_gpu, fit_gpu, open_model, understand
    >>> facts = understand(open_model("hf://ibm-granite/granite-3.0-2b-instruct"))
    >>> fit = fit_gpu(facts, find_gpu("L4").memory)
    >>> fit.fits, fit.context
    (True, 4096)
    >>> print(fit.why)
    It fits in the 21.6 GiB that vLLM uses of 24.0 GiB.
    """
    args = _dtype_args(facts, compute_capability)
    wanted = context or facts.config.context_length or DEFAULT_CONTEXT
    usable = int(memory * UTILIZATION) * gpus
    if gpus > 1:
        args = (*args, f"--tensor-parallel-size={gpus}")
    estimate = estimate_gpu(facts, context=wanted, concurrency=concurrency, gpus=gpus)
    share = f"{gib(usable)} that vLLM uses of {f'{gpus} cards with ' if gpus > 1 else ''}{gib(memory)}"
    if estimate.size <= usable:
        if context and context != facts.config.context_length:
            args = (*args, f"--max-model-len={context}")
        return GpuFit(
            fits=True, gpus=gpus, args=args, context=wanted, estimate=estimate, why=f"It fits in the {share}."
        )
    shorter = _longest_context(facts, usable, wanted, concurrency, gpus)
    if shorter:
        return GpuFit(
            fits=True,
            gpus=gpus,
            args=(*args, f"--max-model-len={shorter}"),
            context=shorter,
            estimate=estimate_gpu(facts, context=shorter, concurrency=concurrency, gpus=gpus),
            why=f"With {wanted} tokens it does not fit in the {share}; with {shorter} it does.",
        )
    more = _cards(facts, memory, concurrency)
    remedy = (
        f"{more} such cards hold it (--tensor-parallel-size={more})"
        if more
        else "No number of such cards holds it"
    )
    return GpuFit(
        fits=False,
        gpus=more or gpus,
        args=args,
        context=wanted,
        estimate=estimate,
        why=f"It does not fit in the {share}. {remedy}; or choose a quantised or smaller model.",
    )


def _weights(facts: Facts, dtype: str) -> Part:
    if not facts.parameters:
        return Part(name="weights", size=facts.weight_bytes, why="as they are stored")
    size, words = 0, []
    for name, count in sorted(facts.parameters.items(), key=lambda item: -item[1]):
        if name in {"F32", "F16", "BF16"} and not facts.config.quantization:
            width = _width(dtype)
            size += count * width
            cast = f", cast from {name}" if width * 8 != BITS[name] else ""
            words.append(f"{count / 1e9:.2f} billion x {width} bytes{cast}")
        else:
            stored = count * BITS.get(name, 32) // 8
            size += stored
            words.append(f"{gib(stored)} of {name}")
    return Part(name="weights", size=size, why=" + ".join(words))


def _width(dtype: str) -> int:
    """Bytes of a floating point number on the card: vLLM's `auto` casts float32 down."""
    return _FLOAT_BYTES.get(dtype, 2)


def _dtype_args(facts: Facts, compute_capability: float | None) -> tuple[str, ...]:
    old = compute_capability is not None and compute_capability < BFLOAT16_CAPABILITY
    brain = facts.config.dtype == "bfloat16" or "BF16" in facts.parameters
    return ("--dtype=half",) if old and brain else ()


def _longest_context(facts: Facts, usable: int, wanted: int, concurrency: int, gpus: int) -> int | None:
    """The longest context below `wanted` that fits, a multiple of 1024; None if not even 1024 does."""
    low, high = 0, wanted // 1024
    while low < high:
        middle = (low + high + 1) // 2
        estimate = estimate_gpu(facts, context=middle * 1024, concurrency=concurrency, gpus=gpus)
        low, high = (middle, high) if estimate.size <= usable else (low, middle - 1)
    return low * 1024 or None


def _cards(facts: Facts, memory: int, concurrency: int) -> int | None:
    """The fewest of 2, 4, 8 cards that hold weights and 4096 tokens, and divide the attention heads."""
    heads = facts.config.attention_heads or 0
    for gpus in (2, 4, 8):
        size = estimate_gpu(facts, context=DEFAULT_CONTEXT, concurrency=concurrency, gpus=gpus).size
        if heads % gpus == 0 and size <= int(memory * UTILIZATION) * gpus:
            return gpus
    return None


@dataclass(frozen=True, kw_only=True)
class CpuNeeds:
    """Requests and limits for a container, as Kubernetes writes them.

    >>> from odh_oci_widgets import estimate_cpu, open_model, understand
    >>> needs = estimate_cpu(understand(open_model("iris.onnx")))
    >>> needs.cpu_request, needs.memory_limit
    ('250m', '1Gi')
    """

    cpu_request: str
    cpu_limit: str
    memory_request: str
    memory_limit: str
    estimate: Estimate


def estimate_cpu(facts: Facts) -> CpuNeeds:
    """CPU and memory for OpenVINO Model Server or MLServer.

    The server holds the weights twice while it compiles the model (file and compiled form); the limit leaves room
    for a batch of large pictures.

    >>> from odh_oci_widgets import Facts, ModelFormat, estimate_cpu
    >>> estimate_cpu(Facts(format=ModelFormat.ONNX, weight_bytes=14_246_826)).memory_limit
    '1Gi'
    """
    weights = Part(
        name="weights", size=2 * facts.weight_bytes, why=f"2 x {gib(facts.weight_bytes)}, file and compiled"
    )
    estimate = Estimate(parts=(weights, Part(name="server", size=384 * MIB, why="the server itself")))
    request = _rounded(estimate.size)
    large = facts.weight_bytes > GIB
    return CpuNeeds(
        cpu_request="1" if large else "250m",
        cpu_limit="4" if large else "2",
        memory_request=_quantity(request),
        memory_limit=_quantity(_rounded(2 * request)),
        estimate=estimate,
    )


def host_memory(facts: Facts) -> int:
    """Bytes of main memory for a vLLM container: about the weights, which pass through it, and 4 GiB.

    >>> from odh_oci_widgets import open_model, understand
    >>> from odh_oci_widgets.models import host_memory
    >>> host_memory(understand(open_model("hf://ibm-granite/granite-3.0-2b-instruct"))) // 2**30
    9
    """
    return _rounded(facts.weight_bytes + 4 * GIB)


def _rounded(size: int) -> int:
    """Up to a whole 256 MiB, above 8 GiB to a whole GiB."""
    step = GIB if size > 8 * GIB else 256 * MIB
    return ceil(size / step) * step


def _quantity(size: int) -> str:
    return f"{size // GIB}Gi" if size % GIB == 0 else f"{size // MIB}Mi"
