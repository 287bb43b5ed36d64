"""What the parsers of several commands share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .output import Output

if TYPE_CHECKING:
    from odh_oci_widgets.cluster import Project
    from odh_oci_widgets.serving import Service

Run = Callable[[argparse.Namespace, Output], int | None]


def add_command(
    commands: Any,
    everywhere: argparse.ArgumentParser,
    name: str,
    run: Run,
    *,
    help: str,  # noqa: A002 - argparse calls it so
    examples: str,
) -> argparse.ArgumentParser:
    """A command with its examples at the end of its help."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=help,
        description=f"{help[0].upper()}{help[1:]}.",
        epilog=f"examples:\n{examples.rstrip()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[everywhere],
    )
    parser.set_defaults(run=run)
    return parser


def add_cluster_options(parser: argparse.ArgumentParser) -> None:
    """Which cluster and which project."""
    group = parser.add_argument_group(
        "cluster", "default: the login of `oc` or `kubectl`, or the workbench's own"
    )
    group.add_argument("-n", "--namespace", metavar="PROJECT", help="the project")
    group.add_argument("--context", help="a context of the kubeconfig")
    group.add_argument("--kubeconfig", metavar="FILE", help="default: $KUBECONFIG, ~/.kube/config")


def add_service_options(parser: argparse.ArgumentParser) -> None:
    """Which service."""
    parser.add_argument("name", metavar="NAME", help="the service's name")
    parser.add_argument(
        "--target", choices=("project", "sandbox"), help="look only there (default: sandbox, then project)"
    )
    add_cluster_options(parser)


def chosen_project(options: argparse.Namespace) -> Project | None:
    """The project that the options name; None where they name none, and the room finds it itself."""
    named = {name: getattr(options, name, None) for name in ("namespace", "context", "kubeconfig")}
    if not any(named.values()):
        return None
    from odh_oci_widgets.cluster import connect

    return connect(**named)


def chosen_service(options: argparse.Namespace) -> Service:
    """The service that the options name. Raises ServiceNotFound, ClusterError."""
    from odh_oci_widgets import serving

    return serving.service(options.name, target=options.target, project=chosen_project(options))
