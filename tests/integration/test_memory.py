"""Memory stays flat, whatever the size of the model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from odh_oci_widgets.oci import PlanFile, Source, make_plan
from tests.servers.endless import Endless

ROOT = Path(__file__).resolve().parents[2]
GIB = 2**30
#: The engine as a bare container runs it, and then the most memory it had. Not ru_maxrss: that counts what the
#: parent had when it forked.
ENGINE = """
import re, sys
from odh_oci_widgets.oci.remote import main
status = main(sys.argv[1:])
print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])
sys.exit(status)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("files", "size", "verify"),
    [
        pytest.param(1, 4 * GIB, False, id="4 GiB"),
        pytest.param(200, GIB, True, id="200 files"),
        pytest.param(1, 20 * GIB, False, id="20 GiB", marks=pytest.mark.slow),
    ],
)
def test_the_engine_takes_64_mib_at_most(files: int, size: int, verify: bool, tmp_path: Path) -> None:
    each = size // files
    with Endless() as endless:
        plan = make_plan(
            [
                PlanFile(
                    path=f"models/part-{number:03}.safetensors",
                    size=each,
                    source=Source(url=f"{endless.url}/zeros/{each}/{number}"),
                    sha256=None if verify else "0" * 64,
                )
                for number in range(files)
            ],
            f"{endless.host}/me/model:1",
            base="scratch",
            insecure=(endless.host,),
        )
        (tmp_path / "plan.json").write_text(plan.to_json())
        done = subprocess.run(
            [sys.executable, "-c", ENGINE, *([] if verify else ["--no-verify"]), str(tmp_path / "plan.json")],
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=500,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr
        *_, last, peak = done.stdout.splitlines()
        assert json.loads(last)["sent"] > size
        assert size < endless.received < size + 2**20, "each byte once"
    print(f"{peak} kB")
    assert int(peak) <= 64 * 1024
