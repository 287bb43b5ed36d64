"""The builder `job`: the engine runs in a Kubernetes Job of the project."""

from __future__ import annotations

import secrets as randomness
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from odh_oci_widgets.builders.auths import auths_of, logins_of
from odh_oci_widgets.builders.in_project import Followers, ProjectBuilder, age_key
from odh_oci_widgets.builders.marks import DESTINATION_LABEL, SELECTOR, destination_of, settle
from odh_oci_widgets.builders.protocol import Build
from odh_oci_widgets.cluster.access import Need
from odh_oci_widgets.cluster.errors import ClusterError
from odh_oci_widgets.cluster.resources import CONFIG_MAPS, JOBS, PODS, SECRETS
from odh_oci_widgets.oci import Credentials
from odh_oci_widgets.oci.base import EMBEDDED
from odh_oci_widgets.oci.embedded import place_base
from odh_oci_widgets.oci.errors import PlanInvalid
from odh_oci_widgets.oci.plan import Plan
from odh_oci_widgets.oci.reference import LayoutReference, parse_image

from .build import JobBuild
from .manifests import JobSettings, config_map, job, secret
from .trouble import job_end
from .workbench import PROXY_VARIABLES, Folders, Workbench, find_workbench, folders_of

_FOLLOWERS: Followers[JobBuild] = Followers()


class JobBuilder(ProjectBuilder[JobSettings]):
    """Run plans in the project. `settings`: image, resources and limits of the Job."""

    name = "job"
    kind = JOBS
    followers = _FOLLOWERS
    needs = (
        *(Need("create", resource) for resource in (JOBS, SECRETS, CONFIG_MAPS)),
        *(Need("list", resource) for resource in (JOBS, PODS)),
        Need("get", PODS, "log"),
        Need("delete", JOBS),
    )

    def _default_settings(self) -> JobSettings:
        return JobSettings()

    def check_plan(self, plan: Plan) -> Workbench | None:
        """Where we are, if a Job can execute the plan from here.

        Raises PlanInvalid for layouts, PlanTooLarge, SourceNotReachable for folders that no Job can mount.
        """
        return self._surveyed(plan)[0]

    def _surveyed(self, plan: Plan) -> tuple[Workbench | None, Folders]:
        if isinstance(parse_image(plan.image), LayoutReference):
            raise PlanInvalid(
                f"A Job cannot write the OCI layout `{plan.image}`: it has no disk.",
                hint="Name a repository of a registry, or build here (`--builder kernel`).",
            )
        if plan.base.startswith("oci:"):
            raise PlanInvalid(
                f"A Job cannot read the base `{plan.base}`, which is on this disk.",
                hint="Name a base in a registry, or `embedded`, or build here (`--builder kernel`).",
            )
        workbench = find_workbench(self.project, self._environ)
        folders = folders_of(plan, workbench, self.project)
        config_map(plan, "", {}, _UNBORN)
        return workbench, folders

    def start(
        self,
        plan: Plan,
        *,
        credentials: Credentials | None = None,
        secrets: Mapping[str, str] | None = None,
        verify: bool = True,
    ) -> Build:
        """Make the Job and what it needs, and return. Of the base `embedded` the layers are pushed from here.

        Raises PlanInvalid, PlanTooLarge, SourceNotReachable, BuildConflict, ClusterError, RegistryError.
        """
        workbench, folders = self._surveyed(plan)
        settle(self._running(plan), plan.image, self.if_running)
        settings = JobSettings(**{**vars(self.settings), "verify": verify and self.settings.verify})
        found = credentials or Credentials(environ=self._environ)
        logins = logins_of(plan, found, self.project, settings.deadline)
        base = place_base(plan, credentials=Credentials(logins)) if plan.base == EMBEDDED else {}
        proxies = {name: self._environ[name] for name in PROXY_VARIABLES if self._environ.get(name)}
        build_id = f"odh-oci-build-{randomness.token_hex(5)}"
        manifest = job(plan, build_id, settings, folders, workbench, base)
        made = self.project.create(manifest)
        # The Job first, so that it owns the others and nothing is left over if we end here: its pod waits for them,
        # and its deadline ends the wait.
        try:
            # Once more: of two that started at the same moment each sees the other now, and the later one gives way.
            settle(self._running(plan, before=made), plan.image, self.if_running)
            self.project.create(secret(plan, build_id, auths_of(logins), secrets or {}, proxies, made))
            self.project.create(config_map(plan, build_id, base, made))
        except BaseException:
            with suppress(ClusterError):
                self.project.delete(JOBS, build_id)
            raise
        return self._followed(build_id, plan)

    def _followed(self, build_id: str, plan: Plan) -> JobBuild:
        """One follower for one Job, however often it is asked for."""
        return _FOLLOWERS.of(self.project, build_id, lambda: JobBuild(self.project, build_id, plan))

    def _running(self, plan: Plan, before: Mapping[str, Any] | None = None) -> Iterator[Build]:
        """Running builds of the same image; `before`: those that are older than this one."""
        for one in self.project.list(
            JOBS, labels=f"{SELECTOR},{DESTINATION_LABEL}={destination_of(plan.image)}"
        ):
            if job_end(one) is None and (before is None or age_key(one) < age_key(before)):
                name = one["metadata"]["name"]
                yield self._followed(name, self._plan_of(name) or plan)


_UNBORN: dict[str, Any] = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "", "uid": ""}}
