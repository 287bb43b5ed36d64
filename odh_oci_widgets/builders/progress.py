"""Fold the engine's events into what a person sees: bars, bytes, rate, time left."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from odh_oci_widgets.oci.events import Done, Event, LayerProgress, LayerState, Planned

#: Seconds over which the rate is measured.
RATE_WINDOW = 10.0
#: Seconds after the beginning in which it is not: what a build did before it was found again comes all at once.
RATE_FROM = 1.0


@dataclass(frozen=True, kw_only=True)
class LayerBar:
    """One layer: title, bytes and state.

    >>> from odh_oci_widgets import build
    >>> running = build("iris.onnx", "oci:bar-image", base="embedded")
    >>> image = running.wait()
    >>> [bar.state.value for bar in running.progress.layers if not bar.base]
    ['done']
    """

    title: str
    total: int
    sent: int = 0
    state: LayerState = LayerState.WAITING
    digest: str | None = None
    base: bool = False


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A snapshot. `sent` counts reused bytes as done; `rate` is bytes a second over the last ten seconds.

    >>> from odh_oci_widgets import build
    >>> running = build("iris.onnx", "oci:progress-image", base="embedded")
    >>> image = running.wait()
    >>> running.progress.sent == running.progress.total
    True
    """

    layers: tuple[LayerBar, ...] = ()
    sent: int = 0
    total: int = 0
    rate: float = 0.0
    #: seconds, None while unknown
    left: float | None = None

    @property
    def fraction(self) -> float:
        """0 to 1."""
        return self.sent / self.total if self.total else 0.0


class ProgressTracker:
    """Feed it events, read snapshots; safe between threads.

    >>> from odh_oci_widgets.oci.events import LayerInfo
    >>> tracker = ProgressTracker(clock=iter([0.0, 1.0, 2.0]).__next__)
    >>> tracker.feed(Planned(image="r/a:1", layers=(LayerInfo(title="model.onnx", size=100),)))
    >>> tracker.feed(LayerProgress(layer=0, sent=50, total=100, state=LayerState.SENDING))
    >>> snapshot = tracker.snapshot()
    >>> snapshot.fraction, snapshot.rate, snapshot.left
    (0.5, 25.0, 2.0)
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._layers: list[LayerBar] = []
        self._samples: deque[tuple[float, int]] = deque()
        self._moved = 0
        self._began = 0.0

    def feed(self, event: Event) -> None:
        """Take one event into account."""
        with self._lock:
            match event:
                case Planned():
                    self._layers = [
                        LayerBar(title=layer.title, total=layer.size, base=layer.base)
                        for layer in event.layers
                    ]
                    self._began = self._clock()
                    self._samples.append((self._began, self._moved))
                case LayerProgress() if event.layer < len(self._layers):
                    bar = self._layers[event.layer]
                    if event.state is LayerState.SENDING or event.state is LayerState.DONE:
                        self._moved += max(0, event.sent - bar.sent)
                    self._layers[event.layer] = LayerBar(
                        title=bar.title,
                        total=event.total,
                        sent=event.sent,
                        state=event.state,
                        digest=event.digest or bar.digest,
                        base=bar.base,
                    )
                    now = self._clock()
                    if now - self._began < RATE_FROM:
                        self._samples.clear()
                    self._samples.append((now, self._moved))
                    self._trim(now)
                case Done():
                    self._samples.clear()
                case _:
                    pass

    def snapshot(self) -> Progress:
        """What stands now."""
        with self._lock:
            now = self._clock()
            self._trim(now)
            sent = sum(bar.total if bar.state is LayerState.REUSED else bar.sent for bar in self._layers)
            total = sum(bar.total for bar in self._layers)
            rate = 0.0
            if self._samples and now > self._samples[0][0]:
                rate = (self._moved - self._samples[0][1]) / (now - self._samples[0][0])
            left = (total - sent) / rate if rate > 0 else None
            return Progress(layers=tuple(self._layers), sent=sent, total=total, rate=rate, left=left)

    def _trim(self, now: float) -> None:
        # Keep one sample older than the window, so that a slow line still has a rate.
        while len(self._samples) > 1 and self._samples[1][0] < now - RATE_WINDOW:
            self._samples.popleft()
