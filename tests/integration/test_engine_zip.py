"""The engine as a program of its own: `python odh-oci-engine.pyz plan.json`, in a Python that has nothing else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from odh_oci_widgets.oci import PlanFile, Source, engine_zip, make_plan
from tests.servers.endless import Endless

TOKEN = "hf_nobodyShallReadThis"
MIB = 2**20


@pytest.fixture(scope="module")
def endless() -> Iterator[Endless]:
    with Endless() as endless:
        yield endless


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("engine") / "odh-oci-engine.pyz"
    path.write_bytes(engine_zip())
    return path


def plan_of(endless: Endless, size: int, folder: Path, **more: str) -> Path:
    file = PlanFile(
        path="models/w.bin", size=size, source=Source(url=f"{endless.url}/zeros/{size}/w", auth="hf"), **more
    )
    plan = make_plan([file], f"{endless.host}/me/model:1", base="scratch", insecure=(endless.host,))
    path = folder / "plan.json"
    path.write_text(plan.to_json())
    return path


def start(program: Path, *words: object) -> subprocess.Popen[str]:
    """`-I -S`: nothing that is installed is found, and the environment holds no more than the token."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", program, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"HF_TOKEN": TOKEN, "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", "")},
    )


def test_a_success_is_told_as_json_lines_and_by_the_status(
    endless: Endless, program: Path, tmp_path: Path
) -> None:
    process = start(program, plan_of(endless, MIB, tmp_path))
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    events = [json.loads(line) for line in out.splitlines()]
    assert events[-1]["event"] == "done"
    assert events[-1]["sent"] > MIB
    assert TOKEN not in out


def test_a_failure_is_one_sentence_and_status_1(endless: Endless, program: Path, tmp_path: Path) -> None:
    process = start(program, plan_of(endless, MIB, tmp_path, sha256="0" * 64))
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (1, "")
    failed = json.loads(out.splitlines()[-1])
    assert (failed["event"], failed["error"]) == ("failed", "SourceError")
    assert failed["hint"]
    assert TOKEN not in out


@pytest.mark.parametrize("words", [(), ("a.json", "b.json")])
def test_wrong_words_are_told_how_it_is_used(program: Path, words: tuple[str, ...]) -> None:
    process = start(program, *words)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert err.startswith("usage: ")


def test_a_plan_that_is_none_is_told(program: Path, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text("{}")
    process = start(program, tmp_path / "plan.json")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (1, "")
    assert json.loads(out)["error"] == "PlanInvalid"


def test_who_is_asked_to_end_does_so_and_says_by_whom(
    endless: Endless, program: Path, tmp_path: Path
) -> None:
    process = start(program, plan_of(endless, 2**40, tmp_path))
    assert process.stdout
    for line in process.stdout:
        if json.loads(line)["event"] == "layer-progress":
            process.send_signal(signal.SIGTERM)
            break
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (128 + signal.SIGTERM, "")
    assert json.loads(out.splitlines()[-1])["error"] == "Cancelled"
