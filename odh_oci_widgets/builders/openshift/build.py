"""A build of OpenShift, followed by watching the Build and reading its log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from threading import Event as Flag
from threading import Thread
from typing import Any

from odh_oci_widgets.builders.errors import BuildFailed, BuildNotFound
from odh_oci_widgets.builders.in_project import LOOK_SECONDS, QUIET_SECONDS, ProjectBuild
from odh_oci_widgets.builders.job.trouble import pod_trouble
from odh_oci_widgets.builders.marks import BUILD_LABEL
from odh_oci_widgets.builders.protocol import BuildStatus
from odh_oci_widgets.builders.steps import PUSH, UPLOAD, Steps
from odh_oci_widgets.cluster.errors import ClusterError, Refused
from odh_oci_widgets.cluster.project import Project
from odh_oci_widgets.cluster.resources import BUILD_CONFIGS, BUILDS, CONFIG_MAPS, JOBS, PODS, SECRETS
from odh_oci_widgets.oci.errors import OdhOciError
from odh_oci_widgets.oci.events import Done, LayerState, Log
from odh_oci_widgets.oci.plan import Plan
from odh_oci_widgets.oci.reference import Reference

from .manifests import push_secret_name
from .phases import digest_of, phase_of, seconds_of, stages_of, status_of, trouble_of

Manifest = Mapping[str, Any]

#: Seconds of one watch; between two, what is not in the Build is looked at: its pod, the upload.
WATCH_SECONDS = 10.0
#: Seconds for a cancelled build to say so, before all is deleted.
CANCEL_SECONDS = 20.0
#: Seconds for a project that was just made to get its service accounts.
ACCOUNT_SECONDS = 30.0
#: Seconds for the rest of the log of a build that ended.
REST_SECONDS = 15.0
#: Seconds for the server to take the last byte of a folder: it waits up to five minutes for the build to start.
UPLOAD_SECONDS = 420.0


def as_soon_as_may_be(start: Callable[[], None]) -> None:
    """Start a build; in a project that was just made, as soon as it has the account that builds.

    Raises BuildFailed where it gets none, ClusterError for everything else.
    """
    deadline = time.monotonic() + ACCOUNT_SECONDS
    while True:
        try:
            start()
        except ClusterError as error:
            if 'serviceaccounts "builder" not found' not in error.message:
                raise
            if time.monotonic() > deadline:
                raise BuildFailed(
                    "The project has no service account `builder`, as which OpenShift builds.",
                    hint="Ask an administrator whether builds are switched off, or choose another builder"
                    " (`--builder job`).",
                ) from error
            time.sleep(LOOK_SECONDS)
        else:
            return


class OpenShiftBuild(ProjectBuild):
    """One BuildConfig with its Build. It goes on without us, but for the upload of a folder.

    `upload` gives the folder's tar: then the build is started with it.
    """

    builder = "openshift"

    def __init__(
        self,
        project: Project,
        build_id: str,
        plan: Plan,
        *,
        upload: Callable[[], Iterator[bytes]] | None = None,
    ) -> None:
        super().__init__(project, build_id, plan)
        self._steps = Steps(plan)
        self._over = Flag()
        self._reader: Thread | None = None
        self._upload_error: OdhOciError | None = None
        self._feed(self._steps.planned())
        if upload is not None:
            Thread(target=self._upload, args=(upload,), name=f"upload {build_id}", daemon=True).start()
        self._go()

    # --- starting with a folder ---

    def _upload(self, content: Callable[[], Iterator[bytes]]) -> None:
        path = BUILD_CONFIGS.path(self.project.namespace, self.id, "instantiatebinary")

        def send() -> None:
            self.project.api.upload(
                path,
                self._counted(content()),
                what="send the folder to the build",
                read_timeout=UPLOAD_SECONDS,
            )

        try:
            as_soon_as_may_be(send)
        except OdhOciError as error:
            self._upload_error = error
        else:
            self._feed_all(self._steps.at(UPLOAD, LayerState.DONE))

    def _counted(self, content: Iterator[bytes]) -> Iterator[bytes]:
        sent = 0
        for block in content:
            yield block
            sent += len(block)
            self._feed_all(self._steps.at(UPLOAD, LayerState.SENDING, min(sent, self._steps.size)))

    # --- following ---

    def _look(self) -> tuple[bool, OdhOciError | None]:
        """Watch for a while. Returns whether it is over, and the trouble that no event told."""
        labels = f"buildconfig={self.id}"
        for change in self.project.watch(BUILDS, labels=labels, timeout=WATCH_SECONDS):
            if change.type == "DELETED":
                return True, self._lost()
            ended, error = self._take(change.object)
            if ended:
                return True, error
        if self._upload_error is not None:
            return True, self._upload_error
        if self.project.find(BUILD_CONFIGS, self.id) is None:
            return True, self._lost()
        if self._status is BuildStatus.PENDING:
            self._look_at_pod()
        return False, None

    def _take(self, build: Manifest) -> tuple[bool, OdhOciError | None]:
        status, trouble = status_of(build), trouble_of(build)
        name = build["metadata"]["name"]
        if status is not BuildStatus.PENDING and phase_of(build) not in {"Cancelled", "Error"}:
            self._read_log(name)
        if "PushImage" in stages_of(build):
            self._feed_all(self._steps.at(PUSH, LayerState.SENDING, 0))
        if not status.finished:
            self._status = status
            self._seen.set()
            if trouble is not None:
                self._tell(trouble)
            return False, None
        self._over.set()
        if self._reader is not None:
            self._reader.join(REST_SECONDS)
        if status is not BuildStatus.SUCCEEDED:
            return True, trouble
        digest = digest_of(build)
        image = str(Reference.parse(self.plan.image).with_digest(digest)) if digest else self.plan.image
        self._feed_all(self._steps.all_done())
        size = self._steps.size
        self._feed(
            Done(image=image, digest=digest or "", size=size, sent=size, reused=0, seconds=seconds_of(build))
        )
        return True, None

    def _look_at_pod(self) -> None:
        pods = self.project.list(PODS, labels=f"openshift.io/build.name={self._name()}")
        trouble = pod_trouble(pods[-1]) if pods else None
        if trouble is not None:
            self._tell(trouble)

    def _name(self) -> str:
        found = self._builds()
        return str(found[-1]["metadata"]["name"]) if found else f"{self.id}-1"

    def _builds(self) -> list[dict[str, Any]]:
        found = self.project.list(BUILDS, labels=f"buildconfig={self.id}")
        return sorted(found, key=lambda one: str(one["metadata"].get("creationTimestamp")))

    def _lost(self) -> OdhOciError:
        return BuildNotFound(f"The build `{self.id}` is gone before it was done.", hint="Start it again.")

    # --- the log ---

    def _read_log(self, name: str) -> None:
        if self._reader is None:
            self._reader = Thread(target=self._log_lines, args=(name,), name=f"log {name}", daemon=True)
            self._reader.start()

    def _log_lines(self, name: str) -> None:
        """Read the log until the build is over; where the stream breaks, go on after the lines read."""
        path = BUILDS.path(self.project.namespace, name, "log")
        query = {"follow": "true", "nowait": "true"}
        read = 0
        while True:
            last = self._over.is_set()
            try:
                with self.project.api.stream(
                    path, what="read the build's log", query=query, read_timeout=QUIET_SECONDS, whole=not last
                ) as lines:
                    for number, line in enumerate(lines):
                        if number >= read:
                            read = number + 1
                            self._take_line(line.decode(errors="replace").rstrip("\r"))
            except Refused:  # it never had one
                return
            except ClusterError as error:
                self._tell(error)
            if last:
                return
            self._over.wait(LOOK_SECONDS)

    def _take_line(self, line: str) -> None:
        self._feed(Log(message=line))
        self._feed_all(self._steps.line(line))

    def _feed_all(self, events: Iterator[Any]) -> None:
        for event in events:
            self._feed(event)

    # --- cancelling ---

    def _take_away(self) -> None:
        """Cancel the build, so that its pod ends in order, then delete what made it; the rest goes with that."""
        deadline = time.monotonic() + CANCEL_SECONDS
        for one in self._builds():
            if status_of(one).finished:
                continue
            self.project.patch(BUILDS, one["metadata"]["name"], {"status": {"cancelled": True}})
            while time.monotonic() < deadline and not status_of(one).finished:
                time.sleep(LOOK_SECONDS / 4)
                one = self.project.find(BUILDS, one["metadata"]["name"]) or {"status": {"phase": "Cancelled"}}  # noqa: PLW2901
        self.project.delete(BUILD_CONFIGS, self.id)
        self.project.delete(JOBS, self.id)

    def _left(self) -> bool:
        if self.project.find(BUILD_CONFIGS, self.id) is not None or self._builds():
            return True
        with suppress(ClusterError):
            return any(
                self.project.list(kind, labels=f"{BUILD_LABEL}={self.id}")
                for kind in (SECRETS, CONFIG_MAPS, JOBS)
            )
        return False

    def _secret_names(self) -> tuple[str, ...]:
        return (self.id, push_secret_name(self.id))
