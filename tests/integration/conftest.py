"""Fixtures of the tests with real servers."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers.programs import require


@pytest.fixture
def podman(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Podman with storage of its own; `podman("run", …)` gives what it printed."""
    program = require("podman")
    runroot = tempfile.TemporaryDirectory(prefix="pod-")  # podman takes no longer path than 50 characters
    store = [
        program,
        "--root",
        str(tmp_path / "podman"),
        "--runroot",
        runroot.name,
        "--storage-driver",
        "vfs",
        "--runtime",
        require("runc"),
        "--cgroup-manager",
        "cgroupfs",
    ]

    def call(command: str, *arguments: str) -> str:
        limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"] if command == "run" else []
        done = subprocess.run(
            [*store, command, *limits, *arguments], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    yield call
    runroot.cleanup()
