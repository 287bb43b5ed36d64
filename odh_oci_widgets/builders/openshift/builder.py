"""The builder `openshift`: a BuildConfig of the project."""

from __future__ import annotations

import secrets as randomness
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from odh_oci_widgets.builders.auths import auths_of, logins_of
from odh_oci_widgets.builders.containerfile import containerfile, local_files
from odh_oci_widgets.builders.context import context, context_size
from odh_oci_widgets.builders.errors import PlanTooLarge, SourceNotReachable
from odh_oci_widgets.builders.in_project import Followers, ProjectBuilder, age_key, made_at
from odh_oci_widgets.builders.marks import DESTINATION_LABEL, destination_of, owned, settle
from odh_oci_widgets.builders.protocol import Build
from odh_oci_widgets.builders.report import human_bytes
from odh_oci_widgets.cluster.access import Need
from odh_oci_widgets.cluster.errors import ClusterError, Conflict, KindNotFound
from odh_oci_widgets.cluster.features import api_groups
from odh_oci_widgets.cluster.resources import (
    BUILD_CONFIGS,
    BUILDS,
    CONFIG_MAPS,
    IMAGE_STREAMS,
    JOBS,
    PODS,
    SECRETS,
)
from odh_oci_widgets.oci import Credentials
from odh_oci_widgets.oci.errors import PlanInvalid
from odh_oci_widgets.oci.plan import Plan
from odh_oci_widgets.oci.reference import LayoutReference, Reference, parse_image

from .build import OpenShiftBuild, as_soon_as_may_be
from .manifests import (
    CONTAINERFILE_BYTES,
    OpenShiftSettings,
    build_config,
    config_map,
    image_stream,
    is_internal,
    lifetime,
    secrets,
)
from .phases import status_of

_FOLLOWERS: Followers[OpenShiftBuild] = Followers()
#: Seconds after which a BuildConfig without a Build was given up by whoever made it.
_HALF_MADE_SECONDS = 3600


