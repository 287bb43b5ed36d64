"""`odh-oci build MODEL IMAGE`: build the image of a model and push it."""

from __future__ import annotations

import argparse
import json
import os
import sys
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from odh_oci_widgets.cli.adding import add_cluster_options, add_command, chosen_project
from odh_oci_widgets.cli.output import Output
from odh_oci_widgets.cli.secret_input import add_registry_options, hub_token, registry_credentials
from odh_oci_widgets.oci.errors import OdhOciError
from odh_oci_widgets.oci.plan import DEFAULT_BASE
from odh_oci_widgets.settings import full_image

from .inspect import add_model_options

if TYPE_CHECKING:
    from odh_oci_widgets.builders import Build, Builder
    from odh_oci_widgets.oci import Credentials, Plan

#: Seconds that a cancelled build has to leave everything clean.
CANCEL_SECONDS = 20

_EXAMPLES = """\
  odh-oci build hf://ibm-granite/granite-3.0-2b-instruct quay.io/me/granite:1
  odh-oci build ./mobilenet oci:./image:1 --base embedded
  odh-oci build ./mobilenet localhost:5000/me/mobilenet:1 --base embedded --insecure
  odh-oci build hf://owner/name quay.io/me/name:2 --like quay.io/me/name:1     # reuse its layers
  odh-oci build hf://owner/name quay.io/me/name:2 --builder job                # in the cluster, see `odh-oci builds`
  odh-oci build hf://owner/name quay.io/me/name:2 --plan-only                  # what would move
  pass quay | odh-oci build ./model quay.io/me/model:1 --username me --password-stdin
  IMAGE=$(odh-oci build ./model quay.io/me/model:1)                            # with its digest
"""


def add(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        everywhere,
        "build",
        run,
        help="build the OCI image of a model and push it",
        examples=_EXAMPLES,
    )
    add_model_options(parser)
    parser.add_argument(
        "image",
        metavar="IMAGE",
        help="registry/repository:tag, or oci:FOLDER[:TAG] for a layout on this machine; `odh-oci settings` shows the"
        " registry of a name without one",
    )
    add_builder_options(parser)
    parser.add_argument(
        "--base",
        default=DEFAULT_BASE,
        metavar="IMAGE",
        help="an image, `embedded` or `scratch` (default: %(default)s)",
    )
    parser.add_argument(
        "--platform",
        action="append",
        metavar="OS/ARCH",
        help="several, with commas or repeated, make one image for each, which share the model's layers (default:"
        " linux/amd64)",
    )
    parser.add_argument(
        "--versioned",
        action=argparse.BooleanOptionalAction,
        help="files in /models/1/ (OpenVINO Model Server) or in /models/ (default: by the model's format)",
    )
    parser.add_argument(
        "--like",
        action="append",
        default=[],
        metavar="IMAGE",
        help="reuse layers of this image too (repeatable)",
    )
    parser.add_argument(
        "--label", action="append", default=[], metavar="NAME=VALUE", help="a label of the image (repeatable)"
    )
    parser.add_argument(
        "--annotation",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an annotation of its manifest",
    )
    parser.add_argument(
        "--no-verify",
        dest="verify",
        action="store_false",
        help="do not check the content against the hub's sha256 (saves CPU time)",
    )
    parser.add_argument(
        "--plan-only", action="store_true", help="build nothing: tell what would move, be reused, or not work"
    )
    add_registry_options(parser)
    add_cluster_options(parser)


def add_builder_options(parser: argparse.ArgumentParser) -> None:
    """Who builds, and what that needs."""
    group = parser.add_argument_group("builder")
    group.add_argument(
        "--builder",
        metavar="B",
        help="who builds: kernel (this process), job (a Job in the project), openshift (its builds), podman (a Podman"
        " service); default: job in a workbench of a cluster where that can work, else kernel",
    )
    group.add_argument(
        "--if-running",
        choices=("refuse", "wait", "replace"),
        default="refuse",
        help="what to do when a build of the same image is running (default: %(default)s)",
    )
    group.add_argument(
        "--builder-image",
        metavar="IMAGE",
        help="what runs the engine (job), or downloads the model (openshift, podman)",
    )
    for name, unit in (("cpu", "500m"), ("memory", "512Mi")):
        group.add_argument(
            f"--builder-{name}",
            metavar="QUANTITY",
            help=f"what the build's pod may use (job, openshift), such as {unit}",
        )
    group.add_argument(
        "--podman",
        metavar="URL",
        help="unix://, tcp:// or ssh:// of a Podman service, or the name of a `podman system connection`",
    )


