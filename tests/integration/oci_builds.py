"""Models and builds that several tests of the engine share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
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


#: The engine as a bare container runs it, and then the most memory it had. Not ru_maxrss: that counts what the
#: parent had when it forked.
_ENGINE = """
import re, sys
from odh_oci_widgets.oci.remote import main
status = main(sys.argv[1:])
print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])
sys.exit(status)
"""


def run_engine(plan: Plan, folder: Path, *options: str, **environ: str) -> tuple[dict[str, Any], int]:
    """Build in a process of its own: the last event, which is a success, and the peak of memory in KiB."""
    (folder / "plan.json").write_text(plan.to_json())
    done = subprocess.run(
        [sys.executable, "-c", _ENGINE, *options, str(folder / "plan.json")],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        timeout=500,
        env=os.environ | environ,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    *_, last, peak = done.stdout.splitlines()
    return json.loads(last), int(peak)
