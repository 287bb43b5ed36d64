"""The builder `openshift`: a BuildConfig of the project."""

from __future__ import annotations

import os
import secrets as randomness
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from odh_oci_widgets.builders.auths import auths_of
from odh_oci_widgets.builders.containerfile import containerfile, local_files
from odh_oci_widgets.builders.context import context, context_size
from odh_oci_widgets.builders.errors import PlanTooLarge, SourceNotReachable
from odh_oci_widgets.builders.in_project import Followers
from odh_oci_widgets.builders.marks import DESTINATION_LABEL, SELECTOR, IfRunning, destination_of, settle
from odh_oci_widgets.builders.protocol import Build
from odh_oci_widgets.builders.report import human_bytes
from odh_oci_widgets.builders.rights import check_rights
from odh_oci_widgets.cluster import connect
from odh_oci_widgets.cluster.access import Need
from odh_oci_widgets.cluster.errors import ClusterError, Conflict, KindNotFound
from odh_oci_widgets.cluster.features import api_groups
from odh_oci_widgets.cluster.project import Project
from odh_oci_widgets.cluster.resources import (
    BUILD_CONFIGS,
    BUILDS,
    CONFIG_MAPS,
    IMAGE_STREAMS,
    PODS,
    SECRETS,
)
from odh_oci_widgets.oci import Credentials
from odh_oci_widgets.oci.errors import PlanInvalid
from odh_oci_widgets.oci.plan import Plan
from odh_oci_widgets.oci.reference import LayoutReference, Reference, parse_image

from .build import OpenShiftBuild
from .manifests import (
    CONTAINERFILE_BYTES,
    OpenShiftSettings,
    build_config,
    config_map,
    image_stream,
    is_internal,
    secrets,
)
from .phases import status_of

_NEEDS = (
    *(Need("create", resource) for resource in (BUILD_CONFIGS, SECRETS, CONFIG_MAPS, IMAGE_STREAMS)),
    Need("create", BUILD_CONFIGS, "instantiate"),
    Need("create", BUILD_CONFIGS, "instantiatebinary"),
    # Rights of their own: administrators may take them from everybody.
    Need("create", BUILDS, "docker"),
    Need("create", BUILDS, "optimizeddocker"),
    *(Need("list", resource) for resource in (BUILD_CONFIGS, BUILDS, PODS)),
    Need("get", BUILDS, "log"),
    Need("patch", BUILDS),
    Need("delete", BUILD_CONFIGS),
)
_FOLLOWERS: Followers[OpenShiftBuild] = Followers()
#: Seconds after which a BuildConfig without a Build was given up by whoever made it.
_HALF_MADE_SECONDS = 3600


class OpenShiftBuilder:
    """Build images with OpenShift's builds. `settings`: resources and limits; `project`: default the current.

    Which registries may speak plain HTTP is a setting of the cluster: the plan's `insecure` does not change it.
    """

    name = "openshift"

    def __init__(
        self,
        project: Project | None = None,
        *,
        settings: OpenShiftSettings | None = None,
        if_running: IfRunning = "refuse",
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.project = project or connect()
        self.settings = settings or OpenShiftSettings()
        self.if_running = if_running
        self._environ = environ

    def check(self) -> None:
        """Raise KindNotFound where the cluster has no builds, NotAllowed where we may not use them."""
        if BUILDS.group not in api_groups(self.project):
            raise KindNotFound(
                f"The cluster {self.project.host} has no OpenShift builds: it is another Kubernetes, or the capability"
                " `Build` is switched off.",
                hint="Choose another builder: `--builder job`, or `kernel`.",
            )
        check_rights(self.project, _NEEDS)

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
        self._tidy()
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
        made = self.project.create(config)
        try:
            self._equip(plan, build_id, auths, secrets or {}, made)
            if upload is None:
                self._instantiate(build_id)
        except BaseException:
            with suppress(ClusterError):
                self.project.delete(BUILD_CONFIGS, build_id)
            raise
        return _FOLLOWERS.of(
            self.project,
            build_id,
            lambda: OpenShiftBuild(self.project, build_id, plan, upload=upload),
        )

    def builds(self) -> list[Build]:
        """Running and finished builds of the project, newest first; each goes on from where it stands."""
        with suppress(ClusterError):
            self._tidy()
        found: list[Build] = []
        configs = self.project.list(BUILD_CONFIGS, labels=SELECTOR)
        for one in sorted(configs, key=_made_at, reverse=True):
            name = one["metadata"]["name"]
            known = self.project.find(CONFIG_MAPS, name)
            with suppress(PlanInvalid, KeyError, TypeError):  # half made, or of another version
                found.append(self._followed(name, Plan.from_json((known or {})["data"]["plan.json"])))
        return found

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
        auths = auths_of(plan, credentials, self.project, self.settings.deadline)
        if is_internal(reference):
            auths.pop(f"{reference.registry}/{reference.repository}", None)
        return auths

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
        self.project.api.request("POST", path, what="start the build", body=request)

    def _running(self, plan: Plan) -> Iterator[Build]:
        """Running builds of the same image."""
        selector = f"{DESTINATION_LABEL}={destination_of(plan.image)}"
        for one in self.project.list(BUILD_CONFIGS, labels=selector):
            name = one["metadata"]["name"]
            last = self._last(name)
            if last is None or not status_of(last).finished:
                yield self._followed(name, plan)

    def _last(self, build_id: str) -> dict[str, Any] | None:
        found = sorted(self.project.list(BUILDS, labels=f"buildconfig={build_id}"), key=_made_at)
        return found[-1] if found else None

    def _tidy(self) -> None:
        """Delete what was finished long ago, or never begun: a BuildConfig has no time to live of its own."""
        now = datetime.now(UTC)
        for one in self.project.list(BUILD_CONFIGS, labels=SELECTOR):
            name = one["metadata"]["name"]
            if now - _time(_made_at(one)) < timedelta(seconds=min(self.settings.keep, _HALF_MADE_SECONDS)):
                continue
            last = self._last(name)
            ended = (last or {}).get("status", {}).get("completionTimestamp")
            if last is None or (ended and now - _time(ended) > timedelta(seconds=self.settings.keep)):
                self.project.delete(BUILD_CONFIGS, name)


def _made_at(one: Mapping[str, Any]) -> str:
    return str(one["metadata"].get("creationTimestamp") or "")


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return datetime.now(UTC)
