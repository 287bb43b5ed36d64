"""Run `odh-oci` as a user does: in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
COMMAND = (sys.executable, "-m", "odh_oci_widgets")


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on standard output."""
        (line,) = self.out.splitlines()
        return json.loads(line)

    @property
    def lines(self) -> list[Any]:
        """The documents on standard output, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    def ok(self) -> Ran:
        assert self.status == 0, f"exit status {self.status}\n{self.out}\n{self.err}"
        return self

    def failed(self, status: int = 1) -> str:
        """The one sentence of a failure."""
        assert self.status == status, f"exit status {self.status}, not {status}\n{self.out}\n{self.err}"
        assert "Traceback" not in self.err
        told = [line for line in self.err.splitlines() if line.startswith("odh-oci: ")]
        assert len(told) == 1, self.err
        return told[0].removeprefix("odh-oci: ")


def odh_oci(*arguments: object, stdin: str = "", timeout: float = 120, **environ: str) -> Ran:
    """Run the command. `environ` is added to the environment."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=ROOT,
        env=os.environ | environ,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)
