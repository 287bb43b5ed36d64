"""What happened to a service so far, in order: for a person who waits."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from odh_oci_widgets.cluster.project import Manifest

from .pods import SERVER, statuses
from .snapshot import Snapshot, condition, moment, when


@dataclass(frozen=True, kw_only=True)
class Moment:
    """One thing that happened."""

    at: datetime
    text: str
    warning: bool = False


_NOISE = {
    "VirtualServiceCRDNotFound",
    "UpdateFailed",
    "InternalError",
    "SuccessfulCreate",
    "ScalingReplicaSet",
}
_QUOTED = re.compile(r'"([^"]+)"')
_TOOK = re.compile(r" in ([0-9hms.µ]+)")


def timeline(snapshot: Snapshot) -> list[Moment]:
    """Created, scheduled, pulled (with its time), started, ready; and the warnings in between. Oldest first."""
    found: list[Moment] = []
    _add(found, ((snapshot.service or {}).get("metadata") or {}).get("creationTimestamp"), "created")
    for pod in snapshot.current:
        _pod(found, pod)
    for event in snapshot.events:
        _event(found, event)
    ready = snapshot.condition("Ready")
    if ready.get("status") == "True":
        _add(found, ready.get("lastTransitionTime"), "ready for the cluster")
    return sorted(found, key=lambda one: one.at)


def event_lines(snapshot: Snapshot) -> list[str]:
    """The events as lines: time, kind and name, reason, message, how often."""
    lines = []
    for event in snapshot.events:
        about = event["involvedObject"]
        times = int(event.get("count") or (event.get("series") or {}).get("count") or 1)
        often = f" (x{times})" if times > 1 else ""
        message = " ".join(str(event.get("message", "")).split())
        lines.append(
            f"{when(event)} {about.get('kind')}/{about.get('name')} {event.get('reason')}: {message}{often}"
        )
    return lines


def _pod(found: list[Moment], pod: Manifest) -> None:
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "True":
        node = (pod.get("spec") or {}).get("nodeName")
        _add(
            found,
            scheduled.get("lastTransitionTime"),
            f"scheduled to the node {node}" if node else "scheduled",
        )
    for status in statuses(pod):
        running = (status.get("state") or {}).get("running") or {}
        if status["name"] == SERVER:
            _add(found, running.get("startedAt"), "model server started")
    ready = condition(pod, "Ready")
    if ready.get("status") == "True":
        _add(found, ready.get("lastTransitionTime"), "model server ready")


def _event(found: list[Moment], event: Manifest) -> None:
    reason, message = event.get("reason"), " ".join(str(event.get("message", "")).split())
    if reason == "Pulling":
        _add(found, when(event), f"pulling {_first_quoted(message)}")
    elif reason == "Pulled" and (took := _TOOK.search(message)):
        _add(found, when(event), f"pulled {_first_quoted(message)} in {took[1]}")
    elif event.get("type") == "Warning" and reason not in _NOISE:
        _add(found, when(event), f"{reason}: {message}", warning=True)


def _first_quoted(message: str) -> str:
    quoted = _QUOTED.search(message)
    return quoted[1] if quoted else "an image"


def _add(found: list[Moment], at: str | None, text: str, *, warning: bool = False) -> None:
    time = moment(at)
    if time is not None:
        found.append(Moment(at=time, text=text, warning=warning))
