"""A recording: what the controllers of a real cluster did, step by step, cut at what the user did in between."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .patches import json_merge
from .recordings.trim import diff

Object = dict[str, Any]

FOLDER = Path(__file__).parent / "recordings"
STOP = "serving.kserve.io/stop"


@dataclass(frozen=True)
class Step:
    """One change: `object` of an ADDED, `patch` (JSON merge) of a MODIFIED, neither of a DELETED."""

    at: float
    resource: str
    type: str
    name: str
    object: Object | None = field(default=None, repr=False)
    patch: Object | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Recording:
    """`segments`: steps after each act of the user: `create`, then `stop`, `start`, `change` or `delete`
    (of a build: `cancel`).

    `answers` are the refusals and responses that came instead of objects (builds).
    """

    name: str
    segments: dict[str, tuple[Step, ...]]
    #: when the recorded service was created
    origin: str
    #: uid of the recorded service
    uid: str
    #: image of the recorded runtime's container
    runtime_image: str
    answers: tuple[Object, ...] = ()

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(step for segment in self.segments.values() for step in segment)


def situations() -> list[str]:
    """Names of the recordings of services that come with the tests."""
    return sorted(path.stem for path in FOLDER.glob("*.jsonl") if not path.stem.startswith("build-"))


def builds() -> list[str]:
    """Names of the recordings of builds."""
    return sorted(path.stem for path in FOLDER.glob("build-*.jsonl"))


def load(recording: str | Path | Recording) -> Recording:
    """A recording by its name here, or from any file in the full or in the trimmed form."""
    if isinstance(recording, Recording):
        return recording
    path = recording if isinstance(recording, Path) else FOLDER / f"{recording}.jsonl"
    return _load(path)


@functools.cache
def _load(path: Path) -> Recording:
    return read(path.stem, [json.loads(line) for line in path.read_text().splitlines()])


def read(name: str, lines: Iterable[Object]) -> Recording:
    """A recording from its lines."""
    states: dict[tuple[str, str], Object] = {}
    segments: dict[str, list[Step]] = {"create": []}
    current = "create"
    origin = uid = image = ""
    answers = []
    for line in lines:
        if line["type"] in ("REFUSED", "RESPONSE"):
            answers.append(line)
            continue
        step = _step(line, states)
        key = step.resource, step.name
        before = states.get(key, {})
        if step.type == "DELETED":
            states.pop(key, None)
        else:
            states[key] = step.object if step.object is not None else json_merge(before, step.patch)
        if step.resource in ("inferenceservices", "builds") and step.type == "ADDED" and not origin:
            origin = states[key]["metadata"]["creationTimestamp"]
            uid = states[key]["metadata"]["uid"]
        if step.resource == "inferenceservices" and step.type == "ADDED":
            continue  # the user's own act
        if step.resource == "pods" and not image:
            image = _runtime_image(states.get(key, {}))
        act = _act(step, before) if step.resource in ("inferenceservices", "builds") else ""
        if act:
            current = act
            segments[current] = []
            continue
        segments[current].append(step)
    frozen = {act: tuple(steps) for act, steps in segments.items()}
    return Recording(name, frozen, origin, uid, image or _image_of_deployment(frozen), tuple(answers))


def _step(line: Object, states: dict[tuple[str, str], Object]) -> Step:
    resource, kind = line["resource"], line["type"]
    obj = line.get("object")
    name = line.get("name") or obj["metadata"]["name"]
    if kind == "DELETED":
        return Step(line["t"], resource, kind, name)
    if kind == "MODIFIED" and "patch" in line:
        return Step(line["t"], resource, kind, name, patch=line["patch"])
    obj = copy.deepcopy(obj)
    obj["metadata"].pop("resourceVersion", None)
    if kind == "MODIFIED" and (resource, name) in states:
        return Step(line["t"], resource, kind, name, patch=diff(states[resource, name], obj))
    return Step(line["t"], resource, "ADDED", name, object=obj)


def _act(step: Step, before: Object) -> str:
    """What the user did, if this change is the user's."""
    meta = (step.patch or {}).get("metadata") or {}
    if step.resource == "builds":
        return "cancel" if ((step.patch or {}).get("status") or {}).get("cancelled") else ""
    if meta.get("deletionTimestamp") and not before.get("metadata", {}).get("deletionTimestamp"):
        return "delete"
    stop = (meta.get("annotations") or {}).get(STOP)
    if stop is not None:
        return "stop" if stop == "true" else "start"
    if "generation" in meta:
        return "change"
    return ""


def _runtime_image(pod: Object) -> str:
    for container in (pod.get("spec") or {}).get("containers") or []:
        if container["name"] == "kserve-container":
            return str(container["image"])
    return ""


def _image_of_deployment(segments: dict[str, tuple[Step, ...]]) -> str:
    for steps in segments.values():
        for step in steps:
            if step.resource == "deployments" and step.object:
                return _runtime_image(step.object["spec"]["template"])
    return ""
