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


def pythons() -> list[str]:
    """Every Python here that the engine can run on."""
    found = [path for minor in range(11, 20) if (path := shutil.which(f"python3.{minor}"))]
    # A shim of a version manager may stand for a version that is not there.
    working = [
        path
        for path in found
        if not subprocess.run([path, "-V"], capture_output=True, check=False).returncode
    ]
    return [sys.executable, *working]


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


@pytest.mark.parametrize("platforms", [PLATFORMS[:1], PLATFORMS])
def test_a_plan_has_one_digest_with_every_python(
    model: Path, platforms: tuple[str, ...], tmp_path: Path
) -> None:
    """As in a bare container: the engine's zip, without anything that is installed."""
    (tmp_path / "engine.pyz").write_bytes(engine_zip())
    base = f"oci:{embedded_layout().path}"
    options = {"base": base, "platforms": platforms}
    here, _ = build(make_plan(files_of(model), f"oci:{tmp_path / 'here'}:1", **options))
    digests = {("here", ""): here.digest}
    for number, python in enumerate(pythons()):
        for name, machine in MACHINES.items():
            elsewhere = tmp_path / f"{number}-{name}"
            elsewhere.mkdir()
            plan = make_plan(files_of(model), f"oci:{elsewhere / 'image'}:1", **options)
            (elsewhere / "plan.json").write_text(plan.to_json())
            command = [python, "-S", "-E", tmp_path / "engine.pyz", elsewhere / "plan.json"]
            digests[python, name] = run(command, elsewhere, machine)
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
