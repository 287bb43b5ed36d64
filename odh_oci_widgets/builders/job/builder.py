"""The builder `job`: the engine runs in a Kubernetes Job of the project."""

from __future__ import annotations

import os
import secrets as randomness
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from odh_oci_widgets.builders.auths import auths_of
from odh_oci_widgets.builders.in_project import Followers
from odh_oci_widgets.builders.marks import DESTINATION_LABEL, SELECTOR, IfRunning, destination_of, settle
from odh_oci_widgets.builders.protocol import Build
from odh_oci_widgets.builders.rights import check_rights
from odh_oci_widgets.cluster import connect
from odh_oci_widgets.cluster.access import Need
from odh_oci_widgets.cluster.errors import ClusterError
from odh_oci_widgets.cluster.project import Project
from odh_oci_widgets.cluster.resources import CONFIG_MAPS, JOBS, PODS, SECRETS
from odh_oci_widgets.oci import Credentials, engine_zip
from odh_oci_widgets.oci.errors import PlanInvalid
from odh_oci_widgets.oci.plan import Plan
from odh_oci_widgets.oci.reference import LayoutReference, parse_image

from .build import JobBuild
from .manifests import JobSettings, config_map, job, secret
from .trouble import job_end
from .workbench import PROXY_VARIABLES, find_workbench, folders_of

_NEEDS = (
    *(Need("create", resource) for resource in (JOBS, SECRETS, CONFIG_MAPS)),
    *(Need("list", resource) for resource in (JOBS, PODS)),
    Need("get", PODS, "log"),
    Need("delete", JOBS),
)
_FOLLOWERS: Followers[JobBuild] = Followers()


class JobBuilder:
    """Run plans in the project. `settings`: image, resources and limits of the Job; `project`: default the current."""

    name = "job"

    def __init__(
        self,
        project: Project | None = None,
        *,
        settings: JobSettings | None = None,
        if_running: IfRunning = "refuse",
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.project = project or connect()
        self.settings = settings or JobSettings()
        self.if_running = if_running
        self._environ = environ

    def check(self) -> None:
        """Raise NotAllowed, with the command that repairs it, where we may not make or follow what a build needs."""
        check_rights(self.project, _NEEDS)

    def start(
        self,
        plan: Plan,
        *,
        credentials: Credentials | None = None,
        secrets: Mapping[str, str] | None = None,
        verify: bool = True,
    ) -> Build:
        """Make the Job and what it needs, and return.

        Raises PlanInvalid, PlanTooLarge, SourceNotReachable, BuildConflict, ClusterError.
        """
        if isinstance(parse_image(plan.image), LayoutReference):
            raise PlanInvalid(
                f"A Job cannot write the OCI layout `{plan.image}`: it has no disk.",
                hint="Name a repository of a registry, or build here (`--builder kernel`).",
            )
        workbench = find_workbench(self.project, self._environ)
        folders = folders_of(plan, workbench, self.project)
        settle(self._running(plan), plan.image, self.if_running)
        settings = JobSettings(**{**vars(self.settings), "verify": verify and self.settings.verify})
        auths = auths_of(
            plan, credentials or Credentials(environ=self._environ), self.project, settings.deadline
        )
        proxies = {name: self._environ[name] for name in PROXY_VARIABLES if self._environ.get(name)}
        build_id = f"odh-oci-build-{randomness.token_hex(5)}"
        manifest = job(plan, build_id, settings, folders, workbench)
        engine = engine_zip()
        config_map(plan, build_id, engine, _UNBORN)  # refused before anything is made
        made = self.project.create(manifest)
        # The Job first, so that it owns the others and nothing is left over if we end here: its pod waits for them,
        # and its deadline ends the wait.
        try:
            self.project.create(secret(plan, build_id, auths, secrets or {}, proxies, made))
            self.project.create(config_map(plan, build_id, engine, made))
        except BaseException:
            with suppress(ClusterError):
                self.project.delete(JOBS, build_id)
            raise
        return self._followed(build_id, plan)

    def builds(self) -> list[Build]:
        """Running and finished builds of the project, newest first; each goes on from where it stands."""
        found: list[Build] = []
        jobs = self.project.list(JOBS, labels=SELECTOR)
        for one in sorted(jobs, key=lambda one: str(one["metadata"].get("creationTimestamp")), reverse=True):
            name = one["metadata"]["name"]
            known = self.project.find(CONFIG_MAPS, name)
            with suppress(PlanInvalid, KeyError, TypeError):  # half made, or of another version
                found.append(self._followed(name, Plan.from_json((known or {})["data"]["plan.json"])))
        return found

    def _followed(self, build_id: str, plan: Plan) -> JobBuild:
        """One follower for one Job, however often it is asked for."""
        return _FOLLOWERS.of(self.project, build_id, lambda: JobBuild(self.project, build_id, plan))

    def _running(self, plan: Plan) -> Iterator[Build]:
        """Running builds of the same image."""
        for one in self.project.list(JOBS, labels=f"{DESTINATION_LABEL}={destination_of(plan.image)}"):
            if job_end(one) is None:
                yield self._followed(one["metadata"]["name"], plan)


_UNBORN: dict[str, Any] = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "", "uid": ""}}
