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
    """Where a layer stands.

    >>> from odh_oci_widgets.oci import LayerState
    >>> LayerState("reused")
    <LayerState.REUSED: 'reused'>
    """

    WAITING = "waiting"
    SENDING = "sending"
    DONE = "done"
    #: already in the repository (or mounted from another of the same registry): no byte moved
    REUSED = "reused"


@dataclass(frozen=True, kw_only=True)
class LayerInfo:
    """A layer as the plan has it: what a person calls it, and its bytes as a tar.

    >>> from odh_oci_widgets.builders import plan_image
    >>> from odh_oci_widgets.oci import run
    >>> planned, *_ = run(plan_image("iris.onnx", "oci:info-image", base="embedded"))
    >>> [layer.title for layer in planned.layers if not layer.base]
    ['1/iris.onnx']
    """

    #: what a person calls it
    title: str
    #: bytes as a tar
    size: int
    #: True for a layer of the base image
    base: bool = False


@dataclass(frozen=True, kw_only=True)
class Event:
    """Base of all events.

    >>> from odh_oci_widgets.builders import plan_image
    >>> from odh_oci_widgets.oci import run
    >>> kinds = {event.kind for event in run(plan_image("iris.onnx", "oci:event-image", base="embedded"))}
    >>> kinds >= {"planned", "done"}
    True
    """

    kind: ClassVar[str] = "event"


@dataclass(frozen=True, kw_only=True)
class Planned(Event):
    """First event: all layers there will be, in order; later events name a layer by its index here.

    >>> from odh_oci_widgets.builders import plan_image
    >>> from odh_oci_widgets.oci import run
    >>> planned, *_ = run(plan_image("iris.onnx", "oci:planned-image", base="embedded"))
    >>> planned.kind, planned.image
    ('planned', 'oci:planned-image')
    """

    kind: ClassVar[str] = "planned"
    #: the destination
    image: str
    #: those of the base first
    layers: tuple[LayerInfo, ...]


@dataclass(frozen=True, kw_only=True)
class LayerProgress(Event):
    """Bytes of one layer on their way; at most ten a second for each layer, and one at each change of state.

    >>> from odh_oci_widgets.oci import LayerProgress, LayerState
    >>> event = LayerProgress(layer=0, sent=5, total=10, state=LayerState.SENDING)
    >>> f"{event.sent / event.total:.0%}"
    '50%'
    """

    kind: ClassVar[str] = "layer-progress"
    #: its index in `planned`
    layer: int
    #: bytes so far
    sent: int
    #: bytes in all
    total: int
    #: where it stands
    state: LayerState
    #: known once the layer is done
    digest: str | None = None


@dataclass(frozen=True, kw_only=True)
class Retry(Event):
    """Something broke and is done again: no failure yet. `layer` is None where no layer was concerned.

    >>> from odh_oci_widgets.oci import Retry
    >>> event = Retry(layer=0, reason="The connection broke.", attempt=1, wait_seconds=0.5)
    >>> f"{event.reason} Again in {event.wait_seconds} s."
    'The connection broke. Again in 0.5 s.'
    """

    kind: ClassVar[str] = "retry"
    #: its index in `planned`
    layer: int | None
    #: what broke
    reason: str
    #: 1 for the first
    attempt: int
    #: until it is done again
    wait_seconds: float


@dataclass(frozen=True, kw_only=True)
class Log(Event):
    """A line for people.

    >>> from odh_oci_widgets.builders import plan_image
    >>> from odh_oci_widgets.oci import Log, run
    >>> events = run(plan_image("iris.onnx", "oci:log-image", base="scratch"))
    >>> print(next(event.message for event in events if isinstance(event, Log)))
    An image from scratch serves `oci+native://` and `oci+fetch://` only, not KServe's default `oci://`.
    """

    kind: ClassVar[str] = "log"
    #: one sentence
    message: str


@dataclass(frozen=True, kw_only=True)
class Done(Event):
    """Last event of a success: the image stands at `image` (with its digest).

    >>> from odh_oci_widgets.builders import plan_image
    >>> from odh_oci_widgets.oci import run
    >>> *_, done = run(plan_image("iris.onnx", "oci:done-image", base="embedded"))
    >>> done.kind, done.image.partition("@")[0]
    ('done', 'oci:done-image')
    """

    kind: ClassVar[str] = "done"
    #: the reference, with its digest
    image: str
    #: `sha256:…` of the image
    digest: str
    #: bytes of all layers
    size: int
    #: bytes that went over the wire
    sent: int
    #: bytes that stood there already
    reused: int
    #: from the start
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Failed(Event):
    """Last event of a failure or a cancel. `error` is the name of the exception type in `oci.errors`.

    >>> from odh_oci_widgets import make_plan
    >>> from odh_oci_widgets.oci import PlanFile, Source, run
    >>> file = PlanFile(path="models/x.onnx", size=7, source=Source(path="gone.onnx"))
    >>> *_, failed = run(make_plan([file], "oci:x", base="embedded"))
    >>> failed.error, failed.message
    ('SourceError', '`gone.onnx` cannot be read: No such file or directory.')
    """

    kind: ClassVar[str] = "failed"
    #: name of the exception type in `oci.errors`
    error: str
    #: what failed, and why
    message: str
    #: what to do
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
    try:
        if cls is Planned:
            fields["layers"] = tuple(LayerInfo(**layer) for layer in fields["layers"])
        if cls is LayerProgress:
            fields["state"] = LayerState(fields["state"])
        return cls(**fields)
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError(f"not an event: {line[:200]!r}") from error