class OpenShiftBuilder(ProjectBuilder[OpenShiftSettings]):
    """Build images with OpenShift's builds. `settings`: resources and limits.

    Which registries may speak plain HTTP is a setting of the cluster: the plan's `insecure` does not change it.
    """

    name = "openshift"
    kind = BUILD_CONFIGS
    followers = _FOLLOWERS
    needs = (
        *(
            Need("create", resource)
            for resource in (BUILD_CONFIGS, SECRETS, CONFIG_MAPS, IMAGE_STREAMS, JOBS)
        ),
        Need("create", BUILD_CONFIGS, "instantiate"),
        Need("create", BUILD_CONFIGS, "instantiatebinary"),
        # Rights of their own: administrators may take them from everybody.
        Need("create", BUILDS, "docker"),
        Need("create", BUILDS, "optimizeddocker"),
        *(Need("list", resource) for resource in (BUILD_CONFIGS, BUILDS, PODS)),
        Need("get", BUILDS, "log"),
        Need("patch", BUILDS),
        *(Need("delete", resource) for resource in (BUILD_CONFIGS, JOBS)),
    )

    def _default_settings(self) -> OpenShiftSettings:
        return OpenShiftSettings()

    def check(self) -> None:
        """Raise KindNotFound where the cluster has no builds, NotAllowed where we may not use them."""
        if BUILDS.group not in api_groups(self.project):
            raise KindNotFound(
                f"The cluster {self.project.host} has no OpenShift builds: it is another Kubernetes, or the capability"
                " `Build` is switched off.",
                hint="Choose another builder: `--builder job`, or `kernel`.",
            )
        super().check()

    def start(
        self,
        plan: Plan,
        *,
        credentials: Credentials | None = None,
        secrets: Mapping[str, str] | None = None,
        verify: bool = True,
    ) -> Build:
        """Make the BuildConfig and what it needs, start a build of it, and return.

        Raises PlanInvalid, PlanTooLarge, SourceNotReachable, BuildConflict, ClusterError.
        """
        reference = parse_image(plan.image)
        if isinstance(reference, LayoutReference):
            raise PlanInvalid(
                f"An OpenShift build cannot write the OCI layout `{plan.image}`: it has no disk.",
                hint="Name a repository of a registry, or build here (`--builder kernel`).",
            )
        upload = self._upload_of(plan, verify=verify)
        settle(self._running(plan), plan.image, self.if_running)
        auths = self._auths(plan, reference, credentials or Credentials(environ=self._environ))
        build_id = f"odh-oci-build-{randomness.token_hex(5)}"
        config = build_config(
            plan,
            build_id,
            self.settings,
            namespace=self.project.namespace,
            push_secret=bool(auths),
            verify=verify,
        )
        stream = image_stream(plan, self.project.namespace)
        if stream is not None:
            with suppress(Conflict):  # the tag may be one more of a stream that there is
                self.project.create(stream)
        # First, so that all goes with it, whenever we end: a BuildConfig has no time to live of its own.
        owner = self.project.create(lifetime(plan, build_id, self.settings))
        try:
            made = self.project.create(owned(config, owner))
            # Once more: of two that started at the same moment each sees the other now, and the later one gives way.
            settle(self._running(plan, before=made), plan.image, self.if_running)
            self._equip(plan, build_id, auths, secrets or {}, made)
            if upload is None:
                self._instantiate(build_id)
        except BaseException:
            with suppress(ClusterError):
                self.project.delete(JOBS, build_id)
            raise
        return _FOLLOWERS.of(
            self.project,
            build_id,
            lambda: OpenShiftBuild(self.project, build_id, plan, upload=upload),
        )

    def _followed(self, build_id: str, plan: Plan) -> OpenShiftBuild:
        return _FOLLOWERS.of(self.project, build_id, lambda: OpenShiftBuild(self.project, build_id, plan))

    def _upload_of(self, plan: Plan, *, verify: bool) -> Callable[[], Iterator[bytes]] | None:
        """The tar of the files on this machine; None where there are none."""
        text = containerfile(plan, downloader=self.settings.downloader, verify=verify)
        if len(text.encode()) > CONTAINERFILE_BYTES:
            raise PlanTooLarge(
                f"The Containerfile of {plan.image} is too large for a build: {len(text)} bytes.",
                hint="Leave files out (`--exclude`), or build here (`--builder kernel`).",
            )
        files = local_files(plan)
        size = context_size(files)
        if size > self.settings.upload_limit:
            raise SourceNotReachable(
                f"The folder's {human_bytes(size)} are too much for the cluster's API, which a build gets them"
                f" through: the limit is {human_bytes(self.settings.upload_limit)}.",
                hint="Use `--builder job` for a model on the workbench's storage, or `--builder kernel`.",
            )
        return (lambda: context(text, files)) if files else None

    def _auths(self, plan: Plan, reference: Reference, credentials: Credentials) -> dict[str, dict[str, str]]:
        """Credentials of base and destination; the internal registry knows the account that builds."""
        logins = logins_of(plan, credentials, self.project, self.settings.deadline)
        if is_internal(reference):
            logins.pop(reference.name, None)
        return auths_of(logins)

    def _equip(
        self,
        plan: Plan,
        build_id: str,
        auths: Mapping[str, Any],
        given: Mapping[str, str],
        owner: Mapping[str, Any],
    ) -> None:
        for one in secrets(plan, build_id, auths, given, owner):
            self.project.create(one)
        self.project.create(config_map(plan, build_id, owner))

    def _instantiate(self, build_id: str) -> None:
        path = BUILD_CONFIGS.path(self.project.namespace, build_id, "instantiate")
        request = {
            "apiVersion": BUILDS.api_version,
            "kind": "BuildRequest",
            "metadata": {"name": build_id},
            "triggeredBy": [{"message": "Started by odh-oci-widgets"}],
        }
        as_soon_as_may_be(
            lambda: self.project.api.request("POST", path, what="start the build", body=request)
        )

    def _running(self, plan: Plan, before: Mapping[str, Any] | None = None) -> Iterator[Build]:
        """Running builds of the same image; `before`: those that are older than this one."""
        selector = f"{DESTINATION_LABEL}={destination_of(plan.image)}"
        for one in self.project.list(BUILD_CONFIGS, labels=selector):
            if before is not None and age_key(one) >= age_key(before):
                continue
            name = one["metadata"]["name"]
            last = self._last(name)
            begun = last is not None or _age(one) < _HALF_MADE_SECONDS
            if begun and (last is None or not status_of(last).finished):
                yield self._followed(name, self._plan_of(name) or plan)

    def _last(self, build_id: str) -> dict[str, Any] | None:
        found = sorted(self.project.list(BUILDS, labels=f"buildconfig={build_id}"), key=made_at)
        return found[-1] if found else None


def _age(one: Mapping[str, Any]) -> float:
    try:
        return (datetime.now(UTC) - datetime.fromisoformat(made_at(one))).total_seconds()
    except ValueError:
        return 0.0
