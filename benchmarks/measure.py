"""Run commands and say what they cost: seconds, CPU seconds, memory of the largest process, bytes on disk."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Cost:
    """`seconds` by the wall; `memory`: bytes of the largest process; `disk`: most bytes in its folder at a time."""

    seconds: float = 0.0
    cpu: float = 0.0
    memory: int = 0
    disk: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.seconds + other.seconds,
            self.cpu + other.cpu,
            max(self.memory, other.memory),
            max(self.disk, other.disk),
        )


class CommandFailed(Exception):
    """A command ended with another status than 0; the text is the end of what it said."""


def run(command: Sequence[str], *, folder: Path, environ: Mapping[str, str], stdin: bytes = b"") -> Cost:
    """Run one command whose files (TMPDIR too) are below `folder`."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as given:
        given.write(stdin)
        given.seek(0)
        started = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**environ, "TMPDIR": str(folder)},
            stdin=given,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        watcher = _Watcher(folder, process.pid)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        watcher.stop()
        if process.returncode:
            out.seek(0)
            said = out.read().decode(errors="replace")[-2000:]
            raise CommandFailed(f"{' '.join(command)[:200]} ended with {process.returncode}:\n{said}")
    return Cost(seconds, used.ru_utime + used.ru_stime, watcher.memory, watcher.disk)


class _Watcher:
    """Looks now and then how much memory a process and its children used at most, and what a folder holds.

    Not `ru_maxrss`: that begins with what the process was forked from.
    """

    def __init__(self, folder: Path, process: int) -> None:
        self._folder = folder
        self._process = process
        self.disk = self.memory = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while True:
            self.memory = max([self.memory, *map(_high_water, _family(self._process))])
            self.disk = max(self.disk, _bytes_in(self._folder))
            if self._end.wait(_LOOK_SECONDS):
                break

    def stop(self) -> None:
        self._end.set()
        self._thread.join()
        self.disk = max(self.disk, _bytes_in(self._folder))


def _family(process: int) -> list[int]:
    """The process and everything below it."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        children = []
    return [process, *(one for child in children for one in _family(int(child)))]


def _high_water(process: int) -> int:
    """Most bytes a process had in memory; 0 where it is gone."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0)


def _bytes_in(folder: Path) -> int:
    total, folders = 0, [str(folder)]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
        except OSError:  # it went away while we looked
            continue
    return total
