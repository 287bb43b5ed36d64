"""A build in a Job of the project, followed through the log of its pod."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from threading import Thread
from typing import Any

from odh_oci_widgets.builders.build import BuildStatus
from odh_oci_widgets.builders.errors import BuildNotFound, BuildPodFailed
from odh_oci_widgets.builders.followed import FollowedBuild
from odh_oci_widgets.cluster.errors import ClusterError, LoginExpired, NotAllowed, Refused
from odh_oci_widgets.cluster.project import Project
from odh_oci_widgets.cluster.resources import EVENTS, JOBS, PODS, SECRETS
from odh_oci_widgets.oci.errors import Cancelled, OdhOciError
from odh_oci_widgets.oci.events import Failed, Log, from_json
from odh_oci_widgets.oci.plan import Plan

from .manifests import BUILD_LABEL, CONTAINER
from .trouble import job_end, job_trouble, pod_trouble

Manifest = Mapping[str, Any]

#: Seconds between two looks at what has no stream.
LOOK_SECONDS = 1.0
#: Seconds without a line after which the log is opened again: the engine speaks more often.
QUIET_SECONDS = 60.0
#: Seconds for everything to go after a cancel.
GONE_SECONDS = 90.0
#: Seconds that the cluster may be out of reach before the follower gives up; the build itself goes on.
PATIENCE_SECONDS = 600.0


class JobBuild(FollowedBuild):
    """One Job. It goes on without us: another kernel finds it with `JobBuilder.builds()`."""

    builder = "job"

    def __init__(self, project: Project, build_id: str, plan: Plan) -> None:
        super().__init__(build_id, plan)
        self.project = project
        self._read: dict[str, int] = {}
        self._told: set[str] = set()
        Thread(target=self._follow, name=f"build {build_id}", daemon=True).start()

    def cancel(self) -> None:
        """Delete the Job and all that belongs to it; `wait()` tells when it is gone."""
        if not self._cancel.is_set():
            self._cancel.set()
            Thread(target=self._delete, name=f"cancel {self.id}", daemon=True).start()

    def _delete(self) -> None:
        deadline = time.monotonic() + GONE_SECONDS
        while time.monotonic() < deadline:
            try:
                self.project.delete(JOBS, self.id)
            except ClusterError as error:
                self._log.append(Log(message=str(error)))
                time.sleep(LOOK_SECONDS)
            else:
                return

    def _follow(self) -> None:
        error: OdhOciError | None = None
        unreachable_since: float | None = None
        while True:
            try:
                ended, error = self._look()
                unreachable_since = None
            except (LoginExpired, NotAllowed) as refused:
                ended, error = True, refused
            except ClusterError as trouble:
                unreachable_since = unreachable_since or time.monotonic()
                self._tell(trouble)
                ended = time.monotonic() - unreachable_since > PATIENCE_SECONDS
                error = trouble
            if ended:
                break
            time.sleep(LOOK_SECONDS)
        if self._cancel.is_set() and self._image is None:
            self._error = None
            error = self._gone()
        with suppress(ClusterError):
            self.project.delete(SECRETS, self.id)
        self._end(error)

    def _look(self) -> tuple[bool, OdhOciError | None]:
        """Read what is new. Returns whether it is over, and the trouble that no event told."""
        job = self.project.find(JOBS, self.id)
        if job is None:
            return True, BuildNotFound(
                f"The Job `{self.id}` is gone before it was done.",
                hint="Start the build again: what was sent is reused.",
            )
        pods = self._pods()
        pod = pods[-1] if pods else None
        if pod is not None and _started(pod):
            self._status = BuildStatus.RUNNING
            self._read_log(pod["metadata"]["name"])
        end = job_end(job)
        trouble = self._trouble(pod)
        if end is None:
            if trouble is not None and self._image is None:
                self._tell(trouble)
            return False, None
        if self._image is not None or self._error is not None:
            return True, None
        if end == "DeadlineExceeded":
            seconds = job["spec"].get("activeDeadlineSeconds")
            return True, trouble or BuildPodFailed(
                f"The build was stopped after its {seconds} seconds.",
                hint="Start it again: what was sent is reused.",
            )
        return True, trouble or BuildPodFailed(
            f"The Job of the build failed: {end}.", hint="Look at its log."
        )

    def _pods(self) -> list[Manifest]:
        pods = self.project.list(PODS, labels=f"{BUILD_LABEL}={self.id}")
        return sorted(pods, key=lambda pod: (pod["metadata"].get("creationTimestamp", ""), _restarts(pod)))

    def _trouble(self, pod: Manifest | None) -> BuildPodFailed | None:
        try:
            name = pod["metadata"]["name"] if pod else self.id
            events = self.project.list(EVENTS, fields=f"involvedObject.name={name}")
        except NotAllowed:
            events = []
        return pod_trouble(pod, events) if pod else job_trouble(events)

    def _read_log(self, pod: str) -> None:
        """Feed the log's lines from where we stopped, until the stream ends."""
        skip = self._read.get(pod, 0)
        with suppress(Refused):  # no log yet, or no longer
            for number, line in enumerate(self._lines(pod)):
                if number < skip:
                    continue
                self._read[pod] = number + 1
                try:
                    event = from_json(line)
                except ValueError:
                    event = Log(message=line)
                if not (isinstance(event, Failed) and self._cancel.is_set()):
                    self._feed(event)

    def _lines(self, pod: str) -> Iterator[str]:
        return self.project.logs(pod, CONTAINER, follow=True, quiet=QUIET_SECONDS)

    def _gone(self) -> OdhOciError:
        """Wait until nothing of the build is left."""
        deadline = time.monotonic() + GONE_SECONDS
        while time.monotonic() < deadline:
            with suppress(ClusterError):
                if self.project.find(JOBS, self.id) is None and not self._pods():
                    break
            time.sleep(LOOK_SECONDS)
        return Cancelled(
            "The build was cancelled.", hint="Start it again when you like: what was sent is reused."
        )

    def _tell(self, trouble: OdhOciError) -> None:
        """Each sentence once."""
        if str(trouble) not in self._told:
            self._told.add(str(trouble))
            self._log.append(Log(message=str(trouble)))


def _started(pod: Manifest) -> bool:
    for container in (pod.get("status") or {}).get("containerStatuses") or ():
        if {"running", "terminated"} & set(container.get("state") or {}):
            return True
    return False


def _restarts(pod: Manifest) -> int:
    # Of two pods made within one second, the one still at work is the newer.
    return 1 if (pod.get("status") or {}).get("phase") in {"Pending", "Running"} else 0
