"""What a pod of a service says of itself: scheduling, pulling, and each of its containers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from odh_oci_widgets.cluster.project import Manifest
from odh_oci_widgets.serving.protocol import Diagnosis, ServiceState

from .crashes import crash
from .pull_failures import pull_failure
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
    since = moment(when(last))
    spent = f" for {_duration(snapshot.now, since)}" if since else ""
    return Diagnosis(
        state=ServiceState.STARTING,
        sentence=f"The image `{image}` is being pulled{spent}.",
        hint="A large model takes minutes the first time on a node.",
        evidence=(str(last.get("message", "")),),
    )


def statuses(pod: Manifest) -> Iterator[dict[str, Any]]:
    """The status of each container, init containers first."""
    status = pod.get("status") or {}
    yield from status.get("initContainerStatuses") or ()
    yield from status.get("containerStatuses") or ()


def _gone(status: dict[str, Any]) -> Diagnosis | None:
    if status.get("phase") != "Failed":
        return None
    reason, message = status.get("reason", ""), " ".join(str(status.get("message", "")).split())
    if reason == "Evicted":
        return _failed(
            f"The node evicted the pod: {message or 'no reason given'}.",
            "It is made anew where there is room.",
        )
    return _failed(f"The pod ended: {reason or message or 'no reason given'}.", "See the logs.")


def _unschedulable(snapshot: Snapshot, pod: Manifest) -> Diagnosis | None:
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") != "False":
        return None
    message = str(scheduled.get("message", ""))
    if scheduled.get("reason") == "SchedulingGated":
        return Diagnosis(
            state=ServiceState.PENDING,
            sentence="The pod waits in a queue for its turn.",
            hint="It starts when the queue (Kueue) has room.",
            evidence=(message,),
        )
    if any(e.get("reason") == "TriggeredScaleUp" for e in snapshot.events_of("Pod", pod["metadata"]["name"])):
        return Diagnosis(
            state=ServiceState.PENDING,
            sentence="No node has room; the cluster is adding one.",
            hint="A new node takes some minutes.",
            evidence=(message,),
        )
    sentence, hint = _scheduling(message)
    return _failed(sentence, hint, message)


def _scheduling(message: str) -> tuple[str, str]:
    lacking = dict.fromkeys(re.findall(r"Insufficient ([\w./-]*\w)", message))
    accelerators = [one for one in lacking if "/" in one]
    if accelerators:
        return (
            f"No node has a free accelerator (`{accelerators[0]}`).",
            "Wait until one is free, ask for fewer GPUs, or ask an administrator which nodes have GPUs.",
        )
    if lacking:
        return (
            f"No node has enough free {' and '.join(lacking)}.",
            "Deploy with less, or stop another service.",
        )
    if "taint" in message:
        return (
            "All nodes are reserved for others (taints).",
            "Choose a hardware profile for these nodes, or ask an administrator.",
        )
    if "node affinity" in message or "node selector" in message:
        return (
            "No node is of the kind that is asked for.",
            "Choose another hardware profile, or ask an administrator.",
        )
    return f"No node takes the pod: {message or 'the cluster does not say why'}", "Ask an administrator."


def _containers(snapshot: Snapshot, pod: Manifest) -> Iterator[Diagnosis | None]:
    for status in statuses(pod):
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
    which = "The image" if status["name"] in MODEL_CONTAINERS else f"The image of `{status['name']}`,"
    comma = "" if status["name"] in MODEL_CONTAINERS else ","
    hint = (
        cause.hint
        if status["name"] in MODEL_CONTAINERS
        else "Choose another runtime, or ask an administrator."
    )
    return _failed(f"{which} `{image}`{comma} cannot be pulled: {cause.why}.".replace("..", "."), hint, text)


def _not_created(status: dict[str, Any], waiting: dict[str, Any]) -> Diagnosis:
    message = " ".join(str(waiting.get("message") or waiting.get("reason")).split())
    if "executable file not found" in message or "no such file or directory" in message:
        return crash(
            {**status, "state": {"terminated": {"exitCode": 128, "message": message}}}, image=""
        ) or (_failed(f"The container `{status['name']}` cannot start: {message}.", "See the events."))
    if found := re.search(r'(secret|configmap) "([^"]+)" not found', message):
        return _failed(
            f"The {found[1]} `{found[2]}` that the service needs does not exist.",
            "Make it, or redeploy.",
            message,
        )
    return _failed(f"The container `{status['name']}` cannot be made: {message}.", "See the events.", message)


def _unmounted(snapshot: Snapshot, pod: Manifest) -> Diagnosis | None:
    if any((one.get("state") or {}).get("running") for one in statuses(pod)):
        return None
    events = snapshot.events_of("Pod", pod["metadata"]["name"])
    last = next((e for e in reversed(events) if e.get("reason") != "Scheduled"), None)
    if last is None or last.get("reason") not in _MOUNT_EVENTS:
        return None
    message = " ".join(str(last.get("message", "")).split())
    stuck = int(last.get("count") or (last.get("series") or {}).get("count") or 1) >= _MOUNT_FAILURES
    return Diagnosis(
        state=ServiceState.FAILED if stuck else ServiceState.STARTING,
        sentence=f"The pod waits for something it mounts: {message}.".replace("..", "."),
        hint="See whether the Secret or volume named exists." if stuck else "It may appear in a moment.",
        evidence=(message,),
    )


def _image(pod: Manifest, status: dict[str, Any]) -> str:
    spec = pod.get("spec") or {}
    for one in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]:
        if one.get("name") == status["name"]:
            return str(one.get("image", ""))
    return str(status.get("image", ""))


def _failed(sentence: str, hint: str, *evidence: str) -> Diagnosis:
    return Diagnosis(
        state=ServiceState.FAILED, sentence=sentence, hint=hint, evidence=tuple(e for e in evidence if e)
    )


def _quoted(message: str) -> str:
    found = re.search(r'"([^"]+)"', message)
    return found[1] if found else "of the model"


def _duration(now: datetime, since: datetime) -> str:
    seconds = max(int((now - since).total_seconds()), 0)
    return f"{seconds // 60} min {seconds % 60} s" if seconds >= 60 else f"{seconds} s"
