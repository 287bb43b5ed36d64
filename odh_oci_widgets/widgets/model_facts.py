"""A model and what is known of it, as a card."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from odh_oci_widgets.builders import human_bytes
from odh_oci_widgets.models import Facts, Model, ModelFormat, Tensor

from . import html
from .words import compact, counted

_SERVERS = {"vllm": "vLLM", "ovms": "OpenVINO Model Server", "mlserver": "MLServer"}
#: Inputs and outputs shown of each; some graphs have dozens.
_TENSORS = 6


def card(model: Model, facts: Facts | None, note: str = "") -> html.Html:
    """The card. Without `facts` they are being read, or `note` says why there are none."""
    folder = "/models/1/" if model.versioned else "/models/"
    rows: dict[str, str] = {
        "Format": model.format.value,
        "Size": f"{human_bytes(model.size)} in {counted(len(model.files), 'file')}",
        "Revision": (model.revision or "")[:12],
        "Licence": model.license or "",
        "In the image": folder,
        "Its page": html.link(urlsplit(model.homepage).netloc, model.homepage) if model.homepage else "",
    }
    return html.element(
        "div",
        html.element("div", model.name, class_="odh-oci-card-title"),
        html.facts(rows | (_known(facts) if facts else {})),
        _runtime(facts) if facts else html.help_text(note or "Reading the heads of its files…"),
        *(html.warning(sentence) for sentence in (facts.warnings if facts else ())),
        class_="odh-oci-card",
    )


def _known(facts: Facts) -> dict[str, str]:
    config = facts.config
    counts = ", ".join(
        f"{compact(count)} in {dtype}"
        for dtype, count in sorted(facts.parameters.items(), key=lambda x: -x[1])
    )
    rows = {
        "Architecture": config.architecture or "",
        "Parameters": counts,
        "Context": f"{config.context_length:,} tokens" if config.context_length else "",
        "Quantisation": config.quantization
        or ("none" if facts.format is ModelFormat.HUGGINGFACE and facts.parameters else ""),
        "Chat template": {True: "yes", False: "no: completions only", None: ""}[facts.chat_template],
        "ONNX opset": _opsets(facts.opsets),
    }
    return rows | _tensors("Input", facts.inputs) | _tensors("Output", facts.outputs)


def _opsets(opsets: Mapping[str, int]) -> str:
    """The two that runtimes are asked for; exporters name a dozen domains of which a graph uses none."""
    names = {"": "ai.onnx", "ai.onnx": "ai.onnx", "ai.onnx.ml": "ai.onnx.ml"}
    return ", ".join(
        f"{names[domain]} {version}" for domain, version in sorted(opsets.items()) if domain in names
    )


def _tensors(kind: str, tensors: tuple[Tensor, ...]) -> dict[str, str]:
    shown = {
        f"{kind} {tensor.name}": f"{tensor.datatype} [{', '.join(_dimension(d) for d in tensor.shape)}]"
        for tensor in tensors[:_TENSORS]
    }
    more = len(tensors) - _TENSORS
    return shown | ({f"{kind}s": f"and {more} more"} if more > 0 else {})


def _dimension(size: int | str | None) -> str:
    return "any" if size is None else str(size)


def _runtime(facts: Facts) -> html.Html:
    suggestion = facts.suggestion
    name = _SERVERS[suggestion.kind.value] if suggestion.kind else "None of the platform's"
    return html.element(
        "div",
        html.element("span", "Serving runtime", class_="odh-oci-dim"),
        html.badge(name, "good" if suggestion.kind else "bad"),
        html.element("span", suggestion.why),
        class_="odh-oci-runtime",
    )
