"""What the engine says while it works: typed events, one JSON object a line when it runs elsewhere.

>>> event = LayerProgress(layer=0, sent=5, total=10, state=LayerState.SENDING)
>>> print(to_json(event))
{"digest": null, "event": "layer-progress", "layer": 0, "sent": 5, "state": "sending", "total": 10}
>>> from_json(to_json(event)) == event
True
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar


class LayerState(StrEnum):
    """Where a layer stands."""

    WAITING = "waiting"
    SENDING = "sending"
    DONE = "done"
    #: already in the repository (or mounted from another of the same registry): no byte moved
    REUSED = "reused"


@dataclass(frozen=True, kw_only=True)
class LayerInfo:
    """A layer as the plan has it: what a person calls it, and its bytes as a tar."""

    title: str
    size: int
    #: True for a layer of the base image
    base: bool = False


@dataclass(frozen=True, kw_only=True)
class Event:
    """Base of all events."""

    kind: ClassVar[str] = "event"


@dataclass(frozen=True, kw_only=True)
class Planned(Event):
    """First event: all layers there will be, in order; later events name a layer by its index here."""

    kind: ClassVar[str] = "planned"
    image: str
    layers: tuple[LayerInfo, ...]


@dataclass(frozen=True, kw_only=True)
class LayerProgress(Event):
    """Bytes of one layer on their way; at most ten a second for each layer, and one at each change of state."""

    kind: ClassVar[str] = "layer-progress"
    layer: int
    sent: int
    total: int
    state: LayerState
    #: known once the layer is done
    digest: str | None = None


@dataclass(frozen=True, kw_only=True)
class Retry(Event):
    """Something broke and is done again: no failure yet. `layer` is None where no layer was concerned."""

    kind: ClassVar[str] = "retry"
    layer: int | None
    reason: str
    attempt: int
    wait_seconds: float


@dataclass(frozen=True, kw_only=True)
class Log(Event):
    """A line for people."""

    kind: ClassVar[str] = "log"
    message: str


@dataclass(frozen=True, kw_only=True)
class Done(Event):
    """Last event of a success: the image stands at `image` (with its digest)."""

    kind: ClassVar[str] = "done"
    image: str
    digest: str
    #: bytes of all layers; of those: what went over the wire, and what stood there already
    size: int
    sent: int
    reused: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Failed(Event):
    """Last event of a failure or a cancel. `error` is the name of the exception type in `oci.errors`."""

    kind: ClassVar[str] = "failed"
    error: str
    message: str
    hint: str = ""


KINDS: dict[str, type[Event]] = {cls.kind: cls for cls in (Planned, LayerProgress, Retry, Log, Done, Failed)}


def to_json(event: Event) -> str:
    """One line of JSON, without the newline."""
    return json.dumps({"event": event.kind} | dataclasses.asdict(event), sort_keys=True)


def from_json(line: str) -> Event:
    """The event of one line. Raises ValueError for a line that is none."""
    try:
        fields: dict[str, Any] = json.loads(line)
        cls = KINDS[fields.pop("event")]
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ValueError(f"not an event: {line[:200]!r}") from error
    if cls is Planned:
        fields["layers"] = tuple(LayerInfo(**layer) for layer in fields["layers"])
    if cls is LayerProgress:
        fields["state"] = LayerState(fields["state"])
    try:
        return cls(**fields)
    except TypeError as error:
        raise ValueError(f"not an event: {line[:200]!r}") from error
