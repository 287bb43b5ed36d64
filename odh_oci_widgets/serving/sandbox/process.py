"""A model server's process: it outlives who started it, and is told from a later process with the same id."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

#: Seconds for a server to end by itself before it is killed.
GRACE_SECONDS = 5.0


def start(command: Sequence[str], *, log: Path, folder: Path, environ: Mapping[str, str]) -> tuple[int, str]:
    """Start a process that stays when this one ends: its id, and when it began."""
    log.touch(mode=0o600)
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=dict(environ),
            start_new_session=True,
        )
    # while this process lives it must take note of the end of its child, or the child stays as a zombie
    threading.Thread(target=process.wait, name=f"reaper-{process.pid}", daemon=True).start()
    return process.pid, began(process.pid) or ""


def began(pid: int) -> str | None:
    """When a process began, in the system's own words; None when there is none (or only a zombie)."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            # the name in parentheses may itself hold blanks and parentheses
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else fields[19]
    answer = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, when = answer.stdout.strip().partition(" ")
    return when.strip() if state and not state.startswith("Z") else None


def is_alive(pid: int, started: str) -> bool:
    """Whether that very process runs."""
    return pid > 0 and bool(started) and began(pid) == started


def stop(pid: int, started: str) -> None:
    """End the process and those it started; returns when it is gone. Another process of that id is left alone."""
    if not is_alive(pid, started):
        return
    # the second time also for what is left of its group, when it ended without its children
    for wish in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, wish)
        deadline = time.monotonic() + GRACE_SECONDS
        while is_alive(pid, started) and time.monotonic() < deadline:
            time.sleep(0.02)