def chosen_builder(name: str, options: argparse.Namespace) -> Builder:
    """The builder of that name with its options. Raises OdhOciError."""
    from odh_oci_widgets import builders

    own: dict[str, Any] = {"if_running": options.if_running}
    if name in builders.IN_PROJECT:
        own["project"] = chosen_project(options)
    image = options.builder_image
    pod = {"cpu": options.builder_cpu, "memory": options.builder_memory}
    if name == "podman":
        own |= {"url": options.podman} | ({"downloader": image} if image else {})
    elif name == "job":
        from odh_oci_widgets.builders.job import JobSettings

        own["settings"] = JobSettings(**_given(pod | {"image": image}))
    elif name == "openshift":
        from odh_oci_widgets.builders.openshift import OpenShiftSettings

        own["settings"] = OpenShiftSettings(**_given(pod | {"downloader": image}))
    return builders.builder_named(name, **own)


def _given(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value}


def run(options: argparse.Namespace, output: Output) -> int:
    """Build the image, and print its reference with the digest."""
    from odh_oci_widgets import builders

    options.image = full_image(options.image)
    builder = chosen_builder(options.builder, options) if options.builder else None
    credentials = registry_credentials(options, options.image)
    token = hub_token(options)
    plan = builders.plan_image(
        options.model,
        options.image,
        base=options.base,
        platforms=",".join(options.platform or ["linux/amd64"]).split(","),
        versioned=options.versioned,
        include=options.include,
        exclude=options.exclude,
        insecure=options.insecure,
        like=options.like,
        labels=_pairs("--label", options.label),
        annotations=_pairs("--annotation", options.annotation),
        token=token,
        environ=os.environ,
    )
    if options.plan_only:
        return _tell_plan(plan, credentials, token, output)
    if builder is None:
        choice = builders.default_builder(plan, project=chosen_project(options))
        if choice.reason:
            output.note(choice.reason)
        builder = chosen_builder(choice.name, options)
    else:
        builder.check()
    build = builders.start(plan, builder=builder, credentials=credentials, token=token, verify=options.verify)
    try:
        follow(build, output)
        output.say(build.wait())
    except KeyboardInterrupt:
        output.note("Cancelling …")
        _stop(build)
        _tell_end(build, output)
        output.note("The next try reuses what was sent.")
        raise
    except BrokenPipeError:  # whoever read our events is gone
        _stop(build)
        raise
    return 0


def follow(build: Build, output: Output) -> None:
    """JSON lines on standard output, or bars on standard error."""
    from odh_oci_widgets.builders.report import Lines
    from odh_oci_widgets.cli.bars import Bars
    from odh_oci_widgets.oci.events import Done, Failed, LayerProgress, to_json

    bars, lines = Bars(sys.stderr), Lines()
    for event in build.events():
        if output.json:
            output.line(to_json(event))
            output.failure_told = isinstance(event, Failed)
            continue
        line = lines.of(event)
        match event:
            case LayerProgress():
                bars.show(build.progress)
            case Failed():
                bars.close()
            case Done():
                bars.finish(build.progress)
                output.note(_sum(event))
            case _ if line:
                bars.note(line)


def _stop(build: Build) -> None:
    """Cancel, and give it the time to leave nothing half-made."""
    build.cancel()
    with suppress(OdhOciError):
        build.wait(CANCEL_SECONDS)


def _tell_end(build: Build, output: Output) -> None:
    """The last event, which the interrupt kept from being told; nothing while the build has not ended."""
    from odh_oci_widgets.oci.events import to_json

    if build.status.finished:
        *_, last = build.events()
        output.line(to_json(last))


def _sum(done: Any) -> str:
    from odh_oci_widgets.builders import human_bytes

    moved = f"{human_bytes(done.sent)} sent, {human_bytes(done.reused)} reused"
    return f"Done in {done.seconds:.1f} s: {moved}."


def _tell_plan(plan: Plan, credentials: Credentials | None, token: str | None, output: Output) -> int:
    """What would move, be reused, or not work; the exit status is 1 where something would not work."""
    from odh_oci_widgets.builders import human_bytes, plan_secrets
    from odh_oci_widgets.oci import preflight

    found = preflight(plan, credentials=credentials, secrets=plan_secrets(plan, token))
    output.document(
        {
            "image": found.image,
            "to_move": found.to_move,
            "reused": found.reused,
            "layers": [asdict(layer) for layer in found.layers],
            "problems": [
                {"error": type(problem).__name__, "message": problem.message, "hint": problem.hint}
                for problem in found.problems
            ],
            "notes": list(found.notes),
            "plan": json.loads(plan.to_json()),
        }
    )
    output.table(
        ("SIZE", "WOULD", "LAYER"),
        [(human_bytes(layer.size), layer.action, layer.title) for layer in found.layers],
    )
    output.say(f"\n{human_bytes(found.to_move)} would move, {human_bytes(found.reused)} would be reused.")
    for note in found.notes:
        output.say(note)
    for problem in found.problems:
        output.problem(str(problem))
    return 1 if found.problems else 0


def _pairs(flag: str, texts: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    for name, equals, _ in pairs:
        if not (name and equals):
            raise OdhOciError(f"{flag} {name} has no value.", hint=f"Write {flag} NAME=VALUE.")
    return {name: value for name, _, value in pairs}
