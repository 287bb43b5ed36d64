"""`odh-oci complete NAME PROMPT` and `odh-oci classify NAME PICTURE`: call a model."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from odh_oci_widgets.cli.adding import add_command, add_service_options, chosen_project
from odh_oci_widgets.cli.output import Output

_COMPLETE_EXAMPLES = """\
  odh-oci complete granite "The capital of France is"
  odh-oci complete granite "Write a haiku about tar files." --max-tokens 60 --json
"""
_CLASSIFY_EXAMPLES = """\
  odh-oci classify mobilenet pelican.jpeg
  odh-oci classify mobilenet pelican.jpeg --labels imagenet.txt --top 3 --json
"""


def add(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the commands."""
    parser = add_command(
        commands,
        everywhere,
        "complete",
        complete,
        help="let a language model continue a text",
        examples=_COMPLETE_EXAMPLES,
    )
    add_service_options(parser)
    parser.add_argument("prompt", metavar="PROMPT", help="the text")
    parser.add_argument("--max-tokens", type=int, default=200, metavar="N", help="default: %(default)s")
    parser.add_argument("--temperature", type=float, default=0.8, metavar="T", help="default: %(default)s")

    parser = add_command(
        commands,
        everywhere,
        "classify",
        classify,
        help="let a model classify a picture",
        examples=_CLASSIFY_EXAMPLES,
    )
    add_service_options(parser)
    parser.add_argument("picture", metavar="PICTURE", help="a JPEG, PNG, … file")
    parser.add_argument("--labels", metavar="FILE", help="names of the classes: one a line, or JSON")
    parser.add_argument(
        "--top", type=_positive, default=5, metavar="K", help="classes to show (default: %(default)s)"
    )


def complete(options: argparse.Namespace, output: Output) -> None:
    """Print the text."""
    from odh_oci_widgets import serving

    service = serving.service(options.name, target=options.target, project=chosen_project(options))
    completion = service.complete(
        options.prompt, max_tokens=options.max_tokens, temperature=options.temperature
    )
    output.document(asdict(completion))
    output.say(completion.text)


def classify(options: argparse.Namespace, output: Output) -> None:
    """Print the classes, the most probable first."""
    from odh_oci_widgets import serving

    service = serving.service(options.name, target=options.target, project=chosen_project(options))
    (predictions,) = service.classify([Path(options.picture)], top=options.top, labels=options.labels)
    output.document({"predictions": [asdict(prediction) for prediction in predictions]})
    output.table(
        ("PROBABILITY", "CLASS", "LABEL"), [(f"{p.probability:.4f}", p.index, p.label) for p in predictions]
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number
