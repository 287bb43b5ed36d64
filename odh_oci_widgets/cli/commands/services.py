"""`odh-oci list`, `logs NAME`, `stop NAME`, `start NAME`, `delete NAME`: services of the sandbox and of the project."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from odh_oci_widgets.cli.adding import (
    add_cluster_options,
    add_command,
    add_service_options,
    chosen_project,
    chosen_service,
)
from odh_oci_widgets.cli.output import Output
from odh_oci_widgets.oci.errors import OdhOciError

_LIST_EXAMPLES = """\
  odh-oci list
  odh-oci list --target sandbox --json
"""
_LOGS_EXAMPLES = """\
  odh-oci logs mobilenet
  odh-oci logs mobilenet --tail 20
"""
_STOP_EXAMPLES = """\
  odh-oci stop granite         # its pods end, its GPU is free, its settings stay
"""
_START_EXAMPLES = """\
  odh-oci start granite
"""
_DELETE_EXAMPLES = """\
  odh-oci delete mobilenet
  odh-oci delete mobilenet --yes        # in scripts
"""


class NotConfirmed(OdhOciError):
    """Something is to be removed, and nobody said yes."""

    cure = "Say `--yes` in scripts."


def add(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the commands."""
    parser = add_command(
        commands, everywhere, "list", list_services, help="list services", examples=_LIST_EXAMPLES
    )
    parser.add_argument("--target", choices=("project", "sandbox"), help="only those (default: both)")
    add_cluster_options(parser)

    parser = add_command(
        commands,
        everywhere,
        "logs",
        show_logs,
        help="show the last lines of a model server",
        examples=_LOGS_EXAMPLES,
    )
    add_service_options(parser)
    parser.add_argument("--tail", type=int, default=200, metavar="N", help="lines (default: %(default)s)")

    for name, run, words, examples in (
        ("stop", stop, "end the pods of a service of the project, and keep it", _STOP_EXAMPLES),
        ("start", start, "start a stopped service again", _START_EXAMPLES),
    ):
        add_service_options(add_command(commands, everywhere, name, run, help=words, examples=examples))

    parser = add_command(
        commands,
        everywhere,
        "delete",
        delete,
        help="delete a service and everything that was made for it",
        examples=_DELETE_EXAMPLES,
    )
    add_service_options(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask")


def list_services(options: argparse.Namespace, output: Output) -> None:
    """Show all services."""
    from odh_oci_widgets import serving

    found = serving.services(target=options.target, project=chosen_project(options))
    output.document({"services": [service.to_dict() for service in found]})
    if not found and not output.json:
        output.note("No services. Deploy an image with `odh-oci deploy IMAGE NAME`.")
        return
    output.table(
        ("NAME", "TARGET", "KIND", "STATE", "URL", "IMAGE"),
        [(s.name, s.target, s.kind, s.state, s.url or "-", s.image) for s in found],
    )


def show_logs(options: argparse.Namespace, output: Output) -> None:
    """Show a service's log."""
    service = chosen_service(options)
    lines = list(service.logs(tail=options.tail))
    output.document({"name": service.name, "lines": lines})
    for line in lines:
        output.say(line)


def stop(options: argparse.Namespace, output: Output) -> None:
    """Stop a service of the project."""
    service = _stoppable(options)
    service.stop()
    output.document({"stopped": service.name, "target": service.target})
    output.say(f"Stopped {service.name}. Start it again with `odh-oci start {service.name}`.")


def start(options: argparse.Namespace, output: Output) -> None:
    """Start a service of the project again."""
    service = _stoppable(options)
    service.start()
    output.document({"started": service.name, "target": service.target})
    output.say(f"{service.name} starts; see `odh-oci list`.")


def _stoppable(options: argparse.Namespace) -> Any:
    from odh_oci_widgets.serving.errors import OptionInvalid

    service = chosen_service(options)
    if service.target != "project":
        raise OptionInvalid(
            f"{service.name} runs in the sandbox, which keeps nothing that could be started again.",
            hint=f"Delete it with `odh-oci delete {service.name}`, and deploy it again.",
        )
    return service


def delete(options: argparse.Namespace, output: Output) -> int:
    """Delete a service, after asking."""
    service = chosen_service(options)
    if not options.yes and not _confirmed(
        f"Delete {service.name} ({service.target}, {service.image})? [y/N] "
    ):
        output.note("Nothing deleted.")
        return 1
    service.delete()
    output.document({"deleted": service.name, "target": service.target})
    output.say(f"Deleted {service.name}.")
    return 0


def _confirmed(question: str) -> bool:
    if sys.stdin is None or not sys.stdin.isatty():
        raise NotConfirmed("Nobody is here to confirm the deletion.", hint="Add --yes.")
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
