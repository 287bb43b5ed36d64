"""Run a plan in a process of its own: `python odh-oci-engine.pyz plan.json`.

Events go to stdout, one JSON object a line; the exit status says whether the image stands. Credentials come from
auth files and the environment (`REGISTRY_AUTH_FILE`, `HF_TOKEN`; `ODH_OCI_S3` names a file of signatures), never
from the plan or the command line. `ODH_OCI_BASE` names a folder with the layout that stands for the plan's base: see
`embedded.place_base`. `ODH_OCI_RESULT` names a file for the last event of a build that succeeded: a container's
termination message outlives its log.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Event as Flag
from typing import TextIO

from .credentials import Credentials
from .engine import failed, run
from .errors import OdhOciError, PlanInvalid, SourceError
from .events import Done, Event, LayerProgress, LayerState, to_json
from .plan import Plan

#: Seconds between two lines about the bytes of one layer: nodes keep some megabytes of a container's log.
PROGRESS_SECONDS = 1.0

USAGE = "usage: python odh-oci-engine.pyz [--no-verify] PLAN.json (`-` reads the plan from stdin)"


def main(
    arguments: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ, out: TextIO | None = None
) -> int:
    """Exit status: 0 when the image stands, 1 when not, 2 for wrong arguments, 128 + N when signal N stopped it."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    stream = out or sys.stdout
    verify = "--no-verify" not in words
    names = [word for word in words if word != "--no-verify"]
    if len(names) != 1:
        print(USAGE, file=sys.stderr)  # noqa: T201 - a command speaks
        return 2
    cancel = Flag()
    stopped: list[int] = []

    def stop(number: int, _: object) -> None:
        stopped.append(number)
        cancel.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    last: Event | None = None
    seldom = Seldom()
    try:
        secrets = _secrets(environ)
        plan = Plan.from_json(_read(names[0]))
        if base := environ.get("ODH_OCI_BASE"):
            plan = replace(plan, base=f"oci:{base}")
        for event in run(
            plan, credentials=Credentials(environ=environ), secrets=secrets, cancel=cancel, verify=verify
        ):
            last = event
            if seldom.wants(event):
                stream.write(to_json(event) + "\n")
                stream.flush()
    except OdhOciError as error:
        last = failed(error)
        stream.write(to_json(last) + "\n")
        stream.flush()
    if isinstance(last, Done):
        _leave(last, environ)
        return 0
    # Not a failure: whoever runs us may try again.
    return 128 + stopped[0] if stopped else 1


class Seldom:
    """Lets all events pass but those that only say how far a layer is, if the last one is not long ago."""

    def __init__(self) -> None:
        self._told: dict[int, float] = {}

    def wants(self, event: Event) -> bool:
        """Whether to tell it."""
        if not isinstance(event, LayerProgress) or event.state is not LayerState.SENDING:
            return True
        now = time.monotonic()
        if now - self._told.get(event.layer, -PROGRESS_SECONDS) < PROGRESS_SECONDS:
            return False
        self._told[event.layer] = now
        return True


def _leave(last: Event, environ: Mapping[str, str]) -> None:
    if name := environ.get("ODH_OCI_RESULT"):
        with suppress(OSError):  # the log has it, too
            Path(name).write_text(to_json(last), "utf-8")


def _secrets(environ: Mapping[str, str]) -> dict[str, str]:
    secrets = {"hf": environ["HF_TOKEN"]} if environ.get("HF_TOKEN") else {}
    # A file: the signatures of many objects are more than an environment holds.
    if name := environ.get("ODH_OCI_S3"):
        try:
            secrets["s3"] = Path(name).read_text("utf-8")
        except OSError as error:
            raise SourceError(
                f"The signatures in `{name}` cannot be read: {error.strerror}.", hint="Check ODH_OCI_S3."
            ) from error
    return secrets


def _read(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise PlanInvalid(
            f"`{name}` cannot be read: {error.strerror}.", hint="Name the plan's file."
        ) from error
