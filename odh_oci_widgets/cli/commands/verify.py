"""`odh-oci verify IMAGE`: is an image fit for KServe? Without pulling its weights."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from odh_oci_widgets.cli.adding import add_command
from odh_oci_widgets.cli.output import Output
from odh_oci_widgets.cli.secret_input import add_registry_options, registry_credentials
from odh_oci_widgets.settings import full_image

_EXAMPLES = """\
  odh-oci verify quay.io/me/granite:1
  odh-oci verify quay.io/me/mobilenet:1 --runtime kserve-ovms
  odh-oci verify oci:./image:1 --json
exit status 1: the image is not fit.
"""


def add(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        everywhere,
        "verify",
        run,
        help="tell whether an image is fit for KServe, without pulling its weights",
        examples=_EXAMPLES,
    )
    parser.add_argument("image", metavar="IMAGE", help="registry/repository:tag[@digest] or oci:FOLDER[:TAG]")
    parser.add_argument("--runtime", metavar="R", help="the serving runtime whose layout of files is wanted")
    add_registry_options(parser)


def run(options: argparse.Namespace, output: Output) -> int:
    """Show what was found; the exit status is 1 for an image that is not fit."""
    from odh_oci_widgets.builders import human_bytes
    from odh_oci_widgets.oci.verify import verify_image

    image = full_image(options.image)
    found = verify_image(
        image,
        credentials=registry_credentials(options, image),
        insecure=options.insecure,
        runtime=options.runtime,
    )
    output.document(asdict(found))
    for finding in found.findings:
        output.say(f"{finding.level:<8} {finding.sentence} {finding.hint}".rstrip())
    verdict = "is fit for KServe" if found.fit else "is not fit for KServe"
    platforms = ", ".join(filter(None, found.platforms)) or "no platform said"
    output.say(f"{found.image} {verdict} ({platforms}; {human_bytes(found.bytes_read)} read)")
    return 0 if found.fit else 1
