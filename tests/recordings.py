"""Recordings of a service's life, read as the snapshots that a watcher could have taken at each moment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from odh_oci_widgets.serving.project.snapshot import Snapshot, moment, when


def snapshots(path: Path) -> Iterator[tuple[float, Snapshot]]:
    """The snapshot after each line, with the line's time in seconds."""
    objects: dict[tuple[str, str], dict[str, Any]] = {}
    name, began = "", None
    for line in path.read_text().splitlines():
        entry = json.loads(line)
        if "object" not in entry:
            continue
        key = (entry["resource"], entry["object"]["metadata"]["name"])
        if entry["type"] == "DELETED":
            objects.pop(key, None)
        else:
            objects[key] = entry["object"]
        if entry["resource"] == "inferenceservices":
            name = key[1]
            began = began or moment(entry["object"]["metadata"]["creationTimestamp"])
        if began is None:
            continue
        of = lambda kind: [one for (resource, _), one in objects.items() if resource == kind]  # noqa: E731
        yield (
            entry["t"],
            Snapshot(
                name=name,
                service=objects.get(("inferenceservices", name)),
                pods=tuple(of("pods")),
                events=tuple(
                    sorted(
                        (e for e in of("events") if e["involvedObject"]["kind"] != "HorizontalPodAutoscaler"),
                        key=when,
                    )
                ),
                deployment=objects.get(("deployments", f"{name}-predictor")),
                now=began + timedelta(seconds=entry["t"]),
            ),
        )
