"""`odh-oci search TEXT`: models of the hub."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from odh_oci_widgets.cli.adding import add_command
from odh_oci_widgets.cli.numbers import human_count, positive
from odh_oci_widgets.cli.output import Output
from odh_oci_widgets.cli.secret_input import add_token_options, hub_token

_EXAMPLES = """\
  odh-oci search granite 2b instruct
  odh-oci search --task image-classification --library onnx --limit 5
  odh-oci search llama --license apache-2.0 --max-parameters 8e9 --json
"""


def add(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = add_command(
        commands, everywhere, "search", run, help="find models of Hugging Face", examples=_EXAMPLES
    )
    parser.add_argument("text", metavar="TEXT", nargs="*", help="words of the name")
    parser.add_argument("--task", metavar="T", help="for example text-generation")
    parser.add_argument("--library", metavar="L", help="for example transformers or onnx")
    parser.add_argument("--author", metavar="NAME", help="owner of the model, for example ibm-granite")
    parser.add_argument("--license", metavar="L", help="for example apache-2.0")
    parser.add_argument("--max-parameters", type=float, metavar="N", help="at most that many: 8e9")
    parser.add_argument(
        "--limit", type=positive, default=20, metavar="N", help="models to show (default: %(default)s)"
    )
    add_token_options(parser)


def run(options: argparse.Namespace, output: Output) -> None:
    """Show the models, most downloaded first."""
    from odh_oci_widgets.builders import human_bytes
    from odh_oci_widgets.models import search

    found = search(
        " ".join(options.text),
        task=options.task,
        library=options.library,
        author=options.author,
        license=options.license,
        max_parameters=options.max_parameters,
        limit=options.limit,
        token=hub_token(options),
    )
    models = [
        asdict(model)
        | {
            "reference": model.reference,
            "last_modified": model.last_modified and model.last_modified.isoformat(),
        }
        for model in found
    ]
    output.document({"models": models})
    if not found and not output.json:
        output.note("No model was found. Use fewer words or fewer filters.")
        return
    output.table(
        ("MODEL", "PARAMETERS", "WEIGHTS", "LICENCE", "ACCESS", "DOWNLOADS", "CHANGED"),
        [
            (
                model.reference,
                human_count(model.parameters) if model.parameters else "-",
                human_bytes(model.size) if model.size else "-",
                model.license or "-",
                "private" if model.private else "gated" if model.gated else "open",
                f"{model.downloads:,}",
                f"{model.last_modified:%Y-%m-%d}" if model.last_modified else "-",
            )
            for model in found
        ],
    )
