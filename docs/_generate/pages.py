"""The pages that are made from the code, so that nothing in them can drift from it."""

from __future__ import annotations

from . import api, cli, environment, events, labels, plan_schema, troubleshooting


def generated() -> dict[str, str]:
    """Path below docs/ -> text of the page, or of another file."""
    made = {"reference/index.md": _REFERENCE}
    for part in (api, cli, events, plan_schema, environment, labels, troubleshooting):
        made |= part.pages()
    return made


_REFERENCE = """\
# Reference

Made from the code, with each build of these pages.

- [Python API](api/index.md): every public name, with an example that the tests run
- [Command `odh-oci`](cli.md): every subcommand and option
- [Events](events.md): what a build says while it runs
- [Plan](plan.md): the JSON of a plan, and its [schema](plan.schema.json)
- [Settings and environment](settings.md): what a person sets once, and which variables are read
- [Labels and annotations](labels.md): on objects in the project and in images
"""
