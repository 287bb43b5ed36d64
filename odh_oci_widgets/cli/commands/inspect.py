"""`odh-oci inspect MODEL`: what a model is and which files would go into its image."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from odh_oci_widgets.cli.adding import add_command
from odh_oci_widgets.cli.output import Output
from odh_oci_widgets.cli.secret_input import hub_token

_EXAMPLES = """\
  odh-oci inspect hf://ibm-granite/granite-3.0-2b-instruct
  odh-oci inspect hf://owner/name@v1.0 --include '*.safetensors' --include '*.json'
  odh-oci inspect https://example.com/mobilenet.onnx
  odh-oci inspect ./my-model --json
"""


def add(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = add_command(
        commands, everywhere, "inspect", run, help="show what a model is, and its files", examples=_EXAMPLES
    )
    add_model_options(parser)


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
    parser.add_argument(
        "--token-stdin",
        action="store_true",
        help="read the Hugging Face token from standard input (default: $HF_TOKEN, or what `hf auth login` wrote)",
    )


def run(options: argparse.Namespace, output: Output) -> None:
    """Show the model."""
    from odh_oci_widgets.builders import human_bytes
    from odh_oci_widgets.models import open_model

    model = open_model(
        options.model, token=hub_token(options), include=options.include, exclude=options.exclude
    )
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
        }
    )
    output.say(f"{model.name}: {model.format}, {human_bytes(model.size)}, {len(model.files)} files")
    for word, value in (("revision", model.revision), ("licence", model.license), ("see", model.homepage)):
        if value:
            output.say(f"{word:<9}{value}")
    output.say(f"{'layout':<9}{'/models/1/' if model.versioned else '/models/'} in the image")
    output.say()
    output.table(("SIZE", "FILE"), [(human_bytes(file.size), file.path) for file in model.files])
    if model.left_out:
        output.say("\nLeft out (bring one in with --include):")
        output.table(
            ("SIZE", "FILE", "WHY"),
            [(human_bytes(file.size), file.path, why) for file, why in model.left_out],
        )
