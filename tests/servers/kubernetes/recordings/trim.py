"""How the recordings in this folder were made from the full ones: `python -m tests.servers.kubernetes.recordings.trim FOLDER`.

Full: one JSON object per line with `t`, `resource`, `type`, `object`. Trimmed: the same lines without noise and without
the second and later rounds of back-off loops; fields that nobody reads are out; a MODIFIED line has `name` and `patch`
(a JSON merge patch of what it changed) instead of the whole object.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

Object = dict[str, Any]

#: events that say nothing about the service: one of each is kept, for readers must not stumble over them
NOISE = {
    "VirtualServiceCRDNotFound",
    "FailedGetResourceMetric",
    "FailedComputeMetricsReplicas",
    "UpdateFailed",
    "InternalError",
}
#: rounds of a loop (pull, back off, pull…) that are kept
ROUNDS = 2


def diff(old: Any, new: Any) -> Any:
    """The JSON merge patch that makes `new` of `old`."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    patch: Object = {name: None for name in old if name not in new}
    for name, value in new.items():
        if name not in old or old[name] != value:
            patch[name] = diff(old.get(name), value)
    return patch


def _slim_pod(spec: Object) -> None:
    for name in (
        "tolerations",
        "enableServiceLinks",
        "preemptionPolicy",
        "priority",
        "schedulerName",
        "dnsPolicy",
        "securityContext",
    ):
        spec.pop(name, None)
    spec["volumes"] = [v for v in spec.get("volumes") or [] if not v["name"].startswith("kube-api-access")]
    for container in [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]:
        for name in ("livenessProbe", "readinessProbe", "terminationMessagePath"):
            container.pop(name, None)
        container["volumeMounts"] = [
            m for m in container.get("volumeMounts") or [] if not m["name"].startswith("kube-api-access")
        ]


def _bare_containers(spec: Object) -> None:
    for name in ("containers", "initContainers"):
        if name in spec:
            spec[name] = [{"name": c["name"], "image": c["image"]} for c in spec[name]]


def slim(resource: str, obj: Object) -> Object:
    """An object without what no reader of a service's life looks at."""
    obj = json.loads(json.dumps(obj))
    obj["metadata"].pop("managedFields", None)
    obj["metadata"].pop("resourceVersion", None)
    if resource == "pods":
        _slim_pod(obj["spec"])
        if "openshift.io/build.name" in obj["metadata"].get("annotations", {}):
            _bare_containers(obj["spec"])
            obj["spec"].pop("volumes")
    elif resource in ("deployments", "replicasets"):
        template = obj["spec"]["template"]
        template["spec"] = {
            name: template["spec"][name]
            for name in ("containers", "serviceAccountName")
            if name in template["spec"]
        }
        _bare_containers(template["spec"])
        template["metadata"].pop("annotations", None)
    elif resource == "configmaps":
        obj["data"] = dict.fromkeys(obj.get("data") or {}, "")
    elif resource == "horizontalpodautoscalers":
        obj["spec"].pop("behavior", None)
    elif resource == "inferenceservices":
        # what the user wrote is the user's: only what the controllers did is played
        obj["spec"] = {}
    elif resource == "services":
        for name in ("ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy", "sessionAffinity"):
            obj["spec"].pop(name, None)
    return obj


def trim(lines: list[Object]) -> list[Object]:
    kept: list[Object] = []
    states: dict[tuple[str, str], Object] = {}
    rounds: dict[tuple[str, ...], int] = {}
    dropped: set[tuple[str, str]] = set()
    for line in lines:
        if "object" not in line:
            kept.append(line)
            continue
        resource, kind, obj = line["resource"], line["type"], slim(line["resource"], line["object"])
        key = resource, obj["metadata"]["name"]
        if resource == "events":
            what = (obj["involvedObject"]["kind"], obj["reason"], obj["message"][:40])
            if kind == "ADDED":
                rounds[what] = rounds.get(what, 0) + 1
            most = 1 if obj["reason"] in NOISE else ROUNDS
            noise_again = obj["reason"] in NOISE and kind == "MODIFIED"
            if noise_again or rounds.get(what, 0) > most or key in dropped:
                dropped.add(key)
                continue
        if kind == "MODIFIED" and key in states:
            patch = diff(states[key], obj)
            if not patch:
                continue
            if resource == "pods":
                shown = json.dumps(obj["status"].get("initContainerStatuses", [])) + json.dumps(
                    obj["status"].get("containerStatuses", [])
                )
                shown = "".join(c for c in shown if not c.isdigit())
                rounds[(*key, shown)] = rounds.get((*key, shown), 0) + 1
                if rounds[(*key, shown)] > ROUNDS and not obj["metadata"].get("deletionTimestamp"):
                    continue
            kept.append({"t": line["t"], "resource": resource, "type": kind, "name": key[1], "patch": patch})
        elif kind == "DELETED":
            kept.append({"t": line["t"], "resource": resource, "type": kind, "name": key[1]})
        else:
            kept.append({"t": line["t"], "resource": resource, "type": kind, "object": obj})
        states[key] = obj
    return kept


def main(folder: Path) -> None:
    for path in sorted(folder.glob("*.jsonl")):
        lines = trim([json.loads(line) for line in path.read_text().splitlines()])
        text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
        (Path(__file__).parent / path.name).write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
