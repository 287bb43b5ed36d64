"""A build in a Job of the project, followed through the log of its pod."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from odh_oci_widgets.builders.errors import BuildNotFound, BuildPodFailed
from odh_oci_widgets.builders.in_project import QUIET_SECONDS, ProjectBuild
from odh_oci_widgets.builders.marks import BUILD_LABEL
from odh_oci_widgets.builders.protocol import BuildStatus
from odh_oci_widgets.cluster.errors import ClusterUnreachable, NotAllowed, ObjectNotFound, Refused
from odh_oci_widgets.cluster.project import Project
from odh_oci_widgets.cluster.resources import EVENTS, JOBS, PODS
from odh_oci_widgets.oci.errors import OdhOciError
from odh_oci_widgets.oci.events import Done, Event, Failed, Log, from_json
from odh_oci_widgets.oci.plan import Plan

from .manifests import CONTAINER
from .trouble import job_end, job_trouble, pod_trouble

Manifest = Mapping[str, Any]

#: How often the log of a build that is done is read again where its stream breaks.
MOST_BREAKS = 10


class JobBuild(ProjectBuild):
    """One Job. It goes on without us: another kernel finds it with `JobBuilder.builds()`."""

    builder = "job"

    def __init__(self, project: Project, build_id: str, plan: Plan) -> None:
        super().__init__(project, build_id, plan)
        self._read: dict[str, int] = {}
        #: how often in a row the log's stream broke
        self._breaks = 0
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
        told = self._image is not None or self._error is not None
        if not told and 0 < self._breaks < MOST_BREAKS:
            return False, None  # the rest of the log is there to be read
        if not told and end == "Complete":
            self._feed(self._done(pod, job))
        if self._image is not None or self._error is not None:
            return True, None
        if end == "DeadlineExceeded":
            seconds = job["spec"].get("activeDeadlineSeconds")
            never_ran = trouble if pod is None or not _started(pod) else None
            return True, never_ran or BuildPodFailed(
                f"The build was stopped after its {seconds} seconds.",
                hint="Start it again: what was sent is reused.",
            )
        return True, trouble or BuildPodFailed(
            f"The Job of the build failed: {end}.", hint="Look at its log."
        )

    def _done(self, pod: Manifest | None, job: Manifest) -> Done:
        """How a build ended whose log is gone, or was cut before its end: what the container left, else the Job."""
        for container in ((pod or {}).get("status") or {}).get("containerStatuses") or ():
            message = ((container.get("state") or {}).get("terminated") or {}).get("message")
            with suppress(ValueError):
                if isinstance(event := from_json(message or ""), Done):
                    return event
        self.note("The build is done; its log is gone, and with it the image's digest.")
        size = sum(file.size for layer in self.plan.layers for file in layer.files)
        return Done(image=self.plan.image, digest="", size=size, sent=size, reused=0, seconds=_seconds(job))

    def _pods(self) -> list[Manifest]:
        pods = self.project.list(PODS, labels=f"{BUILD_LABEL}={self.id}")
        return sorted(pods, key=lambda pod: (pod["metadata"].get("creationTimestamp", ""), _restarts(pod)))

    def _trouble(self, pod: Manifest | None) -> BuildPodFailed | None:
        try:
            name = pod["metadata"]["name"] if pod else self.id
            events = self.project.list(EVENTS, fields=f"involvedObject.name={name}")
        except NotAllowed:
            events = []
        # The pod waits for them for a moment: they are made after the Job, which owns them.
        events = [
            one
            for one in events
            if not (self.id in (said := str(one.get("message"))) and "not found" in said)
        ]
        return pod_trouble(pod, events) if pod else job_trouble(events)

    def _read_log(self, pod: str) -> None:
        """Feed the log's lines from where we stopped, until the stream ends."""
        skip = self._read.get(pod, 0)
        try:
            for number, line in enumerate(self._lines(pod)):
                if number < skip:
                    continue
                self._read[pod] = number + 1
                self._take(line)
        except ClusterUnreachable:
            self._breaks += 1  # the next look goes on after the last line read
        except (Refused, ObjectNotFound):
            self._breaks = 0  # no log yet, or no longer
        else:
            self._breaks = 0

    def _take(self, line: str) -> None:
        event: Event
        try:
            event = from_json(line)
        except ValueError:
            event = Log(message=line)
        # Who stops a pod is not the engine: the Job says whether it was the deadline, a node, or us.
        if not (isinstance(event, Failed) and (event.error == "Cancelled" or self._cancel.is_set())):
            self._feed(event)

    def _lines(self, pod: str) -> Iterator[str]:
        return self.project.logs(pod, CONTAINER, follow=True, quiet=QUIET_SECONDS, whole=True)


def _started(pod: Manifest) -> bool:
    for container in (pod.get("status") or {}).get("containerStatuses") or ():
        if {"running", "terminated"} & set(container.get("state") or {}):
            return True
    return False


def _restarts(pod: Manifest) -> int:
    # Of two pods made within one second, the one still at work is the newer.
    return 1 if (pod.get("status") or {}).get("phase") in {"Pending", "Running"} else 0


def _seconds(job: Manifest) -> float:
    status = job.get("status") or {}
    try:
        begun, done = (datetime.fromisoformat(status[name]) for name in ("startTime", "completionTime"))
    except (KeyError, ValueError):
        return 0.0
    return (done - begun).total_seconds()
