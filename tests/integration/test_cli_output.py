"""What `odh-oci` writes where: results, progress, JSON, Ctrl-C, memory."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.command import COMMAND, ROOT, odh_oci
from tests.servers.hub import Hub, Sparse
from tests.servers.registry import Registry


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(b"\x08\x08" + bytes(3 * 2**20))
    (folder / "notes.json").write_text("{}")
    return folder


def test_the_result_is_on_standard_output_and_the_rest_is_not(model: Path, tmp_path: Path) -> None:
    ran = odh_oci("build", model, f"oci:{tmp_path / 'image'}:1", "--base", "embedded").ok()
    assert ran.out.startswith(f"oci:{tmp_path / 'image'}")
    assert len(ran.out.splitlines()) == 1
    assert "Done in" in ran.err
    assert "\x1b" not in ran.err


def test_a_build_for_machines_is_its_events(model: Path, tmp_path: Path) -> None:
    ran = odh_oci("build", model, f"oci:{tmp_path / 'image'}:1", "--base", "embedded", "--json").ok()
    assert ran.lines[0]["event"] == "planned"
    assert ran.lines[-1]["event"] == "done"
    assert odh_oci("--json", "build", model, f"oci:{tmp_path / 'image'}:2", "--base", "embedded").ok().lines


def test_the_plan_alone_says_what_would_move_and_does_nothing(model: Path, registry: Registry) -> None:
    image = f"{registry.host}/cli/planned:1"
    build = ("build", model, image, "--base", "embedded", "--insecure")
    plan = odh_oci(*build, "--plan-only", "--json").ok().json
    assert plan["plan"]["image"] == image
    assert plan["to_move"] > 3 * 2**20
    assert registry.tags("cli/planned") == []
    odh_oci(*build).ok()
    again = odh_oci(*build, "--plan-only", "--json").ok().json
    assert again["to_move"] == 0
    assert again["reused"] > 3 * 2**20
    assert "reused" in odh_oci(*build, "--plan-only").ok().out


def test_on_a_terminal_there_are_bars(model: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    done = subprocess.Popen(
        [*COMMAND, "build", str(model), f"oci:{tmp_path / 'image'}:1", "--base", "embedded"],
        stdout=subprocess.PIPE, stderr=theirs, cwd=ROOT,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    try:
        while block := os.read(ours, 4096):
            shown += block
    except OSError:  # Linux's way to say that the other side is closed
        pass
    assert done.wait(60) == 0
    text = shown.decode()
    assert "model.onnx" in text
    assert "100%" in text
    assert "Done in" in text


def test_ctrl_c_cancels_and_says_that_a_next_try_reuses(hub: Hub, tmp_path: Path) -> None:
    hub.add("cli/stalled", {"model.onnx": b"\x08\x08" + bytes(1000)})
    hub.break_next("/cli/stalled/resolve/*", stall=60, times=1000)
    image = tmp_path / "image"
    running = subprocess.Popen(
        [*COMMAND, "build", "hf://cli/stalled", f"oci:{image}:1", "--base", "embedded", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert running.stdout
    assert json.loads(running.stdout.readline())["event"] == "planned"
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert "reuses what was sent" in err
    assert "Traceback" not in err
    assert json.loads(out.splitlines()[-1])["error"] == "Cancelled"
    assert not (image / "index.json").exists()


def test_every_command_teaches_with_examples() -> None:
    top = odh_oci("--help").ok().out
    assert "the main job:" in top
    for command in (
        "inspect",
        "build",
        "verify",
        "check",
        "deploy",
        "list",
        "logs",
        "delete",
        "complete",
        "classify",
        "demo",
    ):
        assert f"    {command} " in top
        shown = odh_oci(command, "--help").ok().out
        assert f"examples:\n  odh-oci {command}" in shown
        assert "--json" in shown


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    shell = f"{sys.executable} -m odh_oci_widgets --help | head -1"
    done = subprocess.run(
        ["bash", "-c", shell], capture_output=True, text=True, cwd=ROOT, timeout=60, check=True
    )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("count", [1, 200])
def test_a_build_takes_little_memory_whatever_the_size(hub: Hub, registry: Registry, count: int) -> None:
    """256 MiB in one file or in 200: the whole command stays below 110 MiB."""
    size = 2**28 // count
    content = bytes(size) if count > 1 else Sparse(b"", size)
    hub.add(f"cli/large-{count}", {f"part-{number}.safetensors": content for number in range(count)})
    program = (
        # Not ru_maxrss: it counts what the parent had when it forked.
        "import re, sys; from odh_oci_widgets.cli import main; status = main(sys.argv[1:]);"
        "print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]); sys.exit(status);"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "build", f"hf://cli/large-{count}", f"{registry.host}/cli/large-{count}:1", "--no-verify",
         "--base", "embedded", "--insecure"],
        capture_output=True, text=True, cwd=ROOT, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) <= 110 * 1024


def test_a_build_loads_no_heavy_module(model: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from odh_oci_widgets.cli import main; main(sys.argv[1:]);"
        "heavy = {'numpy', 'kubernetes', 'ipywidgets', 'PIL', 'yaml', 'kserve', 'onnxruntime'} & set(sys.modules);"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "build", str(model), f"oci:{tmp_path / 'image'}:1", "--base", "embedded"],
        capture_output=True, text=True, cwd=ROOT, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_a_reader_of_events_that_goes_away_stops_the_build(hub: Hub, tmp_path: Path) -> None:
    hub.add("cli/unread", {"model.onnx": b"\x08\x08" + bytes(1000)})
    hub.break_next("/cli/unread/resolve/*", status=503, times=1000)
    command = " ".join(
        [*COMMAND, "build", "hf://cli/unread", f"oci:{tmp_path / 'image'}:1", "--base", "embedded"]
    )
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} --json | head -1"],
        capture_output=True, text=True, cwd=ROOT, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "image" / "index.json").exists()
