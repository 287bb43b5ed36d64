"""`odh-oci deploy IMAGE NAME`: from an image to a service that answers."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from odh_oci_widgets.cli.adding import add_cluster_options, add_command, chosen_project
from odh_oci_widgets.cli.output import Output
from odh_oci_widgets.cli.secret_input import add_registry_options, registry_credentials
from odh_oci_widgets.serving.errors import OptionInvalid
from odh_oci_widgets.settings import full_image

if TYPE_CHECKING:
    from odh_oci_widgets.oci import Credential
    from odh_oci_widgets.serving import Service

_EXAMPLES = """\
  odh-oci deploy quay.io/me/granite:1 granite --gpu 1 --arg=--dtype=half
  odh-oci deploy quay.io/me/mobilenet:1 mobilenet --runtime kserve-ovms --external
  odh-oci deploy quay.io/me/mobilenet:1 mobilenet --target sandbox       # on this machine
  odh-oci deploy oci:./image:1 mobilenet --target sandbox                # without a registry
  odh-oci deploy quay.io/me/granite:1 granite --dry-run -o yaml | oc apply -f -
  odh-oci deploy quay.io/me/private:1 private --username me --password-stdin < password
--username: a pull secret is made in the project from it; the sandbox pulls with it.
"""


def add(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        everywhere,
        "deploy",
        run,
        help="deploy an image as a service, and wait until it answers",
        examples=_EXAMPLES,
    )
    parser.add_argument(
        "image",
        metavar="IMAGE",
        help="registry/repository:tag[@digest]; for the sandbox also oci:FOLDER[:TAG]",
    )
    parser.add_argument("name", metavar="NAME", help="the service's name: small letters, digits and dashes")
    parser.add_argument(
        "--target",
        choices=("project", "sandbox"),
        default="project",
        help="the project (KServe; default), or the sandbox (this machine)",
    )
    parser.add_argument("--format", metavar="F", help="the model's format (default: as the image says)")
    parser.add_argument("--display-name", metavar="TEXT", help="what the dashboard shows (default: NAME)")
    parser.add_argument(
        "--no-wait", dest="wait", action="store_false", help="return as soon as it is applied"
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=900,
        metavar="S",
        help="seconds to wait for it (default: %(default)s)",
    )
    group = parser.add_argument_group("in the project")
    group.add_argument(
        "--runtime", metavar="R", help="the serving runtime (default: the best fit to the format)"
    )
    group.add_argument(
        "--runtime-image",
        metavar="IMAGE",
        help="the model server's image, where no runtime can be read there",
    )
    group.add_argument(
        "--arg",
        action="append",
        default=[],
        metavar="ARG",
        help="for the runtime (repeatable): --arg=--dtype=half",
    )
    group.add_argument("--gpu", type=int, default=0, metavar="N", help="GPUs")
    group.add_argument(
        "--gpu-name", metavar="NAME", help="which GPU (T4, L4), where no hardware profile says it"
    )
    group.add_argument("--cpu", metavar="N", help="for example 2 or 500m")
    group.add_argument("--memory", metavar="SIZE", help="for example 8Gi")
    group.add_argument(
        "--hardware-profile", metavar="[PROJECT/]NAME", help="a hardware profile of the cluster"
    )
    group.add_argument("--replicas", type=int, default=1, metavar="N", help="default: %(default)s")
    group.add_argument(
        "--pull-secret", metavar="SECRET", help="Secret of the project that opens the registry"
    )
    group.add_argument(
        "--external", action="store_true", help="reachable from outside the cluster, by a route"
    )
    group.add_argument(
        "--no-token-auth",
        dest="token_auth",
        action="store_false",
        help="let anybody call it who can reach it",
    )
    group.add_argument("--force", action="store_true", help="take over fields that something else has set")
    group.add_argument("--dry-run", action="store_true", help="apply nothing: print the objects (see -o)")
    group.add_argument("-o", choices=("yaml", "json"), dest="form", help="form of --dry-run (default: yaml)")
    add_registry_options(parser)
    add_cluster_options(parser)


def run(options: argparse.Namespace, output: Output) -> None:
    """Deploy, wait, and print where it answers."""
    from odh_oci_widgets import serving

    if options.form and not options.dry_run:
        raise OptionInvalid(f"-o {options.form} prints nothing of what is deployed.", hint="Add --dry-run.")
    if options.dry_run and options.target == "sandbox":
        raise OptionInvalid("The sandbox has no objects to print.", hint="Leave out --dry-run or --target.")
    options.image = full_image(options.image)
    project = chosen_project(options) if options.target == "project" else None
    asked = {
        "format": options.format,
        "runtime": options.runtime,
        "runtime_image": options.runtime_image,
        "args": tuple(options.arg),
        "gpu": options.gpu,
        "gpu_name": options.gpu_name,
        "cpu": options.cpu,
        "memory": options.memory,
        "pull_secret": _pull_secret(options),
        "external": options.external,
        "token_auth": options.token_auth,
        "display_name": options.display_name,
        "hardware_profile": options.hardware_profile,
        "replicas": options.replicas,
        "project": project,
        "insecure": options.insecure,
    }
    if options.dry_run:
        preview = serving.preview(options.image, options.name, **asked)
        for note in preview.notes:
            output.note(note)
        output.document({"manifests": preview.objects, "notes": preview.notes})
        output.say(preview.to_yaml().rstrip() if options.form != "json" else _as_list(preview.objects))
        return
    service = serving.deploy(options.image, options.name, target=options.target, force=options.force, **asked)
    if options.wait:
        _wait(service, options, output)
    output.document(service.to_dict())
    output.say(service.url or f"{service.name} is {service.state}")


def _pull_secret(options: argparse.Namespace) -> str | Credential | None:
    """The name of a Secret; or the credential of `--username`, for the sandbox's pull or a Secret to be made."""
    from odh_oci_widgets.oci import Reference, parse_image

    credentials = registry_credentials(options, options.image)
    if credentials is None:
        return options.pull_secret  # type: ignore[no-any-return]
    if options.pull_secret:
        raise OptionInvalid(
            "--pull-secret and --username are two answers to one question.", hint="Give one of them."
        )
    reference = parse_image(options.image)
    return credentials.find(reference.registry, "") if isinstance(reference, Reference) else None


def _wait(service: Service, options: argparse.Namespace, output: Output) -> None:
    output.note(f"Deployed {service.name}; waiting until it answers …")
    try:
        service.wait(options.timeout)
    except KeyboardInterrupt:
        output.note(
            f"{service.name} goes on starting: see `odh-oci list`; remove it with `odh-oci delete {service.name}`."
        )
        raise
    output.note(f"{service.name} is ready.")


def _as_list(objects: tuple[dict[str, Any], ...]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}, indent=2)
