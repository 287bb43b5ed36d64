"""A build in a Job of the project, followed through the log of its pod."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from odh_oci_widgets.builders.errors import BuildNotFound, BuildPodFailed
from odh_oci_widgets.builders.in_project import QUIET_SECONDS, ProjectBuild
from odh_oci_widgets.builders.marks import BUILD_LABEL
from odh_oci_widgets.builders.protocol import BuildStatus
from odh_oci_widgets.cluster.errors import NotAllowed, Refused
from odh_oci_widgets.cluster.project import Project
from odh_oci_widgets.cluster.resources import EVENTS, JOBS, PODS
from odh_oci_widgets.oci.errors import OdhOciError
from odh_oci_widgets.oci.events import Failed, Log, from_json
from odh_oci_widgets.oci.plan import Plan

from .manifests import CONTAINER
from .trouble import job_end, job_trouble, pod_trouble

Manifest = Mapping[str, Any]


class JobBuild(ProjectBuild):
    """One Job. It goes on without us: another kernel finds it with `JobBuilder.builds()`."""

    builder = "job"

    def __init__(self, project: Project, build_id: str, plan: Plan) -> None:
        super().__init__(project, build_id, plan)
        self._read: dict[str, int] = {}
        self._go()

    def _take_away(self) -> None:
        self.project.delete(JOBS, self.id)

    def _left(self) -> bool:
        return self.project.find(JOBS, self.id) is not None or bool(self._pods())

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
            if job_end(job) is None:
                self._seen.set()
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


def _started(pod: Manifest) -> bool:
    for container in (pod.get("status") or {}).get("containerStatuses") or ():
        if {"running", "terminated"} & set(container.get("state") or {}):
            return True
    return False


def _restarts(pod: Manifest) -> int:
    # Of two pods made within one second, the one still at work is the newer.
    return 1 if (pod.get("status") or {}).get("phase") in {"Pending", "Running"} else 0
