"""`odh-oci settings`: what is set, and where each value comes from."""

from __future__ import annotations

import argparse
from typing import Any

from odh_oci_widgets import settings
from odh_oci_widgets.cli.adding import add_command
from odh_oci_widgets.cli.output import Output

_EXAMPLES = """\
  odh-oci settings
  odh-oci settings --json
  ODH_OCI_BUILDER=job odh-oci settings
The file, of which each line may be missing:
  registry = "quay.io"
  repository = "my-org/{model}"
  builder = "job"
  refresh = 5
  sandbox = true
  notifications = true
An option of a command wins over ODH_OCI_REGISTRY, ODH_OCI_BUILDER, …, and these over the file.
"""


def add(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    add_command(
        commands,
        everywhere,
        "settings",
        run,
        help="show the settings, and where each comes from",
        examples=_EXAMPLES,
    )


def run(_: argparse.Namespace, output: Output) -> None:
    """Show all of them."""
    now, path = settings.read(), settings.settings_file()
    output.document(
        {
            "settings": {
                name: {"value": value, "from": now.origins[name]} for name, value in now.values().items()
            },
            "file": str(path),
        }
    )
    rows = [(name, _shown(value), now.origins[name]) for name, value in now.values().items()]
    output.table(("SETTING", "VALUE", "FROM"), rows)
    if not output.json:
        output.note(f"The file is {path}{'' if path.exists() else ' (not there)'}.")


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value) or "-"
