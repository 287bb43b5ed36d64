"""`odh-oci builds [ID]`: builds of this machine and of the project; follow one, or cancel it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from odh_oci_widgets.cli.adding import add_cluster_options, add_command, chosen_project
from odh_oci_widgets.cli.output import Output
from odh_oci_widgets.oci.errors import Cancelled

from .build import follow

if TYPE_CHECKING:
    from odh_oci_widgets.builders import Build

#: Seconds for the cluster to tell where its builds stand.
LOOK_SECONDS = 5.0
#: Seconds for a cancelled build to leave everything clean.
CANCEL_SECONDS = 120.0

_EXAMPLES = """\
  odh-oci builds
  odh-oci builds odh-oci-build-4f1c2a --follow      # the beginning of an id is enough
  odh-oci builds odh-oci-build-4f1c2a --cancel
"""


def add(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = add_command(
        commands, everywhere, "builds", run, help="list, follow and cancel builds", examples=_EXAMPLES
    )
    parser.add_argument("id", metavar="ID", nargs="?", help="one build: its lines so far")
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--follow", action="store_true", help="go on with it until it ends")
    group.add_argument("--cancel", action="store_true", help="stop it")
    add_cluster_options(parser)


def run(options: argparse.Namespace, output: Output) -> int:
    """List builds, or follow or cancel one."""
    from odh_oci_widgets import builders
    from odh_oci_widgets.builders.errors import BuildNotFound

    if options.id is None:
        if options.follow or options.cancel:
            raise BuildNotFound(
                "--follow and --cancel need the id of a build.", hint="`odh-oci builds` lists them."
            )
        _list(builders.builds(project=chosen_project(options), wait=LOOK_SECONDS), output)
        return 0
    build = builders.attach(options.id, project=chosen_project(options), wait=LOOK_SECONDS)
    if options.cancel:
        return _cancel(build, output)
    if options.follow:
        try:
            follow(build, output)
        except KeyboardInterrupt:
            output.note(f"{build.id} goes on.")
            raise
        output.say(build.wait())
        return 0
    output.document(build.report())
    for line in build.logs(follow=False):
        output.say(line)
    return 0


def _list(found: list[Build], output: Output) -> None:
    from odh_oci_widgets.builders import human_bytes

    rows = []
    documents = []
    for build in found:
        progress = build.progress
        done = f"{progress.fraction:.0%} of {human_bytes(progress.total)}" if progress.total else "-"
        rows.append((build.id, build.builder, build.status, done, build.image or build.plan.image))
        documents.append(
            {
                "id": build.id,
                "builder": build.builder,
                "status": str(build.status),
                "sent": progress.sent,
                "total": progress.total,
                "image": build.image or build.plan.image,
            }
        )
    output.document({"builds": documents})
    if not found and not output.json:
        output.note("No builds. Start one with `odh-oci build MODEL IMAGE`.")
        return
    output.table(("ID", "BUILDER", "STATUS", "DONE", "IMAGE"), rows)


def _cancel(build: Build, output: Output) -> int:
    if build.status.finished:
        output.note(f"{build.id} is over: {build.status}.")
        return 0
    build.cancel()
    output.note("Cancelling …")
    try:
        image = build.wait(CANCEL_SECONDS)
    except Cancelled:
        output.document({"cancelled": build.id})
        output.say(f"Cancelled {build.id}.")
    else:
        output.document({"cancelled": None, "image": image})
        output.note(f"It was done before: {image}")
    return 0
