"""What is shipped, installed as users install it, in each JupyterLab that workbenches have."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.extension_page import ExtensionPage
from tests.browser.workbench import Workbench, main_job
from tests.servers.lab import Lab
from tests.servers.programs import require

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser"), pytest.mark.timeout(1500)]

ROOT = Path(__file__).resolve().parents[2]
SHARE = "share/jupyter/labextensions/odh-oci-widgets"
#: JupyterLab, the ipywidgets of that time, and the Python it is tried with (ours where that one is missing).
VERSIONS = [
    ("jupyterlab==4.4.10", "ipywidgets==8.1.2", "jupyterlab_widgets==3.0.11", "python3.11"),
    ("jupyterlab==4.5.10", "ipywidgets==8.1.7", "jupyterlab_widgets==3.0.15", "python3.12"),
    ("jupyterlab==4.6.*", "ipywidgets>=8.1", "jupyterlab_widgets>=3.0.15", "python3.12"),
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel made from the source distribution of a clean copy, the latter with npm, the former without."""
    require("npm")
    folder = tmp_path_factory.mktemp("dist")
    clean = folder / "clean"
    names = [
        "odh_oci_widgets",
        "labextension",
        "notebooks",
        "pyproject.toml",
        "README.md",
        "CHANGELOG.md",
        "LICENSE",
    ]
    for name in names:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("node_modules", "dist", "lib", "__pycache__")
            shutil.copytree(ROOT / name, clean / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, clean / name)
    build = [sys.executable, "-m", "build", "--outdir", str(folder)]
    _run(*build, "--sdist", str(clean))
    sources = next(folder.glob("*.tar.gz"))
    with tarfile.open(sources) as archive:
        archive.extractall(folder, filter="data")
    without_npm = {**os.environ, "PATH": str(Path(sys.executable).parent)}
    _run(*build, "--wheel", str(folder / sources.name.removesuffix(".tar.gz")), environ=without_npm)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_extension_and_nothing_of_who_built_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [name.partition(".data/data/")[2] for name in archive.namelist()]
        assert {f"{SHARE}/package.json", f"{SHARE}/install.json", f"{SHARE}/static/style.js"} <= set(names)
        assert any(name.startswith(f"{SHARE}/tutorials/01-") for name in names)
        scripts = b"".join(archive.read(name) for name in archive.namelist() if name.endswith(".js"))
    assert str(wheel.parent).encode() not in scripts
    assert b"eval(" not in scripts


@pytest.mark.parametrize(("lab", "widgets", "manager", "python"), VERSIONS, ids=lambda value: value)
def test_in_a_workbench_with(
    lab: str,
    widgets: str,
    manager: str,
    python: str,
    wheel: Path,
    workbench: Workbench,
    open_lab: Callable[[Lab], ExtensionPage],
    tmp_path: Path,
) -> None:
    venv = tmp_path / "venv"
    interpreter = str(venv / "bin" / "python")
    packages = [f"{wheel}", lab, widgets, manager, "ipykernel<7.3"]
    if uv := shutil.which("uv"):
        _run(uv, "venv", "--python", _found(python), str(venv))
        _run(uv, "pip", "install", "--python", interpreter, *packages)
    else:
        _run(_found(python), "-m", "venv", str(venv))
        _run(interpreter, "-m", "pip", "install", "--quiet", *packages)
    listed = _run(str(venv / "bin" / "jupyter"), "labextension", "list")
    line = next(line for line in listed.splitlines() if "odh-oci-widgets" in line)
    assert "enabled" in line
    assert "OK" in line
    main_job(open_lab(Lab(tmp_path / "lab", environ=workbench.environ, python=interpreter)), workbench)


def _found(python: str) -> str:
    """That Python if it is there and starts (a version manager's stub may not), or ours."""
    path = shutil.which(python)
    works = path and subprocess.run([path, "--version"], capture_output=True, check=False).returncode == 0
    return path if path and works else sys.executable


def _run(*command: str, environ: dict[str, str] | None = None) -> str:
    """What the command says; its last words when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-3000:]
    return said
