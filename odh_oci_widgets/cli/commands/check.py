"""`odh-oci check`: who am I, which project, which cluster, and what may I do there."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from odh_oci_widgets.cli.adding import add_cluster_options, add_command
from odh_oci_widgets.cli.output import Output

if TYPE_CHECKING:
    from odh_oci_widgets.cluster.access import Access

_EXAMPLES = """\
  odh-oci check
  odh-oci check -n my-project --json
exit status 1: something that the main job needs is missing.
"""


def add(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        everywhere,
        "check",
        run,
        help="tell who you are in the cluster, and what you may do in your project",
        examples=_EXAMPLES,
    )
    add_cluster_options(parser)


def run(options: argparse.Namespace, output: Output) -> int:
    """Show the answers; the exit status is 1 where something is missing."""
    from odh_oci_widgets.cluster import connect
    from odh_oci_widgets.cluster.access import check

    access = check(
        connect(kubeconfig=options.kubeconfig, context=options.context, namespace=options.namespace)
    )
    output.document(access.to_dict())
    for word, value in _facts(access):
        output.say(f"{word:<18} {value}")
    output.say()
    for permission in access.permissions:
        lack = "" if permission.allowed else f" (may not {', '.join(permission.missing)})"
        output.say(f"{'✓' if permission.allowed else '✗'} {permission.action}{lack}")
    output.say(f"\n{access.sentence}")
    return 0 if access.allowed and access.exists and access.features.kserve else 1


def _facts(access: Access) -> list[tuple[str, object]]:
    features = access.features
    unknown = "cannot be read"
    return [
        ("user", access.user),
        ("project", access.namespace),
        ("cluster", f"{access.host} ({access.source})"),
        ("kind", f"{'OpenShift' if features.openshift else 'Kubernetes'} {features.version}"),
        ("KServe", (features.deployment_mode or "installed") if features.kserve else "not installed"),
        ("builds", "yes" if features.builds else "no"),
        ("internal registry", features.internal_registry or "none"),
        ("templates", unknown if features.templates is None else features.templates),
        ("GPU profiles", ", ".join(profile.name for profile in features.gpu_profiles) or "none"),
    ]
