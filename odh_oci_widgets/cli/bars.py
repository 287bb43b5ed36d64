"""Progress for people, on standard error: bars on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import TextIO

from odh_oci_widgets.builders import LayerBar, Progress, human_bytes
from odh_oci_widgets.oci.events import LayerState

#: Seconds between two drawings on a terminal, and between two lines elsewhere.
REDRAW_SECONDS = 0.1
LINE_SECONDS = 10.0
#: Layers that have a bar at the same time; a terminal has few lines.
ROWS = 8

_BAR = 24
_ORDER = {LayerState.SENDING: 0, LayerState.WAITING: 1, LayerState.DONE: 2, LayerState.REUSED: 2}


class Bars:
    """`show` progress, `note` lines above it, `finish` or `close` at the end; any of them at any time."""

    def __init__(self, stream: TextIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._live = stream.isatty()
        self._blocks = "█░" if (stream.encoding or "").lower().startswith("utf") else "#-"
        self._next = 0.0 if self._live else clock() + LINE_SECONDS
        self._drawn = 0

    def show(self, progress: Progress, *, last: bool = False) -> None:
        """Draw what stands now, unless it was drawn a moment ago."""
        if not progress.layers or (self._clock() < self._next and not last):
            return
        if self._live:
            self._next = self._clock() + REDRAW_SECONDS
            size = shutil.get_terminal_size()
            rows = render(progress, width=size.columns, rows=min(ROWS, size.lines - 2), blocks=self._blocks)
            self._erase()
            self._stream.write("".join(f"{row}\n" for row in rows))
            self._drawn = len(rows)
        else:
            self._next = self._clock() + LINE_SECONDS
            self._stream.write(f"{total(progress)}\n")
        self._stream.flush()

    def note(self, line: str) -> None:
        """A line that stays."""
        self._erase()
        self._stream.write(f"{line}\n")
        self._stream.flush()

    def finish(self, progress: Progress) -> None:
        """The last picture, which stays."""
        self.show(progress, last=True)
        self._drawn = 0

    def close(self) -> None:
        """Take the bars away."""
        self._erase()
        self._stream.flush()

    def _erase(self) -> None:
        if self._drawn:
            self._stream.write(f"\x1b[{self._drawn}F\x1b[J")
            self._drawn = 0


def render(progress: Progress, *, width: int, rows: int, blocks: str = "█░") -> list[str]:
    """A bar per layer, those that move first, then the sum; never wider than the terminal, never more than `rows`.

    >>> layer = LayerBar(title="model.onnx", total=100, sent=50, state=LayerState.SENDING)
    >>> for row in render(Progress(layers=(layer,), sent=50, total=100, rate=25, left=2), width=90, rows=8):
    ...     print(row)
    model.onnx                   ████████████░░░░░░░░░░░░  50%  50 B of 100 B  sending
    50% of 100 B, 25 B/s, 2 s left
    """
    shown = sorted(progress.layers, key=lambda bar: _ORDER[bar.state])[: max(rows - 1, 0)]
    lines = [_row(bar, blocks) for bar in shown]
    hidden = len(progress.layers) - len(shown)
    tail = f" (and {hidden} more layers)" if hidden else ""
    return [line[: width - 1] for line in [*lines, total(progress) + tail]]


def total(progress: Progress) -> str:
    """The sum in words: how much, how fast, how long yet."""
    parts = [f"{progress.fraction:.0%} of {human_bytes(progress.total)}"]
    if progress.rate > 0 and progress.fraction < 1:
        parts.append(f"{human_bytes(progress.rate)}/s")
        if progress.left is not None:
            parts.append(f"{human_seconds(progress.left)} left")
    return ", ".join(parts)


def human_seconds(seconds: float) -> str:
    """Seconds as people read them.

    >>> human_seconds(9.4), human_seconds(75), human_seconds(7260)
    ('9 s', '1 min 15 s', '2 h 1 min')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _row(bar: LayerBar, blocks: str) -> str:
    sent = bar.total if bar.state is LayerState.REUSED else bar.sent
    part = sent / bar.total if bar.total else 1.0
    full = int(part * _BAR)
    title = bar.title if len(bar.title) <= 28 else f"...{bar.title[-25:]}"
    drawn = blocks[0] * full + blocks[1] * (_BAR - full)
    return f"{title:<28} {drawn} {part:4.0%}  {human_bytes(sent)} of {human_bytes(bar.total)}  {bar.state}"
