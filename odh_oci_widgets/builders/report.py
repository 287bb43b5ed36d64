"""What a build tells: lines for people, and a report for machines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from odh_oci_widgets.oci.events import Done, Event, Failed, LayerProgress, LayerState, Log, Planned, Retry

from .build import BuildStatus
from .progress import ProgressTracker

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def human_bytes(count: float) -> str:
    """Bytes as people read them.

    >>> human_bytes(999), human_bytes(1536), human_bytes(5 * 2**30)
    ('999 B', '1.5 KiB', '5.0 GiB')
    """
    for unit in _UNITS:
        if abs(count) < 1024 or unit == _UNITS[-1]:  # noqa: PLR2004 - the size of the next unit
            break
        count /= 1024
    return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"


def log_lines(events: Iterable[Event]) -> Iterator[str]:
    """Events as lines for people; progress only where a layer is finished."""
    titles: dict[int, str] = {}
    for event in events:
        match event:
            case Planned():
                titles = {index: layer.title for index, layer in enumerate(event.layers)}
                size = human_bytes(sum(layer.size for layer in event.layers))
                yield f"{event.image}: {len(event.layers)} layers, {size}"
            case LayerProgress(state=LayerState.DONE | LayerState.REUSED):
                title = titles.get(event.layer, f"layer {event.layer}")
                yield f"{title}: {event.state}, {human_bytes(event.total)}"
            case Retry():
                where = (
                    f"{titles.get(event.layer, f'layer {event.layer}')}: " if event.layer is not None else ""
                )
                wait = f"attempt {event.attempt} in {event.wait_seconds:.1f} s"
                yield f"{where}{event.reason.rstrip('.')}; {wait}"
            case Log():
                yield event.message
            case Done():
                yield f"done in {event.seconds:.1f} s: {event.image}"
            case Failed():
                yield f"failed: {event.message} {event.hint}".rstrip()
            case _:
                pass


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
