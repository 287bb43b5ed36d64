"""What a builder in the project needs to be allowed to do there."""

from __future__ import annotations

from collections.abc import Iterable

from odh_oci_widgets.cluster.access import Need, may
from odh_oci_widgets.cluster.errors import NotAllowed
from odh_oci_widgets.cluster.project import Project
from odh_oci_widgets.cluster.repair import grant


def check_rights(project: Project, needs: Iterable[Need]) -> None:
    """Raise NotAllowed, with the command that repairs it, where something that a build needs is not allowed."""
    missing = [str(need) for need in needs if not may(project, need)]
    if missing:
        command = grant(project.user, project.namespace, openshift=project.api.openshift)
        raise NotAllowed(
            f"A build in the project `{project.namespace}` needs what you may not do there: {', '.join(missing)}.",
            hint=f"Somebody with admin rights can allow it: `{command}`.",
        )
