"""Installing without an index, as docs/how-to/wheels.md says: the page's own commands, in an empty environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documents import ROOT, Block, blocks

PAGE = ROOT / "docs" / "how-to" / "wheels.md"


def run(block: Block, folder: Path, environ: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.code],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{block.place}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_wheels_are_made_carried_in_and_installed_without_an_index(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    for folder in (outside, inside):
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True, timeout=300)
    (outside / "odh-oci-widgets").symlink_to(ROOT)
    making, installing = [block for block in blocks(PAGE) if block.language == "shell"]
    path = f"{outside / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    run(making, outside, os.environ | {"PATH": path})

    (outside / "wheels.tar").rename(inside / "wheels.tar")
    # Nothing of this machine's settings says where else packages are.
    alone = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    alone |= {"PATH": f"{inside / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}", "PIP_CONFIG_FILE": os.devnull}
    assert "odh-oci " in run(installing, inside, alone)
    python = inside / "venv" / "bin" / "python"
    where = subprocess.run(
        [python, "-c", "import odh_oci_widgets, boto3, ipywidgets; print(odh_oci_widgets.__file__)"],
        cwd=inside, env=alone, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert str(inside) in where.stdout
