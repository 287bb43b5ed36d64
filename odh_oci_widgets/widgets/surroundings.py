"""What there is around the user: the project, what may be done in it, what it offers to the steps."""

from __future__ import annotations

from dataclasses import dataclass

from odh_oci_widgets.builders import Offer, offers
from odh_oci_widgets.cluster import Project, connect
from odh_oci_widgets.cluster.access import Access, check
from odh_oci_widgets.cluster.destinations import Destination, DestinationKind, list_destinations
from odh_oci_widgets.oci.errors import OdhOciError
from odh_oci_widgets.serving.project.runtimes import read_runtimes
from odh_oci_widgets.serving.runtimes import Runtime


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """A snapshot. Without a cluster `project` and `access` are None, and `sentence` says why."""

    sentence: str
    hint: str = ""
    project: Project | None = None
    access: Access | None = None
    runtimes: tuple[Runtime, ...] = ()
    destinations: tuple[Destination, ...] = ()
    builders: tuple[Offer, ...] = ()
    #: what could not be read, as sentences
    notes: tuple[str, ...] = ()

    @property
    def deployable(self) -> bool:
        """Whether a model may be deployed to the project."""
        return self.access is not None and any(
            one.allowed for one in self.access.permissions if one.action == "deploy a model"
        )

    @property
    def pull_secrets(self) -> tuple[str, ...]:
        """Names of the project's connections."""
        return tuple(
            one.secret
            for one in self.destinations
            if one.kind is DestinationKind.CONNECTION and one.secret is not None
        )


def look_around(namespace: str | None = None) -> Surroundings:
    """Ask the cluster, if there is one: a second or so. What cannot be asked is said, not raised."""
    notes: list[str] = []
    project, access = None, None
    runtimes: list[Runtime] = []
    try:
        project = connect(namespace=namespace)
        access = check(project)
        sentence, hint = access.sentence, ""
        if access.features.kserve:
            runtimes, found = read_runtimes(project)
            notes += found
    except OdhOciError as error:
        sentence, hint = error.message, error.hint
        project = None if access is None else project
    destinations, more = list_destinations(project)
    return Surroundings(
        sentence=sentence,
        hint=hint,
        project=project,
        access=access,
        runtimes=tuple(runtimes),
        destinations=tuple(destinations),
        builders=tuple(offers(project)),
        notes=(*notes, *more),
    )
