"""What a pod of a service says of itself: scheduling, pulling, and each of its containers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from odh_oci_widgets.cluster.project import Manifest
from odh_oci_widgets.serving.cases import pod as cases
from odh_oci_widgets.serving.cases.pulling import RUNTIME_IMAGE_NOT_PULLED, pull_failure
from odh_oci_widgets.serving.protocol import Diagnosis

from .crashes import crash
from .snapshot import Snapshot, condition, is_ready, moment, when

#: The containers KServe puts the model image into, and the one of the model server.
MODEL_CONTAINERS = ("modelcar-init", "modelcar")
SERVER = "kserve-container"

_PULL_REASONS = {
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "RegistryUnavailable",
    "ImageInspectError",
    "SignatureValidationFailed",
}
_CONFIG_REASONS = {
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "ContainerCannotRun",
}
_MOUNT_EVENTS = {"FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "FailedMapVolume"}
#: A mount that fails a few times at first is normal: the Secret it waits for is made at the same time.
_MOUNT_FAILURES = 4


def pod_diagnosis(snapshot: Snapshot, pod: Manifest) -> Diagnosis | None:
    """What keeps this pod from being ready, the gravest first; None when nothing does."""
    status = pod.get("status") or {}
    if is_ready(pod):
        return None
    for found in (
        _gone(status),
        _silent_node(pod),
        _unschedulable(snapshot, pod),
        *_containers(snapshot, pod),
        _unmounted(snapshot, pod),
        pulling(snapshot, pod),
    ):
        if found is not None:
            return found
    return None


def pulling(snapshot: Snapshot, pod: Manifest) -> Diagnosis | None:
    """The pull that still goes on, with its time so far."""
    events = snapshot.events_of("Pod", pod["metadata"]["name"])
    last = next((e for e in reversed(events) if e.get("reason") in {"Pulling", "Pulled", "Failed"}), None)
    if last is None or last["reason"] != "Pulling":
        return None
    image = _quoted(last.get("message", ""))
    if any(_has_run(one) and _image(pod, one) == image for one in statuses(pod)):
        return None  # the event of the end was lost
    since = moment(when(last))
    spent = f" for {_duration(snapshot.now, since)}" if since else ""
    return cases.PULLING.found(str(last.get("message", "")), image=image, spent=spent)


def statuses(pod: Manifest) -> Iterator[dict[str, Any]]:
    """The status of each container, init containers first."""
    status = pod.get("status") or {}
    yield from status.get("initContainerStatuses") or ()
    yield from status.get("containerStatuses") or ()


def _has_run(status: dict[str, Any]) -> bool:
    state = status.get("state") or {}
    return bool(state.get("running") or state.get("terminated") or status.get("lastState"))


def _gone(status: dict[str, Any]) -> Diagnosis | None:
    if status.get("phase") != "Failed":
        return None
    reason, message = status.get("reason", ""), " ".join(str(status.get("message", "")).split())
    if reason == "Evicted":
        return cases.EVICTED.found(message=message or "no reason given")
    return cases.POD_ENDED.found(reason=reason or message or "no reason given")


def _silent_node(pod: Manifest) -> Diagnosis | None:
    """What the node said last is that all is well; that the pod is not ready says the cluster, as it hears no more."""
    ready = condition(pod, "Ready")
    well = condition(pod, "ContainersReady").get("status") == "True"
    lost = (pod.get("status") or {}).get("reason") == "NodeLost"
    if not lost and not (well and ready.get("status") == "False"):
        return None
    if ready.get("reason") == "ReadinessGatesNotReady":
        return None  # somebody else has a say, and has not said it yet
    node = (pod.get("spec") or {}).get("nodeName")
    return cases.NODE_SILENT.found(node=f"The node `{node}`" if node else "The node")


def _unschedulable(snapshot: Snapshot, pod: Manifest) -> Diagnosis | None:
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") != "False":
        return None
    message = str(scheduled.get("message", ""))
    if scheduled.get("reason") == "SchedulingGated":
        return cases.QUEUED.found(message)
    if any(e.get("reason") == "TriggeredScaleUp" for e in snapshot.events_of("Pod", pod["metadata"]["name"])):
        return cases.SCALING_UP.found(message)
    return _scheduling(message)


def _scheduling(message: str) -> Diagnosis:
    lacking = dict.fromkeys(re.findall(r"Insufficient ([\w./-]*\w)", message))
    accelerators = [one for one in lacking if "/" in one]
    if accelerators:
        return cases.NO_ACCELERATOR.found(message, accelerator=accelerators[0])
    if lacking:
        return cases.NO_ROOM.found(message, lacking=" and ".join(lacking))
    if "taint" in message:
        return cases.TAINTED.found(message)
    if "node affinity" in message or "node selector" in message:
        return cases.NO_SUCH_NODE.found(message)
    return cases.UNSCHEDULABLE.found(message, message=message or "the cluster does not say why")


def _containers(snapshot: Snapshot, pod: Manifest) -> Iterator[Diagnosis | None]:
    done = [
        one["name"]
        for one in (pod.get("status") or {}).get("initContainerStatuses") or ()
        if ((one.get("state") or {}).get("terminated") or {}).get("exitCode") == 0
    ]
    for status in statuses(pod):
        if status["name"] in done:
            continue
        state = status.get("state") or {}
        waiting = state.get("waiting") or {}
        reason = waiting.get("reason", "")
        if reason in _PULL_REASONS:
            yield _not_pulled(snapshot, pod, status, waiting)
        elif reason in _CONFIG_REASONS:
            yield _not_created(status, waiting)
        elif reason == "CrashLoopBackOff" or state.get("terminated") or status.get("restartCount"):
            yield crash(status, image=_image(pod, status))


def _not_pulled(
    snapshot: Snapshot, pod: Manifest, status: dict[str, Any], waiting: dict[str, Any]
) -> Diagnosis:
    image = _image(pod, status)
    text = str(waiting.get("message", ""))
    if "ErrImagePull" not in text and waiting.get("reason") == "ImagePullBackOff":
        # older kubelets say why only in the event
        events = snapshot.events_of("Pod", pod["metadata"]["name"])
        text = next(
            (
                str(e["message"])
                for e in reversed(events)
                if str(e.get("message", "")).startswith("Failed to pull")
            ),
            text,
        )
    # the image's name itself may hold words like `denied` or `404`
    cause = pull_failure(f"{waiting.get('reason')} {text}".replace(image, " "))
    if status["name"] in MODEL_CONTAINERS:
        return cause.found(text, image=image, words=cause.why)
    return RUNTIME_IMAGE_NOT_PULLED.found(text, container=status["name"], image=image, why=cause.why)


def _not_created(status: dict[str, Any], waiting: dict[str, Any]) -> Diagnosis:
    message = " ".join(str(waiting.get("message") or waiting.get("reason")).split())
    if "executable file not found" in message or "no such file or directory" in message:
        ended = {"terminated": {"exitCode": 128, "message": message}}
        return crash({**status, "state": ended}, image="") or cases.CONTAINER_NOT_STARTED.found(
            container=status["name"], message=message
        )
    if found := re.search(r'(secret|configmap) "([^"]+)" not found', message):
        return cases.REFERENCE_ABSENT.found(message, kind=found[1], name=found[2])
    return cases.CONTAINER_NOT_MADE.found(message, container=status["name"], message=message)


def _unmounted(snapshot: Snapshot, pod: Manifest) -> Diagnosis | None:
    if any((one.get("state") or {}).get("running") for one in statuses(pod)):
        return None
    events = snapshot.events_of("Pod", pod["metadata"]["name"])
    last = next((e for e in reversed(events) if e.get("reason") != "Scheduled"), None)
    if last is None or last.get("reason") not in _MOUNT_EVENTS:
        return None
    message = " ".join(str(last.get("message", "")).split())
    stuck = int(last.get("count") or (last.get("series") or {}).get("count") or 1) >= _MOUNT_FAILURES
    return (cases.MOUNT_MISSING if stuck else cases.MOUNT_WAITED_FOR).found(message, message=message)


def _image(pod: Manifest, status: dict[str, Any]) -> str:
    spec = pod.get("spec") or {}
    for one in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]:
        if one.get("name") == status["name"]:
            return str(one.get("image", ""))
    return str(status.get("image", ""))


def _quoted(message: str) -> str:
    found = re.search(r'"([^"]+)"', message)
    return found[1] if found else "of the model"


def _duration(now: datetime, since: datetime) -> str:
    seconds = max(int((now - since).total_seconds()), 0)
    return f"{seconds // 60} min {seconds % 60} s" if seconds >= 60 else f"{seconds} s"
