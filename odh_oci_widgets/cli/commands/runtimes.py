"""`odh-oci runtimes`: the serving runtimes that the project can use."""

from __future__ import annotations

import argparse
from typing import Any

from odh_oci_widgets.cli.adding import add_cluster_options, add_command
from odh_oci_widgets.cli.output import Output

_EXAMPLES = """\
  odh-oci runtimes
  odh-oci runtimes -n my-project --json
"""


def add(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        everywhere,
        "runtimes",
        run,
        help="list the serving runtimes of the project",
        examples=_EXAMPLES,
    )
    add_cluster_options(parser)


def run(options: argparse.Namespace, output: Output) -> None:
    """Show the runtimes, in the dashboard's order."""
    from odh_oci_widgets.cluster import connect
    from odh_oci_widgets.serving.project.runtimes import read_runtimes

    project = connect(kubeconfig=options.kubeconfig, context=options.context, namespace=options.namespace)
    runtimes, notes = read_runtimes(project)
    for note in notes:
        output.note(note)
    output.document(
        {
            "project": project.namespace,
            "runtimes": [
                {
                    "name": runtime.name,
                    "display_name": runtime.display_name,
                    "source": str(runtime.source),
                    "template": runtime.template,
                    "formats": [{"name": name, "version": version} for name, version in runtime.formats],
                    "accelerators": list(runtime.accelerators),
                }
                for runtime in runtimes
            ],
            "notes": notes,
        }
    )
    output.table(
        ("NAME", "FROM", "FORMATS", "FOR"),
        [
            (
                r.name,
                r.source,
                ", ".join(sorted({name for name, _ in r.formats})),
                ", ".join(r.accelerators) or "cpu",
            )
            for r in runtimes
        ],
    )
