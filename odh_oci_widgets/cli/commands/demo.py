"""`odh-oci demo`: the main job on this machine."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from odh_oci_widgets.cli.adding import add_command
from odh_oci_widgets.cli.output import Output

_EXAMPLES = """\
  odh-oci demo
  odh-oci demo --registry localhost:5000/me/digits
  odh-oci demo --keep                                # then: odh-oci list
"""


def add(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        everywhere,
        "demo",
        run,
        help="the main job on this machine: train a model, build its image, deploy it here, call it",
        examples=_EXAMPLES,
    )
    parser.add_argument(
        "--registry",
        metavar="HOST:PORT/REPO",
        help="push the image there (default: a layout on this machine)",
    )
    parser.add_argument("--insecure", action="store_true", help="the registry speaks plain HTTP")
    parser.add_argument("--keep", action="store_true", help="leave model, image and service where they are")


def run(options: argparse.Namespace, output: Output) -> None:
    """Run the demo: steps on standard output, or with --json on standard error."""
    from odh_oci_widgets.demo import run_demo

    say = output.note if output.json else output.say
    result = run_demo(registry=options.registry, insecure=options.insecure, keep=options.keep, say=say)
    output.document(asdict(result))
