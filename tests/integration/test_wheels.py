"""Installing without an index, as docs/how-to/wheels.md says, and into a workbench image, as docs/for-administrators.md
says: the pages' own commands and Containerfile."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.documents import ROOT, Block, blocks
from tests.servers.buildah import DOWNLOADER, Buildah

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200), pytest.mark.xdist_group("wheels")]

MAKING, INSTALLING = [
    block for block in blocks(ROOT / "docs" / "how-to" / "wheels.md") if block.language == "shell"
]
(CONTAINERFILE,) = [
    block.code for block in blocks(ROOT / "docs" / "for-administrators.md") if block.language == "dockerfile"
]
#: As a workbench image is for pip: a place where an arbitrary user may write, before all others.
BASE = f"""
FROM {DOWNLOADER}
USER 0
RUN mkdir -m 777 -p /opt/app-root
ENV PIP_TARGET=/opt/app-root/site PYTHONPATH=/opt/app-root/site
USER 1001
"""


def run(block: Block, folder: Path, environ: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.code],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, f"{block.place}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def environment_of(folder: Path) -> str:
    """A new virtual environment there; the PATH with it."""
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True, timeout=300)
    return f"{folder / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`wheels.tar`, made where there is an index."""
    outside = tmp_path_factory.mktemp("outside")
    (outside / "odh-oci-widgets").symlink_to(ROOT)
    run(MAKING, outside, os.environ | {"PATH": environment_of(outside)})
    return outside / "wheels.tar"


def test_wheels_are_carried_in_and_installed_without_an_index(wheels: Path, tmp_path: Path) -> None:
    (tmp_path / "wheels.tar").symlink_to(wheels)
    # Nothing of this machine's settings says where else packages are.
    alone = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    alone |= {"PATH": environment_of(tmp_path), "PIP_CONFIG_FILE": os.devnull}
    assert "odh-oci " in run(INSTALLING, tmp_path, alone)
    where = subprocess.run(
        [
            tmp_path / "venv" / "bin" / "python",
            "-c",
            "import odh_oci_widgets, boto3, ipywidgets; print(odh_oci_widgets.__file__)",
        ],
        cwd=tmp_path,
        env=alone,
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(tmp_path) in where.stdout


def test_the_containerfile_of_a_workbench_image_is_built(wheels: Path, tmp_path: Path) -> None:
    buildah = Buildah(tmp_path / "buildah")
    told: list[str] = []

    def build(name: str, containerfile: str) -> str:
        context = tmp_path / name
        context.mkdir(exist_ok=True)
        (context / "Dockerfile").write_text(containerfile)
        assert buildah.bud(context, f"localhost/{name}:1", None, told.append) == 0, "\n".join(told)
        return f"localhost/{name}:1"

    base = build("base", BASE)
    with tarfile.open(wheels) as archive:
        archive.extractall(tmp_path / "workbench", filter="data")
    first, rest = CONTAINERFILE.split("\n", 1)
    assert first.startswith("ARG BASE=")
    workbench = build("workbench", f"ARG BASE={base}\n{rest}")
    build(
        "look",
        f'FROM {workbench}\nRUN python -c "import odh_oci_widgets as o; print(o.__file__)"; ls /tmp/wheels\n',
    )
    assert "/opt/app-root/site/odh_oci_widgets/__init__.py" in told
    after = told[told.index("/opt/app-root/site/odh_oci_widgets/__init__.py") :]
    assert not [line for line in after if line.endswith(".whl")], "the wheels became a layer"
