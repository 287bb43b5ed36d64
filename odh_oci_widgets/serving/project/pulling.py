"""Who may pull the image: the Secrets that a service names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from odh_oci_widgets.cluster.errors import ClusterError, NotAllowed
from odh_oci_widgets.cluster.oci_connections import connection_manifest, is_connection, registry_of
from odh_oci_widgets.cluster.project import Manifest, Project
from odh_oci_widgets.cluster.resources import SECRETS, SERVICE_ACCOUNTS
from odh_oci_widgets.serving.errors import OptionInvalid
from odh_oci_widgets.serving.kserve_objects import MANAGED_BY, MANAGER, SERVICE_LABEL

if TYPE_CHECKING:
    from odh_oci_widgets.oci.credentials import Credential


def pull_secrets_for(project: Project, name: str) -> tuple[tuple[str, ...], str | None, list[str]]:
    """The Secrets to name when `name` is wanted, the connection among them, and notes.

    A pod that names any Secret is not given those of its service account, which open the internal registry: they
    are named too. Raises OptionInvalid when there is no such Secret.
    """
    notes: list[str] = []
    connection = name
    try:
        secret = project.find(SECRETS, name)
    except NotAllowed as error:
        notes.append(f"The Secret `{name}` could not be checked. {error}")
        return (name, *_of_account(project)), None, notes
    if secret is None:
        raise OptionInvalid(
            f"There is no Secret `{name}` in the project `{project.namespace}`.",
            hint="Make a connection to the registry in the dashboard, or give the credentials.",
        )
    return (name, *_of_account(project)), connection if is_connection(secret) else None, notes


def made_pull_secrets(project: Project, name: str) -> tuple[str, ...]:
    """The Secrets to name with `name`, which is made for the service."""
    return (name, *(one for one in _of_account(project) if one != name))


def connection_secret(service: str, image: str, credential: Credential) -> Manifest:
    """The connection that is made for a service from credentials."""
    return connection_manifest(
        f"{service}-pull",
        registry_of(image),
        credential,
        display_name=f"{registry_of(image)} for {service}",
        labels={MANAGED_BY: MANAGER, SERVICE_LABEL: service},
    )


def _of_account(project: Project) -> tuple[str, ...]:
    """The pull Secrets of the service account that predictors run as."""
    try:
        account = project.find(SERVICE_ACCOUNTS, "default")
    except ClusterError:
        return ()
    return tuple(str(one["name"]) for one in (account or {}).get("imagePullSecrets") or ())
