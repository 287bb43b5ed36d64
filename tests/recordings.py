"""Recordings of a service's life, as the snapshots that a watcher could have taken at each moment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from odh_oci_widgets.serving.project.snapshot import Snapshot, moment, when
from tests.servers.kubernetes.patches import json_merge
from tests.servers.kubernetes.recording import FOLDER

SPEC = {
    "predictor": {
        "model": {
            "runtime": "demo",
            "modelFormat": {"name": "onnx"},
            "storageUri": "oci://quay.io/org/model:1",
        }
    }
}

Objects = dict[tuple[str, str], dict[str, Any]]


def snapshots(situation: str) -> Iterator[Snapshot]:
    """The snapshot after each change."""
    objects: Objects = {}
    name, began = "", None
    for line in (FOLDER / f"{situation}.jsonl").read_text().splitlines():
        change = json.loads(line)
        resource, kind = change["resource"], change["type"]
        key = resource, change.get("name") or change["object"]["metadata"]["name"]
        if kind == "DELETED":
            objects.pop(key, None)
        else:
            objects[key] = (
                change["object"] if "object" in change else json_merge(objects[key], change["patch"])
            )
        if resource == "inferenceservices" and not name:
            name, began = key[1], moment(change["object"]["metadata"]["creationTimestamp"])
            objects[key]["spec"] = (
                SPEC  # recordings hold what the controllers did; this is what the user wrote
            )
        if began is not None:
            yield _snapshot(objects, name, began + timedelta(seconds=change["t"]))


def last(situation: str) -> Snapshot:
    """The snapshot at the end."""
    return list(snapshots(situation))[-1]


def _snapshot(objects: Objects, name: str, now: datetime) -> Snapshot:
    def of(resource: str) -> list[dict[str, Any]]:
        return [one for (kind, _), one in objects.items() if kind == resource]

    events = [one for one in of("events") if one["involvedObject"]["kind"] != "HorizontalPodAutoscaler"]
    return Snapshot(
        name=name,
        service=objects.get(("inferenceservices", name)),
        pods=tuple(of("pods")),
        events=tuple(sorted(events, key=when)),
        deployment=objects.get(("deployments", f"{name}-predictor")),
        now=now,
    )
