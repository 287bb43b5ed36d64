"""Situations that nobody recorded, made from recordings and from what is known of the texts."""

from __future__ import annotations

import dataclasses
import functools
import json
import uuid
from typing import Any

from .likeness import each_string
from .recording import Recording, Step, load

Object = dict[str, Any]

_QUOTA = (
    "exceeded quota: q, requested: limits.cpu=2210m,limits.memory=2191Mi, used: limits.cpu=0,limits.memory=0, "
    "limited: limits.cpu=1,limits.memory=1Gi"
)


def _reworded(recording: Recording, name: str, words: dict[str, str]) -> Recording:
    """The same with other texts."""
    text = {json.dumps(old)[1:-1]: json.dumps(new)[1:-1] for old, new in words.items()}

    def reword(value: Any) -> Any:
        shown = json.dumps(value)
        for old, new in text.items():
            shown = shown.replace(old, new)
        return json.loads(shown)

    segments = {
        act: tuple(
            dataclasses.replace(step, object=reword(step.object), patch=reword(step.patch)) for step in steps
        )
        for act, steps in recording.segments.items()
    }
    return dataclasses.replace(recording, name=name, segments=segments)


def pod_refused(why: str) -> Recording:
    """The ReplicaSet may not make its pod, for the reason that admission gives."""
    return _reworded(load("out-of-quota"), "pod-refused", {_QUOTA: why})


@functools.cache
def limit_range() -> Recording:
    """A LimitRange with minima above the modelcar's 10m and 15Mi."""
    why = (
        "[minimum cpu usage per Container is 50m, but request is 10m, "
        "minimum memory usage per Container is 64Mi, but request is 15Mi]"
    )
    return dataclasses.replace(pod_refused(why), name="limit-range")


@functools.cache
def scc_refused() -> Recording:
    """No security context constraint admits the pod."""
    why = (
        'unable to validate against any security context constraint: [provider "anyuid": Forbidden: not usable by user '
        "or serviceaccount, provider restricted-v2: .containers[0].runAsUser: Invalid value: 1001: must be in the "
        'ranges: [1000740000, 1000749999], provider "privileged": Forbidden: not usable by user or serviceaccount]'
    )
    return dataclasses.replace(pod_refused(why), name="scc-refused")


@functools.cache
def wrong_architecture() -> Recording:
    """An image index without the node's platform."""
    why = 'choosing image instance: no image found in image index for architecture "amd64", variant "", OS "linux"'
    old = "reading manifest 1 in quay.io/org/model: manifest unknown"
    return _reworded(load("image-not-found"), "wrong-architecture", {old: why})


@functools.cache
def exec_format_error() -> Recording:
    """An image of another architecture, without an index: it is pulled, and its `sh` does not run."""
    old = "NOK : Prefetched but modelcar is invalid (/models does not exist or is empty)"
    return _reworded(load("no-models"), "exec-format-error", {old: "exec /usr/bin/sh: exec format error"})


@functools.cache
def redeploy(number: int = 1) -> Recording:
    """The change number so-and-so of a serving service: the new pod starts while the old one serves, then that goes."""
    recording = load("stop-and-start")
    create, start = recording.segments["create"], recording.segments["start"]
    # in the recording the Deployment was deleted and made again: here it stays
    again, first = _uid_of(start), _uid_of(create)
    changed: list[Step] = []
    for step in start:
        if step.resource in ("services", "horizontalpodautoscalers"):
            continue
        if step.resource == "deployments":
            source = step.patch or {"spec": (step.object or {}).get("spec"), "metadata": {"generation": 2}}
            changed.append(
                dataclasses.replace(step, type="MODIFIED", object=None, patch=_still_available(source))
            )
        elif step.resource == "inferenceservices":
            changed.append(dataclasses.replace(step, patch=_still_serving(step.patch or {})))
        else:
            obj = json.loads(json.dumps(step.object).replace(again, first))
            changed.append(dataclasses.replace(step, object=obj))
    changed = _of_number(changed, number)
    old_pod = next(step.name for step in create if step.resource == "pods")
    old_set = next(step.name for step in create if step.resource == "replicasets")
    end = changed[-1].at
    nothing = {"spec": {"replicas": 0}, "status": {"replicas": 0, "readyReplicas": 0, "availableReplicas": 0}}
    changed.append(Step(end + 0.1, "replicasets", "MODIFIED", old_set, patch=nothing))
    changed.append(Step(end + 0.2, "pods", "DELETED", old_pod))
    segments = {"create": create, "change": tuple(changed)}
    return dataclasses.replace(recording, name="redeploy", segments=segments)


def _of_number(steps: list[Step], number: int) -> list[Step]:
    """What a later change makes has names and uids that no earlier one made."""
    if number == 1:
        return steps
    made = [step for step in steps if step.type == "ADDED" and step.object]
    template = next(step.name for step in made if step.resource == "replicasets").rpartition("-")[2]
    again = {template: f"{template[:-4]}{number:04}"} | {
        step.object["metadata"]["uid"]: str(uuid.uuid5(uuid.NAMESPACE_OID, f"{step.name} {number}"))
        for step in made
        if step.object
    }

    def change(text: str) -> str:
        for old, new in again.items():
            text = text.replace(old, new)
        return text

    return [
        dataclasses.replace(
            step,
            name=change(step.name),
            object=each_string(step.object, change),
            patch=each_string(step.patch, change),
        )
        for step in steps
    ]


def _uid_of(steps: tuple[Step, ...]) -> str:
    made = next(step.object for step in steps if step.resource == "deployments" and step.object)
    return str(made["metadata"]["uid"])


def _still_available(patch: Object) -> Object:
    """The Deployment's old replica stays available while the new one comes."""
    patch = json.loads(json.dumps(patch))
    status = patch.get("status")
    if status:
        status |= {"availableReplicas": 1, "readyReplicas": 1}
        for condition in status.get("conditions") or []:
            if condition["type"] == "Available":
                condition |= {
                    "status": "True",
                    "reason": "MinimumReplicasAvailable",
                    "message": "Deployment has minimum availability.",
                }
    return patch


def _still_serving(patch: Object) -> Object:
    """The service stays Ready; the state of its target says that a new one is coming."""
    patch = json.loads(json.dumps(patch))
    status = patch.get("status")
    if not status:
        return patch
    loaded = (status.get("modelStatus") or {}).get("states", {}).get("activeModelState") == "Loaded"
    if not loaded:
        status.pop("conditions", None)
        status["modelStatus"] = {
            "states": {"activeModelState": "Loaded", "targetModelState": "Pending"},
            "transitionStatus": "InProgress",
        }
    status.pop("observedGeneration", None)
    status["observedGeneration"] = 1
    return patch


DERIVED = {
    "limit-range": limit_range,
    "scc-refused": scc_refused,
    "wrong-architecture": wrong_architecture,
    "exec-format-error": exec_format_error,
    "redeploy": redeploy,
}
