"""Parse, run one command, and turn every failure into one sentence and an exit status."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

from odh_oci_widgets._version import __version__
from odh_oci_widgets.oci.errors import Cancelled, OdhOciError

from .output import Output

#: Modules of `commands/`, in the order of the help.
COMMANDS = (
    "search", "inspect", "build", "builds", "verify", "check", "runtimes", "deploy", "services", "complete", "classify",
    "infer", "measure", "settings", "demo",
)  # fmt: skip

FAILED, USAGE, CANCELLED = 1, 2, 130

_EXAMPLES = """\
the main job:
  odh-oci search  granite 2b instruct
  odh-oci inspect hf://ibm-granite/granite-3.0-2b-instruct
  odh-oci build   hf://ibm-granite/granite-3.0-2b-instruct quay.io/me/granite:1
  odh-oci deploy  quay.io/me/granite:1 granite --gpu 1 --arg=--dtype=half
  odh-oci complete granite "The capital of France is"

without a cluster:
  odh-oci demo

Add --json for machines: one JSON document (or JSON lines) on standard output, nothing else there.
Exit status: 0 done, 1 failed (one sentence on standard error), 2 wrong usage, 130 cancelled.
"""


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    everywhere = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    everywhere.add_argument("--json", action="store_true", help="write JSON on standard output, for machines")
    everywhere.add_argument("--debug", action="store_true", help="show the traceback of a failure")
    top = argparse.ArgumentParser(
        prog="odh-oci",
        description="From a model to a service that answers: choose, build its OCI image, push, deploy, call.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[everywhere],
    )
    top.add_argument("--version", action="version", version=f"odh-oci {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in COMMANDS:
        import_module(f".commands.{name}", __package__).add(commands, everywhere)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status. `argv` is without the program's name.

    >>> from odh_oci_widgets.cli import main
    >>> main(["inspect", "iris.onnx", "--json"]) == 0
    {...
    True
    """
    options = parser().parse_args(argv)
    output = Output(json=getattr(options, "json", False))
    try:
        status: int = options.run(options, output) or 0
        output.flush()
    except KeyboardInterrupt:
        output.problem("cancelled.")
        return CANCELLED
    except BrokenPipeError:  # the reader of our output went away: `odh-oci list | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:  # noqa: BLE001 - whatever it is, it ends in one sentence
        if getattr(options, "debug", False):
            traceback.print_exc()
        output.failure(_told(error))
        return CANCELLED if isinstance(error, Cancelled) else FAILED
    return status


def _told(error: Exception) -> OdhOciError:
    """The error as a sentence with what to do."""
    if isinstance(error, OdhOciError):
        return error
    if isinstance(error, OSError) and error.strerror:
        return OdhOciError(f"{f'{error.filename}: ' if error.filename else ''}{error.strerror}.")
    return OdhOciError(
        f"Something unexpected happened: {type(error).__name__}: {error}.",
        hint="This is a defect: run the command again with --debug and report what it shows.",
    )
