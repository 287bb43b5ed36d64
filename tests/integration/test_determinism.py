"""The same plan gives the same digest: in any process, on any machine, with any Python."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from odh_oci_widgets.oci import engine_zip, make_plan
from odh_oci_widgets.oci.base import embedded_layout
from tests.command import COMMAND, ROOT

from .oci_builds import build, files_of, make_model

MACHINES = {
    "turkish": {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8", "TZ": "Pacific/Kiritimati", "umask": "0"},
    "posix": {"LC_ALL": "C", "TZ": "America/St_Johns", "umask": "077", "PYTHONHASHSEED": "1"},
    "utf-8": {"LC_ALL": "C.UTF-8", "TZ": "UTC", "umask": "027", "PYTHONHASHSEED": "2", "PYTHONUTF8": "1"},
}
PLATFORMS = ("linux/amd64", "linux/arm64")


def pythons() -> dict[str, str]:
    """A Python of each version here that the engine can run on, by version; ours first."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    # A shim of a version manager may stand for a version that is not switched on: the real ones are asked, too.
    folders = [*map(Path, os.get_exec_path()), *sorted(pyenv.glob("versions/*/bin"))]
    named = [folder / f"python3.{minor}" for minor in range(11, 20) for folder in folders]
    found = [str(path) for path in named if os.access(path, os.X_OK)]
    working: dict[str, str] = {}
    for path in [sys.executable, *found]:
        asked = subprocess.run([path, "-V"], capture_output=True, text=True, timeout=30, check=False)
        if not asked.returncode:
            working.setdefault(asked.stdout.strip(), path)
    return working


def test_every_installed_python_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that its version manager does not switch on, too: its shim does not work."""
    shims, real = tmp_path / "shims", tmp_path / "pyenv/versions/3.19.1/bin"
    for folder, script in ((shims, "exit 127"), (real, "echo Python 3.19.1")):
        folder.mkdir(parents=True)
        (folder / "python3.19").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "python3.19").chmod(0o755)
    monkeypatch.setenv("PATH", str(shims), prepend=os.pathsep)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    assert pythons()["Python 3.19.1"] == str(real / "python3.19")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model") / "m", large=2**20)


def run(command: Sequence[object], cwd: Path, machine: dict[str, str]) -> str:
    """The digest that a process elsewhere ends with."""
    done = subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        timeout=120,
        cwd=cwd,
        umask=int(machine["umask"], 8),
        env={**os.environ, "HOME": str(cwd), "PYTHONPATH": str(ROOT), **machine},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return str(json.loads(done.stdout.splitlines()[-1])["digest"])


@pytest.mark.parametrize(("platforms", "compiled"), [(PLATFORMS[:1], True), (PLATFORMS, False)])
def test_a_plan_has_one_digest_with_every_python(
    model: Path, platforms: tuple[str, ...], compiled: bool, tmp_path: Path
) -> None:
    """As in a bare container: the engine's zip, without anything that is installed; compiled by another Python, too."""
    (tmp_path / "engine.pyz").write_bytes(engine_zip(compiled=compiled))
    base = f"oci:{embedded_layout().path}"
    options = {"base": base, "platforms": platforms}
    here, _ = build(make_plan(files_of(model), f"oci:{tmp_path / 'here'}:1", **options))
    digests = {("here", ""): here.digest}
    for number, (version, python) in enumerate(pythons().items()):
        for name, machine in MACHINES.items():
            elsewhere = tmp_path / f"{number}-{name}"
            elsewhere.mkdir()
            plan = make_plan(files_of(model), f"oci:{elsewhere / 'image'}:1", **options)
            (elsewhere / "plan.json").write_text(plan.to_json())
            command = [python, "-S", "-E", tmp_path / "engine.pyz", elsewhere / "plan.json"]
            digests[version, name] = run(command, elsewhere, machine)
    print(*digests.items(), sep="\n")
    assert len(set(digests.values())) == 1


def test_a_copy_of_the_model_on_another_machine_has_the_same_digest(model: Path, tmp_path: Path) -> None:
    """Other times, other permissions, another order in the folder, another place; planned there, too."""
    digests = {}
    for name, machine in MACHINES.items():
        copy = tmp_path / name / "copy"
        copy.mkdir(parents=True)
        paths = sorted((p for p in model.rglob("*") if p.is_file()), key=lambda p: hash((name, p.name)))
        for path in paths:
            target = copy / path.relative_to(model)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            target.chmod(0o600 if name == "posix" else 0o664)
            os.utime(target, (1000, 1000))
        command = [*COMMAND, "build", copy, "oci:./image:1", "--base", "embedded", "--json"]
        digests[name] = run(command, tmp_path / name, machine)
    print(*digests.items(), sep="\n")
    assert len(set(digests.values())) == 1
