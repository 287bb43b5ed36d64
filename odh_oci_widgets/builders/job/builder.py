"""The builder `job`: the engine runs in a Kubernetes Job of the project."""

from __future__ import annotations

import os
import secrets as randomness
import weakref
from collections.abc import Mapping
from contextlib import suppress
from threading import Lock
from typing import Any, Literal

from odh_oci_widgets.builders.build import Build
from odh_oci_widgets.builders.errors import BuildConflict
from odh_oci_widgets.cluster import connect
from odh_oci_widgets.cluster.access import Need, may
from odh_oci_widgets.cluster.errors import ClusterError, NotAllowed
from odh_oci_widgets.cluster.project import Project
from odh_oci_widgets.cluster.repair import grant
from odh_oci_widgets.cluster.resources import CONFIG_MAPS, JOBS, PODS, SECRETS
from odh_oci_widgets.oci import Credentials, engine_zip
from odh_oci_widgets.oci.errors import PlanInvalid
from odh_oci_widgets.oci.plan import Plan
from odh_oci_widgets.oci.reference import LayoutReference, parse_image

from .build import JobBuild
from .credentials import auths_of
from .manifests import DESTINATION_LABEL, JobSettings, config_map, destination_of, job, secret
from .trouble import job_end
from .workbench import PROXY_VARIABLES, find_workbench, folders_of

#: What to do when a build of the same image is running.
IfRunning = Literal["refuse", "wait", "replace"]

_NEEDS = (
    *(Need("create", resource) for resource in (JOBS, SECRETS, CONFIG_MAPS)),
    *(Need("list", resource) for resource in (JOBS, PODS)),
    Need("get", PODS, "log"),
    Need("delete", JOBS),
)
_FOLLOWED: weakref.WeakValueDictionary[tuple[str, str, str], JobBuild] = weakref.WeakValueDictionary()
_FOLLOWING = Lock()


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
        missing = [str(need) for need in _NEEDS if not may(self.project, need)]
        if missing:
            command = grant(self.project.user, self.project.namespace, openshift=self.project.api.openshift)
            raise NotAllowed(
                f"A build in the project `{self.project.namespace}` needs what you may not do there:"
                f" {', '.join(missing)}.",
                hint=f"Somebody with admin rights can allow it: `{command}`.",
            )

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
        self._settle(plan)
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
            self.project.create(secret(plan, build_id, auths, (secrets or {}).get("hf"), proxies, made))
            self.project.create(config_map(plan, build_id, engine, made))
        except BaseException:
            with suppress(ClusterError):
                self.project.delete(JOBS, build_id)
            raise
        return self._followed(build_id, plan)

    def builds(self) -> list[Build]:
        """Running and finished builds of the project, newest first; each goes on from where it stands."""
        found: list[Build] = []
        selector = "app.kubernetes.io/managed-by=odh-oci-widgets,app.kubernetes.io/component=build"
        jobs = self.project.list(JOBS, labels=selector)
        for one in sorted(jobs, key=lambda one: str(one["metadata"].get("creationTimestamp")), reverse=True):
            name = one["metadata"]["name"]
            known = self.project.find(CONFIG_MAPS, name)
            with suppress(PlanInvalid, KeyError, TypeError):  # half made, or of another version
                found.append(self._followed(name, Plan.from_json((known or {})["data"]["plan.json"])))
        return found

    def _followed(self, build_id: str, plan: Plan) -> JobBuild:
        """One follower for one Job, however often it is asked for."""
        key = (self.project.host, self.project.namespace, build_id)
        with _FOLLOWING:
            build = _FOLLOWED.get(key)
            if build is None:
                build = _FOLLOWED[key] = JobBuild(self.project, build_id, plan)
            return build

    def _settle(self, plan: Plan) -> None:
        """Deal with running builds of the same image."""
        jobs = self.project.list(JOBS, labels=f"{DESTINATION_LABEL}={destination_of(plan.image)}")
        for one in jobs:
            if job_end(one) is not None:
                continue
            name = one["metadata"]["name"]
            if self.if_running == "refuse":
                raise BuildConflict(
                    f"A build of {plan.image} is running already: `{name}`.",
                    hint="Wait for it, replace it, or choose another tag.",
                    build_id=name,
                )
            other = self._followed(name, plan)
            if self.if_running == "replace":
                other.cancel()
            with suppress(Exception):  # how it ended is its own matter
                other.wait()


_UNBORN: dict[str, Any] = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "", "uid": ""}}
