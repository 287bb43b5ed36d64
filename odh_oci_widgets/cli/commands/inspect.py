"""`odh-oci inspect MODEL`: what a model is, what it needs to run, and which files would go into its image."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from odh_oci_widgets.cli.adding import add_command
from odh_oci_widgets.cli.numbers import human_count, positive
from odh_oci_widgets.cli.output import Output
from odh_oci_widgets.cli.secret_input import add_token_options, hub_token
from odh_oci_widgets.cli.sizing import Sizing, size_up

if TYPE_CHECKING:
    from odh_oci_widgets.models import Facts, Model

_EXAMPLES = """\
  odh-oci inspect hf://ibm-granite/granite-3.0-2b-instruct
  odh-oci inspect hf://ibm-granite/granite-3.0-2b-instruct --gpu T4 --context 2048 --concurrency 8
  odh-oci inspect hf://owner/name@v1.0 --include '*.safetensors' --include '*.json'
  odh-oci inspect https://example.com/mobilenet.onnx
  odh-oci inspect ./my-model --json
"""


def add(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        everywhere,
        "inspect",
        run,
        help="show what a model is, what it needs to run, and its files",
        examples=_EXAMPLES,
    )
    add_model_options(parser)
    group = parser.add_argument_group("what it needs")
    group.add_argument(
        "--gpu", metavar="NAME", help="a card, for example T4, L4, A100-80GB: does it fit there?"
    )
    group.add_argument(
        "--context", type=positive, metavar="N", help="longest request in tokens (default: the model's own)"
    )
    group.add_argument(
        "--concurrency",
        type=positive,
        default=1,
        metavar="N",
        help="requests at a time (default: %(default)s)",
    )


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """MODEL and which of its files."""
    parser.add_argument(
        "model", metavar="MODEL", help="hf://owner/name[@revision], https://…/file, a folder or a file"
    )
    parser.add_argument(
        "--include", action="append", default=[], metavar="GLOB", help="only files like this (repeatable)"
    )
    parser.add_argument(
        "--exclude", action="append", default=[], metavar="GLOB", help="no files like this (repeatable)"
    )
    add_token_options(parser)


def run(options: argparse.Namespace, output: Output) -> None:
    """Show the model."""
    from odh_oci_widgets.models import open_model, understand

    token = hub_token(options)
    model = open_model(options.model, token=token, include=options.include, exclude=options.exclude)
    facts = understand(model, token=token)
    sizing = size_up(facts, gpu=options.gpu, context=options.context, concurrency=options.concurrency)
    output.document(
        {
            "reference": model.reference,
            "name": model.name,
            "format": str(model.format),
            "revision": model.revision,
            "license": model.license,
            "homepage": model.homepage,
            "size": model.size,
            "versioned": model.versioned,
            "files": [asdict(file) for file in model.files],
            "left_out": [{"path": file.path, "size": file.size, "why": why} for file, why in model.left_out],
            "facts": asdict(facts),
            "sizing": sizing.to_dict() if sizing else None,
        }
    )
    _tell(model, facts, sizing, output)


def _tell(model: Model, facts: Facts, sizing: Sizing | None, output: Output) -> None:
    from odh_oci_widgets.builders import human_bytes

    files = f"{len(model.files)} file{'s' if len(model.files) != 1 else ''}"
    output.say(f"{model.name}: {model.format}, {human_bytes(model.size)}, {files}")
    words = {"revision": model.revision, "licence": model.license, "see": model.homepage}
    words["layout"] = f"{'/models/1/' if model.versioned else '/models/'} in the image"
    words |= _facts(facts)
    if sizing:
        words |= sizing.words()
    for word, value in words.items():
        if value:
            output.say(f"{word:<13}{value}")
    for warning in facts.warnings:
        output.say(f"{'warning':<13}{warning}")
    output.say()
    output.table(("SIZE", "FILE"), [(human_bytes(file.size), file.path) for file in model.files])
    if model.left_out:
        output.say("\nLeft out (bring one in with --include):")
        output.table(
            ("SIZE", "FILE", "WHY"),
            [(human_bytes(file.size), file.path, why) for file, why in model.left_out],
        )


def _facts(facts: Facts) -> dict[str, str | None]:
    config = facts.config
    counts = (f"{human_count(count)} in {dtype}" for dtype, count in facts.parameters.items())
    tensors = {
        name: "; ".join(f"{t.name} {t.datatype} {list(t.shape)}" for t in found)
        for name, found in (("inputs", facts.inputs), ("outputs", facts.outputs))
    }
    templates = {True: "yes", False: "no: completions only", None: None}
    return {
        "architecture": config.architecture,
        "parameters": ", ".join(counts),
        "context": f"{config.context_length:,} tokens" if config.context_length else None,
        "quantised": config.quantization,
        "chat": templates[facts.chat_template] if facts.generative else None,
        **tensors,
        "runtime": f"{facts.suggestion.kind or 'none'}: {facts.suggestion.why}",
    }
