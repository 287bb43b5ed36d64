"""`odh-oci measure NAME`: a small load test."""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from odh_oci_widgets.cli.adding import add_command, add_service_options, chosen_service
from odh_oci_widgets.cli.array_input import read_array_file
from odh_oci_widgets.cli.numbers import human_time, positive
from odh_oci_widgets.cli.output import Output

if TYPE_CHECKING:
    from odh_oci_widgets.inference import Measurement

_EXAMPLES = """\
  odh-oci measure granite --prompt "Once upon a time" --requests 20 --concurrency 4
  odh-oci measure mobilenet --picture pelican.jpeg --requests 200 --json
  odh-oci measure iris --arrays rows.csv
  odh-oci measure mobilenet                        # zeros, of the shape that the model takes
Ctrl-C ends it early and prints what was measured until then.
exit status 1: no call succeeded.
"""


def add(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        everywhere,
        "measure",
        run,
        help="call a service many times, and tell how long it takes",
        examples=_EXAMPLES,
    )
    add_service_options(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--prompt", metavar="TEXT", help="for a language model")
    what.add_argument(
        "--picture", action="append", metavar="FILE", help="for a classifier (repeatable: one batch)"
    )
    what.add_argument("--arrays", metavar="FILE", help="for any model: as for `odh-oci infer`")
    parser.add_argument("--requests", type=positive, default=50, metavar="N", help="default: %(default)s")
    parser.add_argument(
        "--concurrency", type=positive, default=4, metavar="N", help="at a time (default: %(default)s)"
    )
    parser.add_argument(
        "--max-tokens", type=positive, default=50, metavar="N", help="of each answer (default: %(default)s)"
    )


def run(options: argparse.Namespace, output: Output) -> int:
    """Print the percentiles."""
    service = chosen_service(options)
    arrays = read_array_file(options.arrays) if options.arrays else None
    with _ended_by_interrupt() as cancel:
        found = service.measure(
            prompt=options.prompt,
            images=options.picture,
            arrays=arrays,
            requests=options.requests,
            concurrency=options.concurrency,
            max_tokens=options.max_tokens,
            cancel=cancel,
            progress=lambda done, wanted: output.passing(f"{done} of {wanted}"),
        )
    output.passing("")
    output.document(found.to_dict())
    _tell(found, output)
    if found.cancelled:
        raise KeyboardInterrupt
    return 0 if found.latencies else 1


def _tell(found: Measurement, output: Output) -> None:
    output.say(
        f"{len(found.latencies)} of {found.requests} calls succeeded in {human_time(found.seconds)}, "
        f"{found.concurrency} at a time: {found.requests_per_second:.1f} requests/s"
        + (f", {found.tokens_per_second:.1f} tokens/s" if found.tokens_per_second else "")
    )
    told = found.to_dict()
    rows = [("whole call", told["latency"])]
    if found.first_tokens:
        rows.append(("first token", told["first_token"]))
    output.table(
        ("SECONDS TO", "HALF", "90 %", "95 %", "99 %"),
        [(name, *(human_time(seconds) for seconds in shares.values())) for name, shares in rows],
    )
    for sentence, count in found.errors.items():
        output.say(f"{count} failed: {sentence}")


@contextmanager
def _ended_by_interrupt() -> Iterator[threading.Event]:
    """An event that Ctrl-C sets; a second Ctrl-C ends the command at once."""
    cancel = threading.Event()

    def interrupt(*_: object) -> None:
        if cancel.is_set():
            raise KeyboardInterrupt
        cancel.set()

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield cancel
    finally:
        signal.signal(signal.SIGINT, before)
