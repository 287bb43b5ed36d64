"""What is the matter with a Job's pod, in a sentence. Pure: objects in, words out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from odh_oci_widgets.builders.errors import BuildPodFailed

Manifest = Mapping[str, Any]

_PULL = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable"}
_KERNEL = "or build here (`--builder kernel`)"


def pod_trouble(pod: Manifest, events: Iterable[Manifest] = ()) -> BuildPodFailed | None:
    """Why the pod does not run (any more); None while there is nothing to complain about."""
    status = pod.get("status") or {}
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return BuildPodFailed(
                f"No node takes the build's pod: {_clip(condition.get('message'))}.",
                hint=f"Ask for less (`--builder-cpu`, `--builder-memory`), wait for room, {_KERNEL}.",
            )
    if status.get("reason") == "Evicted":
        return BuildPodFailed(
            f"The node evicted the build's pod: {_clip(status.get('message'))}.",
            hint="It is tried again elsewhere.",
        )
    for container in status.get("containerStatuses") or ():
        state = container.get("state") or {}
        waiting, ended = state.get("waiting"), state.get("terminated")
        if waiting and waiting.get("reason") in _PULL:
            return BuildPodFailed(
                f"The image `{container.get('image')}` that should run the build cannot be pulled:"
                f" {_clip(waiting.get('message') or waiting.get('reason'))}.",
                hint=f"Name another image that has Python 3.11 or newer, {_KERNEL}.",
            )
        if waiting and waiting.get("reason") in {
            "CreateContainerConfigError",
            "CreateContainerError",
            "RunContainerError",
        }:
            root = "runAsNonRoot" in str(waiting.get("message"))
            return BuildPodFailed(
                f"The build's container cannot be made: {_clip(waiting.get('message'))}.",
                hint=f"Name an image whose user is a number and not root, {_KERNEL}."
                if root
                else "Start the build again.",
            )
        if ended and ended.get("reason") == "OOMKilled":
            return BuildPodFailed(
                "The build's container was killed: it used more memory than its limit.",
                hint="Give it more (`--builder-memory 512Mi`).",
            )
        if ended and ended.get("exitCode") in {126, 127}:
            return BuildPodFailed(
                f"The image `{container.get('image')}` cannot run the build: it has no `python3`.",
                hint="Name another image that has Python 3.11 or newer.",
            )
        if ended and ended.get("exitCode"):
            return BuildPodFailed(
                f"The build's container ended with status {ended['exitCode']}: {_clip(ended.get('message'))}.",
                hint="Look at its log.",
            )
    for event in events:
        if event.get("reason") in {"FailedMount", "FailedAttachVolume"} and _pending(status):
            return BuildPodFailed(
                f"A volume of the build cannot be mounted: {_clip(event.get('message'))}.",
                hint=f"Where the volume can only be on one node, that node must have room; {_KERNEL[3:]}.",
            )
    return None


def job_trouble(events: Iterable[Manifest]) -> BuildPodFailed | None:
    """Why the Job cannot make its pod: quota, limits, policy."""
    refused = [str(event.get("message")) for event in events if event.get("reason") == "FailedCreate"]
    if not refused:
        return None
    text = refused[-1]
    if "must specify" in text:
        return BuildPodFailed(
            f"The project's quota wants of every pod what the build's does not say: {_clip(text)}.",
            hint=f"Somebody with admin rights can set a default with a LimitRange; {_KERNEL[3:]}.",
        )
    if "exceeded quota" in text:
        return BuildPodFailed(
            f"The project's quota leaves no room for the build's pod: {_clip(text)}.",
            hint=f"Delete something, ask for less (`--builder-cpu`, `--builder-memory`), {_KERNEL}.",
        )
    if "minimum" in text or "maximum" in text or "LimitRange" in text:
        return BuildPodFailed(
            f"The project's limit range refuses the build's pod: {_clip(text)}.",
            hint=f"Choose other values (`--builder-cpu`, `--builder-memory`), {_KERNEL}.",
        )
    if "PodSecurity" in text or "security context constraint" in text or "forbidden" in text:
        return BuildPodFailed(
            f"A policy of the cluster refuses the build's pod: {_clip(text)}.",
            hint=f"Ask the administrator, {_KERNEL}.",
        )
    return BuildPodFailed(f"The build's pod cannot be made: {_clip(text)}.", hint=f"Try again, {_KERNEL}.")


def job_end(job: Manifest) -> str | None:
    """How the Job ended: `Complete`, or the reason of its failure; None while it has not."""
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition.get("status") == "True" and condition.get("type") == "Complete":
            return "Complete"
        if condition.get("status") == "True" and condition.get("type") == "Failed":
            return str(condition.get("reason") or "Failed")
    return None


def _pending(status: Manifest) -> bool:
    return status.get("phase") == "Pending"


def _clip(text: Any) -> str:
    words = " ".join(str(text or "no reason given").split()).rstrip(".")
    return words if len(words) <= 300 else words[:300] + "…"
