"""What a build elsewhere needs to be let in: registry credentials, resolved here, where the user's are."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from odh_oci_widgets.cluster.errors import ClusterError
from odh_oci_widgets.cluster.project import Project
from odh_oci_widgets.oci import Credential, Credentials
from odh_oci_widgets.oci.plan import Plan
from odh_oci_widgets.oci.reference import Reference, parse_image

#: OpenShift's own registry: any user name with a token of the cluster as password.
INTERNAL_REGISTRY = "image-registry.openshift-image-registry.svc"
_NO_REFERENCE = frozenset({"embedded", "scratch"})


def logins_of(plan: Plan, credentials: Credentials, project: Project, seconds: int) -> dict[str, Credential]:
    """`registry/repository` -> who we are there, of the plan's own. `seconds`: how long a token must live."""
    logins: dict[str, Credential] = {}
    for text in (plan.base, *plan.like, plan.image):
        reference = parse_image(text) if text not in _NO_REFERENCE else None
        if not isinstance(reference, Reference):
            continue
        found = credentials.find(reference.registry, reference.repository)
        if found is None and reference.registry.startswith(INTERNAL_REGISTRY):
            found = _cluster_token(project, seconds)
        if found is not None:
            logins[reference.name] = found
    return logins


def auths_of(logins: Mapping[str, Credential]) -> dict[str, dict[str, str]]:
    """The `auths` of a docker config."""
    return {name: _entry(login) for name, login in logins.items()}


def _cluster_token(project: Project, seconds: int) -> Credential | None:
    """A token of the account that builds in a project, which lives as long as the build; else the user's own."""
    try:
        return Credential("builder", project.token("builder", seconds=seconds))
    except ClusterError:
        header = project.connection.authorization() or ""
        scheme, _, token = header.partition(" ")
        return Credential("user", token) if scheme == "Bearer" and token else None


def _entry(credential: Credential) -> dict[str, str]:
    pair = base64.b64encode(f"{credential.username}:{credential.password}".encode()).decode()
    return {"auth": pair} | (
        {"identitytoken": credential.identity_token} if credential.identity_token else {}
    )
