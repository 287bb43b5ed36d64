"""Models and builds that several tests of the engine share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from odh_oci_widgets.oci import Done, Event, Plan, PlanFile, Source, run


def make_model(folder: Path, *, large: int = 20 * 2**20, small: int = 21) -> Path:
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(os.urandom(large))
    for number in range(small):
        (folder / f"part-{number:02}.json").write_bytes(os.urandom(10_000))
    (folder / "empty").touch()
    deep = folder / ("a" * 90) / ("b" * 90)
    deep.mkdir(parents=True)
    (deep / "ünïcode name.txt").write_text("hello")
    return folder


def files_of(folder: Path, prefix: str = "models") -> list[PlanFile]:
    return [
        PlanFile(
            path=f"{prefix}/{path.relative_to(folder)}",
            size=path.stat().st_size,
            source=Source(path=str(path)),
        )
        for path in folder.rglob("*")
        if path.is_file()
    ]


def build(plan: Plan, **options: Any) -> tuple[Done, list[Event]]:
    events = list(run(plan, **options))
    assert isinstance(events[-1], Done), events[-1]
    return events[-1], events
