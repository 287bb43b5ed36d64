"""What a build tells: lines for people, and a report for machines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from odh_oci_widgets.oci.events import Done, Event, Failed, LayerProgress, LayerState, Log, Planned, Retry

from .progress import ProgressTracker
from .protocol import BuildStatus

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def human_bytes(count: float) -> str:
    """Bytes as people read them.

    >>> human_bytes(999), human_bytes(1536), human_bytes(5 * 2**30)
    ('999 B', '1.5 KiB', '5.0 GiB')
    """
    for unit in _UNITS:
        if abs(count) < 1024 or unit == _UNITS[-1]:
            break
        count /= 1024
    return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"


class Lines:
    """Events as lines for people: ask for each event in its turn, as layers are named by the first one."""

    def __init__(self) -> None:
        self._titles: dict[int, str] = {}

    def of(self, event: Event) -> str | None:
        """The line; None for an event that is none, like the progress of a layer that is not finished."""
        match event:
            case Planned():
                self._titles = {index: layer.title for index, layer in enumerate(event.layers)}
                size = human_bytes(sum(layer.size for layer in event.layers))
                return f"{event.image}: {len(event.layers)} layers, {size}"
            case LayerProgress(state=LayerState.DONE | LayerState.REUSED):
                return f"{self._title(event.layer)}: {event.state}, {human_bytes(event.total)}"
            case Retry():
                where = "" if event.layer is None else f"{self._title(event.layer)}: "
                reason = event.reason.rstrip(".")
                return (
                    f"{where}{reason}; trying again in {event.wait_seconds:.1f} s (attempt {event.attempt})"
                )
            case Log():
                return event.message
            case Done():
                return f"done in {event.seconds:.1f} s: {event.image}"
            case Failed():
                return f"failed: {event.message} {event.hint}".rstrip()
        return None

    def _title(self, layer: int) -> str:
        return self._titles.get(layer, f"layer {layer}")


def log_lines(events: Iterable[Event]) -> Iterator[str]:
    """Events as lines for people; progress only where a layer is finished."""
    lines = Lines()
    for event in events:
        line = lines.of(event)
        if line is not None:
            yield line


def report(events: Iterable[Event], *, id: str, builder: str, status: BuildStatus) -> dict[str, Any]:  # noqa: A002
    """Image, digest, seconds, bytes sent and reused, per layer; `error` where it failed. Plain JSON."""
    tracker = ProgressTracker()
    found: dict[str, Any] = {"image": None, "digest": None, "seconds": None, "sent": None, "reused": None}
    error: dict[str, str] | None = None
    retries = 0
    for event in events:
        tracker.feed(event)
        match event:
            case Planned():
                found["image"] = event.image
            case Retry():
                retries += 1
            case Done():
                found |= {name: getattr(event, name) for name in found}
            case Failed():
                error = asdict(event)
            case _:
                pass
    progress = tracker.snapshot()
    return {
        "id": id,
        "builder": builder,
        "status": str(status),
        **found,
        "size": progress.total,
        "retries": retries,
        "error": error,
        "layers": [asdict(layer) for layer in progress.layers],
    }
