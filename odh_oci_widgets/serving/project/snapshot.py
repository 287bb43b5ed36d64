"""Everything the cluster says of one service at one moment: what a diagnosis is made from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from odh_oci_widgets.cluster.errors import KindNotFound, NotAllowed, ObjectNotFound
from odh_oci_widgets.cluster.project import Manifest, Project
from odh_oci_widgets.cluster.resources import DEPLOYMENTS, EVENTS, INFERENCE_SERVICES, PODS

POD_LABEL = "serving.kserve.io/inferenceservice"

#: An earlier service of a name is not gone, and a new one made, in less.
_SAME_LIFE = timedelta(seconds=5)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the model said when it was asked whether it is ready."""

    ready: bool
    #: HTTP status; None when there was no answer at all
    status: int | None = None
    #: what it said, or why it could not be asked
    text: str = ""
    #: False when it answered the cluster but cannot be called from here
    reachable: bool = True


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The InferenceService (None when there is none), its pods, events and Deployment, and what the model answered."""

    name: str
    service: Manifest | None
    pods: tuple[Manifest, ...] = ()
    events: tuple[Manifest, ...] = ()
    deployment: Manifest | None = None
    #: None: not asked
    answer: Answer | None = None
    now: datetime
    #: what could not be read, as sentences
    unread: tuple[str, ...] = ()

    @property
    def annotations(self) -> dict[str, str]:
        """The InferenceService's annotations."""
        return dict(((self.service or {}).get("metadata") or {}).get("annotations") or {})

    @property
    def status(self) -> dict[str, Any]:
        """The InferenceService's status."""
        return dict((self.service or {}).get("status") or {})

    def condition(self, kind: str) -> dict[str, Any]:
        """One of its conditions; empty when it is not there."""
        return condition(self.service, kind)

    @property
    def image(self) -> str:
        """`oci://…`, or whatever stands as storage."""
        model = _predictor(self.service).get("model") or {}
        return str(model.get("storageUri") or "")

    @property
    def alive(self) -> list[Manifest]:
        """The pods that are not ending."""
        return [pod for pod in self.pods if not pod["metadata"].get("deletionTimestamp")]

    @property
    def current(self) -> list[Manifest]:
        """The pods of the newest version; one that ended for good only until another stands for it."""
        alive = self.alive
        if not alive:
            return []
        newest = max(alive, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")))
        found = [pod for pod in alive if _version(pod) == _version(newest)]
        return [pod for pod in found if not _has_ended(pod)] or found

    @property
    def older(self) -> list[Manifest]:
        """The pods of an earlier version that are still there, and ready."""
        current = {id(pod) for pod in self.current}
        return [pod for pod in self.alive if id(pod) not in current and is_ready(pod)]

    def events_of(self, kind: str, name: str | None = None) -> list[Manifest]:
        """The events of objects of a kind, oldest first."""
        return [
            event
            for event in self.events
            if event["involvedObject"].get("kind") == kind
            and name in {None, event["involvedObject"].get("name")}
        ]

    def answered(self, answer: Answer) -> Snapshot:
        """The same with the model's answer."""
        return replace(self, answer=answer)


def read_snapshot(project: Project, name: str) -> Snapshot:
    """Ask the cluster. Raises ClusterError when the InferenceService itself cannot be read."""
    unread: list[str] = []
    try:
        service: Manifest | None = project.get(INFERENCE_SERVICES, name)
    except ObjectNotFound:
        service = None
    pods: list[Manifest] = []
    events: list[Manifest] = []
    deployment = None
    try:
        pods = project.list(PODS, labels=f"{POD_LABEL}={name}")
    except NotAllowed as error:
        unread.append(str(error))
    try:
        events = [one for one in project.list(EVENTS) if _belongs(one, name, service, pods)]
    except NotAllowed as error:
        unread.append(str(error))
    try:
        deployment = project.find(DEPLOYMENTS, f"{name}-predictor")
    except (NotAllowed, KindNotFound) as error:
        unread.append(str(error))
    return Snapshot(
        name=name,
        service=service,
        pods=tuple(pods),
        events=tuple(sorted(events, key=_order)),
        deployment=deployment,
        now=project.api.now(),
        unread=tuple(unread),
    )


def snapshots_of(
    services: Sequence[Manifest],
    pods: Sequence[Manifest],
    events: Sequence[Manifest],
    deployments: Sequence[Manifest],
    *,
    now: datetime,
    unread: tuple[str, ...] = (),
) -> list[Snapshot]:
    """One snapshot for each service, in their order, of what was read of the whole project."""
    by_service: dict[str, list[Manifest]] = {}
    for pod in pods:
        by_service.setdefault((pod["metadata"].get("labels") or {}).get(POD_LABEL, ""), []).append(pod)
    by_name = {one["metadata"]["name"]: one for one in deployments}
    ordered = sorted(events, key=_order)
    return [
        Snapshot(
            name=name,
            service=service,
            pods=tuple(by_service.get(name, ())),
            events=tuple(one for one in ordered if _belongs(one, name, service, by_service.get(name, ()))),
            deployment=by_name.get(f"{name}-predictor"),
            now=now,
            unread=unread,
        )
        for service in services
        for name in [service["metadata"]["name"]]
    ]


def when(event: Manifest) -> str:
    """The last time of an event, as RFC 3339 text that sorts."""
    series = event.get("series") or {}
    return str(
        series.get("lastObservedTime")
        or event.get("lastTimestamp")
        or event.get("eventTime")
        or event["metadata"].get("creationTimestamp")
        or ""
    )


def _order(event: Manifest) -> tuple[str, int]:
    """By time; within a second as the API server wrote them: a quick pull begins and ends in one."""
    version = str(event["metadata"].get("resourceVersion") or "")
    return when(event), int(version) if version.isdecimal() else 0


def moment(text: str | None) -> datetime | None:
    """An RFC 3339 time."""
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def condition(manifest: Manifest | None, kind: str) -> dict[str, Any]:
    """A condition of an object; empty when it is not there."""
    conditions = ((manifest or {}).get("status") or {}).get("conditions") or ()
    return next((dict(one) for one in conditions if one.get("type") == kind), {})


def is_ready(pod: Manifest) -> bool:
    """Whether a pod's containers all pass their probes."""
    return bool(condition(pod, "Ready").get("status") == "True")


def _belongs(event: Manifest, name: str, service: Manifest | None, pods: Iterable[Manifest]) -> bool:
    """Whether an event is about the service or what it owns, and not about an earlier one of the same name."""
    about = event.get("involvedObject") or {}
    if about.get("kind") in {"HorizontalPodAutoscaler", "Service", "ConfigMap"}:
        return False
    if about.get("name") != name and not str(about.get("name", "")).startswith(f"{name}-predictor"):
        return False
    if about.get("kind") == "Pod" and any(pod["metadata"]["name"] == about["name"] for pod in pods):
        return True
    # both times are the API server's, whatever the clock of who reports
    begun = moment(((service or {}).get("metadata") or {}).get("creationTimestamp"))
    told = moment(event["metadata"].get("creationTimestamp"))
    return begun is None or told is None or told > begun - _SAME_LIFE


def _has_ended(pod: Manifest) -> bool:
    """An evicted pod stays as an object beside the one that was made in its place."""
    return (pod.get("status") or {}).get("phase") in {"Failed", "Succeeded"}


def _predictor(service: Manifest | None) -> dict[str, Any]:
    return dict(((service or {}).get("spec") or {}).get("predictor") or {})


def _version(pod: Manifest) -> str:
    labels = pod["metadata"].get("labels") or {}
    owners = pod["metadata"].get("ownerReferences") or ()
    return str(labels.get("pod-template-hash") or (owners[0]["name"] if owners else pod["metadata"]["name"]))
