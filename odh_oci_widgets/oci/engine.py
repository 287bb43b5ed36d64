"""Run a plan: source → tar → sha256 → registry in one pass, several layers at a time, told as events."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Event as Flag
from threading import Thread

from . import errors, events
from .build import Build
from .credentials import Credentials
from .errors import Cancelled, OdhOciError
from .plan import Plan
from .tuning import DEFAULT, Tuning

#: How long a cancelled build may take to clean up before the user is told.
_CANCEL_SECONDS = 0.8
_TICK = 0.1


def run(
    plan: Plan,
    *,
    credentials: Credentials | None = None,
    secrets: Mapping[str, str] | None = None,
    cancel: Flag | None = None,
    verify: bool = True,
    tuning: Tuning = DEFAULT,
) -> Iterator[events.Event]:
    """Make the image of `plan` and yield what happens; the last event is Done or Failed, and nothing is raised.

    `secrets` maps the names in `Source.auth` to tokens (`{"hf": "hf_…"}`). `verify=False` believes the sha256 that
    the plan has for large files. Setting `cancel` ends it within a second. Work goes on while nobody reads events.

    >>> from odh_oci_widgets.builders import plan_image
    >>> from odh_oci_widgets.oci import run
    >>> plan = plan_image("iris.onnx", "oci:run-image", base="embedded")
    >>> for event in run(plan):
    ...     last = event
    >>> last.kind
    'done'
    """
    queue: SimpleQueue[events.Event] = SimpleQueue()
    wanted = cancel or Flag()
    stop = Flag()
    build = Build(
        plan, credentials or Credentials(), dict(secrets or {}), stop, queue.put, verify=verify, tuning=tuning
    )
    worker = Thread(target=_work, args=(build, queue.put), daemon=True, name="odh-oci-build")
    watcher = Thread(target=_watch, args=(wanted, worker, build), daemon=True, name="odh-oci-cancel")
    worker.start()
    watcher.start()
    deadline = None
    try:
        while True:
            try:
                event = queue.get(timeout=_TICK)
            except Empty:
                if wanted.is_set():
                    deadline = deadline or time.monotonic() + _CANCEL_SECONDS
                    if time.monotonic() > deadline:
                        yield failed(Cancelled("The build was cancelled."))
                        return
                continue
            yield event
            if isinstance(event, events.Done | events.Failed):
                return
    finally:
        if worker.is_alive():
            build.stop()
            worker.join(_CANCEL_SECONDS)


def error_of(failed: events.Failed) -> OdhOciError:
    """The typed exception of a Failed event.

    >>> error_of(events.Failed(error="LayerTooLarge", message="Too large.", hint="Split it."))
    LayerTooLarge('Too large.')
    """
    found = getattr(errors, failed.error, None)
    kind = found if isinstance(found, type) and issubclass(found, OdhOciError) else OdhOciError
    return kind(failed.message, hint=failed.hint)


def _watch(cancel: Flag, worker: Thread, build: Build) -> None:
    while worker.is_alive():
        if cancel.wait(_TICK):
            build.stop()
            return


def _work(build: Build, emit: Callable[[events.Event], None]) -> None:
    try:
        emit(build.run())
    except OdhOciError as error:
        emit(failed(error))
    except Exception as error:  # noqa: BLE001 - a mistake of ours must not leave the reader waiting
        emit(
            failed(
                OdhOciError(
                    f"The engine failed: {type(error).__name__}: {error}.", hint="Please report this."
                )
            )
        )
    finally:
        with suppress(OSError):
            build.close()


def failed(error: OdhOciError) -> events.Failed:
    """The event that tells an error; `error_of` makes it an error again."""
    kind = type(error)
    while getattr(errors, kind.__name__, None) is not kind and kind is not OdhOciError:
        kind = kind.__mro__[1]
    return events.Failed(error=kind.__name__, message=error.message, hint=error.hint)
