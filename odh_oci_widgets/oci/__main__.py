"""Run a plan: events as JSON lines on standard output, exit status 0 when the image stands, 1 when it cannot."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Event as Flag

from .engine import run
from .errors import OdhOciError
from .events import Done, Event, Failed, to_json
from .plan import Plan


def main(arguments: Sequence[str] | None = None) -> int:
    """See the module. The hub's token comes from `HF_TOKEN` or the file that `HF_TOKEN_PATH` names."""
    parser = argparse.ArgumentParser(prog="odh-oci-engine", description=__doc__)
    parser.add_argument("plan", type=Path, help="the plan, as `odh-oci build … --plan-only` writes it")
    parser.add_argument("--no-verify", action="store_true", help="believe the plan's sha256 of large files")
    options = parser.parse_args(arguments)
    cancel = Flag()
    signal.signal(signal.SIGTERM, lambda *_: cancel.set())
    try:
        plan = Plan.from_json(options.plan.read_bytes())
    except OSError as error:
        return _failed(
            Failed(error="PlanInvalid", message=f"`{options.plan}` cannot be read: {error.strerror}.")
        )
    except OdhOciError as error:
        return _failed(Failed(error=type(error).__name__, message=error.message, hint=error.hint))
    event = None
    for event in run(plan, secrets=_secrets(os.environ), cancel=cancel, verify=not options.no_verify):
        _say(event)
    return 0 if isinstance(event, Done) else 1


def _failed(event: Failed) -> int:
    _say(event)
    return 1


def _say(event: Event) -> None:
    sys.stdout.write(to_json(event) + "\n")
    sys.stdout.flush()


def _secrets(environ: Mapping[str, str]) -> dict[str, str]:
    token = environ.get("HF_TOKEN", "")
    if not token and (path := environ.get("HF_TOKEN_PATH")):
        try:
            token = Path(path).read_text()
        except OSError:
            token = ""
    return {"hf": token.strip()} if token.strip() else {}


if __name__ == "__main__":
    sys.exit(main())
