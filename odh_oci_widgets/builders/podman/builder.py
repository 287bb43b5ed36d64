"""The builder `podman`: a Podman service on this or another machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from odh_oci_widgets.builders.containerfile import DOWNLOADER
from odh_oci_widgets.builders.here import builds_here, new_record, start_alone
from odh_oci_widgets.builders.marks import IfRunning
from odh_oci_widgets.builders.protocol import Build
from odh_oci_widgets.oci import Credentials
from odh_oci_widgets.oci.errors import PlanInvalid
from odh_oci_widgets.oci.plan import Plan
from odh_oci_widgets.oci.reference import LayoutReference, parse_image

from .build import PodmanBuild
from .service import Service


class PodmanBuilder:
    """Build with a Podman service.

    `url` is `unix://…`, `tcp://…` or `ssh://…`, or the name of a `podman system connection`; default:
    `CONTAINER_HOST`, the default connection, this machine's socket. An SSH host's key must stand in `known_hosts`, and
    nothing is asked: a key comes from the connection, `CONTAINER_SSHKEY` or `ssh-agent`. `downloader` is the image of
    the stage that downloads. Needs the extra `[podman]`.
    """

    name = "podman"

    def __init__(
        self,
        url: str | None = None,
        *,
        downloader: str = DOWNLOADER,
        if_running: IfRunning = "refuse",
        folder: Path | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.url = url
        self.downloader = downloader
        self.if_running = if_running
        self._folder = folder
        self._environ = environ

    def check(self) -> None:
        """Raise PodmanUnavailable where there is no service, or it does not answer."""
        with closing(Service(self.url, self._environ)) as service:
            service.version()

    def start(
        self,
        plan: Plan,
        *,
        credentials: Credentials | None = None,
        secrets: Mapping[str, str] | None = None,
        verify: bool = True,
    ) -> Build:
        """Start and return at once. Raises PlanInvalid, PodmanUnavailable, BuildConflict."""
        if isinstance(parse_image(plan.image), LayoutReference):
            raise PlanInvalid(
                f"A Podman service cannot write the OCI layout `{plan.image}`: its disk is another.",
                hint="Name a repository of a registry, or build here (`--builder kernel`).",
            )
        self.check()
        build = PodmanBuild(
            plan,
            new_record(self._folder),
            Service(self.url, self._environ),
            downloader=self.downloader,
            credentials=credentials or Credentials(environ=self._environ),
            secrets=secrets or {},
            verify=verify,
        )
        start_alone(build, self.if_running)
        return build

    def builds(self) -> list[Build]:
        """Running, finished and interrupted builds of this machine, newest first."""
        return builds_here(self._folder, self.name)
