"""Where images can go, in the order in which the wizard offers them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from odh_oci_widgets.oci.credentials import Credential, Credentials

from .access import may
from .connection import service_account_connection
from .errors import ClusterError
from .features import api_groups, internal_registry
from .needs import Need
from .oci_connections import (
    OciConnection,
    connection_manifest,
    list_connections,
    read_credential,
    registry_of,
)
from .project import Project
from .resources import IMAGE_STREAMS


class DestinationKind(StrEnum):
    """What opens the registry. The value is a word for people.

    >>> from odh_oci_widgets.cluster import DestinationKind
    >>> [kind.name for kind in DestinationKind]
    ['INTERNAL', 'CONNECTION', 'AUTH_FILE']
    """

    INTERNAL = "internal registry"
    CONNECTION = "connection"
    AUTH_FILE = "auth file"


@dataclass(frozen=True, kw_only=True)
class Destination:
    """One place for images.

    >>> from odh_oci_widgets import Credential, connect
    >>> from odh_oci_widgets.cluster import list_destinations, store_connection
    >>> connection = store_connection(connect(), "shop", "quay.io/shop", Credential("me+robot", "secret"))
    >>> destinations, notes = list_destinations(connect())
    >>> [one.title for one in destinations if one.secret == "shop"]
    ['shop (quay.io/shop)']
    """

    kind: DestinationKind
    #: what an image reference there begins with: `quay.io/my-org`
    prefix: str
    title: str
    #: whether a push will work, as far as can be told without pushing
    pushable: bool
    #: why not, and what to do; or what is to know
    note: str = ""
    #: the Secret, for a connection
    secret: str | None = None

    def image(self, name: str, tag: str = "1") -> str:
        """The reference of an image there.

        >>> place = Destination(kind=DestinationKind.AUTH_FILE, prefix="quay.io/me", title="", pushable=True)
        >>> place.image("granite")
        'quay.io/me/granite:1'
        """
        return f"{self.prefix}/{name}:{tag}"


def list_destinations(
    project: Project | None, *, environ: Mapping[str, str] = os.environ
) -> tuple[list[Destination], list[str]]:
    """The internal registry, the project's connections, the registries of the user's auth files; and notes.

    Without a project: the auth files only. What cannot be read is a note, not an error.

    >>> from odh_oci_widgets import Credential, connect
    >>> from odh_oci_widgets.cluster import list_destinations, store_connection
    >>> connection = store_connection(connect(), "team", "quay.io/team", Credential("me+robot", "secret"))
    >>> destinations, notes = list_destinations(connect())
    >>> "quay.io/team" in [one.prefix.rstrip("/") for one in destinations]
    True
    """
    found: list[Destination] = []
    notes: list[str] = []
    if project is not None:
        try:
            found += _internal(project, environ)
        except ClusterError as error:
            notes.append(f"Whether there is an internal registry could not be found out. {error}")
        try:
            found += [_of_connection(one) for one in list_connections(project)]
        except ClusterError as error:
            notes.append(f"The project's connections cannot be read. {error}")
    listed = {one.prefix.partition("/")[0] for one in found}
    for key in Credentials(environ=environ).registries():
        if key.partition("/")[0] not in listed:
            found.append(
                Destination(
                    kind=DestinationKind.AUTH_FILE,
                    prefix=key,
                    title=key,
                    pushable=True,
                    note="" if "/" in key else "Add your user or organisation: registry/user/name.",
                )
            )
    return found, notes


def credential_for(project: Project, destination: Destination) -> Credential | None:
    """What opens a destination; None where the auth files do. Raises ClusterError.

    The internal registry takes our own token as password, whatever the user name.

    >>> from odh_oci_widgets import Credential, connect
    >>> from odh_oci_widgets.cluster import credential_for, list_destinations, store_connection
    >>> project = connect()
    >>> connection = store_connection(project, "lab", "quay.io/lab", Credential("lab+robot", "secret"))
    >>> destinations, notes = list_destinations(project)
    >>> [credential_for(project, one) for one in destinations if one.secret == "lab"]
    [Credential(username='lab+robot', password=<hidden>, identity_token=None)]
    """
    if destination.kind is DestinationKind.INTERNAL:
        authorization = project.connection.authorization() or ""
        kind, _, token = authorization.partition(" ")
        return Credential(username="unused", password=token) if kind == "Bearer" else None
    if destination.kind is DestinationKind.CONNECTION and destination.secret:
        return read_credential(project, destination.secret, registry_of(destination.prefix))
    return None


def store_connection(
    project: Project, name: str, host: str, credential: Credential, *, display_name: str | None = None
) -> OciConnection:
    """Keep credentials as a connection of the project, which the dashboard shows too. Raises Conflict, NotAllowed.

    >>> from odh_oci_widgets import Credential, connect
    >>> from odh_oci_widgets.cluster import store_connection
    >>> store_connection(connect(), "quay", "quay.io/me", Credential("me+robot", "secret")).name
    'quay'
    """
    project.create(connection_manifest(name, host, credential, display_name=display_name))
    return OciConnection(name=name, display_name=display_name or name, host=host)


def _internal(project: Project, environ: Mapping[str, str]) -> list[Destination]:
    if "image.openshift.io" not in api_groups(project):
        return []
    where = internal_registry(project)
    if where is None:
        return []
    allowed = may(project, Need("update", IMAGE_STREAMS, "layers"))
    inside = service_account_connection(environ) is not None or not where.endswith(".svc:5000")
    if not allowed:
        note = f"`{project.user}` may not push to the project: it needs the role `edit`."
    elif not inside:
        note = "It can be reached from inside the cluster only: work in a workbench, or build in the project."
    else:
        note = "No credentials to type; the project's services may pull it."
    return [
        Destination(
            kind=DestinationKind.INTERNAL,
            prefix=f"{where}/{project.namespace}",
            title=f"The cluster's own registry ({where})",
            pushable=allowed and inside,
            note=note,
        )
    ]


def _of_connection(one: OciConnection) -> Destination:
    return Destination(
        kind=DestinationKind.CONNECTION,
        prefix=one.host,
        title=f"{one.display_name} ({one.host})",
        pushable=one.push,
        note="" if one.push else "This connection is for pulling only.",
        secret=one.name,
    )
