"""Memory stays flat, whatever the size of the model."""

from __future__ import annotations

from pathlib import Path

import pytest

from odh_oci_widgets.oci import PlanFile, Source, make_plan
from tests.servers.endless import Endless

from .oci_builds import run_engine

GIB = 2**30


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("files", "size", "verify"),
    [
        pytest.param(1, 2 * GIB, False, id="2 GiB"),
        pytest.param(8, GIB, True, id="8 large files"),
        pytest.param(200, GIB // 2, True, id="200 small files"),
        pytest.param(200, 4 * GIB, True, id="200 files", marks=pytest.mark.slow),
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
        last, peak = run_engine(plan, tmp_path, *([] if verify else ["--no-verify"]))
        assert last["sent"] > size
        assert size < endless.received < size + 2**20, "each byte once"
    print(f"{files} files, {size // GIB} GiB: {peak // 1024} MiB")
    assert peak <= 64 * 1024
