"""Progress on standard error: what fits the terminal, and how often it is drawn."""

from __future__ import annotations

import io

import pytest

from odh_oci_widgets.builders import LayerBar, Progress
from odh_oci_widgets.cli.bars import Bars, render
from odh_oci_widgets.oci.events import LayerState


class Terminal(io.StringIO):
    def __init__(self, *, tty: bool, encoding: str = "utf-8") -> None:
        super().__init__()
        self._tty, self._encoding = tty, encoding

    def isatty(self) -> bool:
        return self._tty

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding


def progress(layers: int = 1, sent: int = 50) -> Progress:
    bars = tuple(
        LayerBar(
            title=f"a-rather-long-folder/model-{n:05}.safetensors",
            total=100,
            sent=sent,
            state=LayerState.SENDING,
        )
        for n in range(layers)
    )
    return Progress(layers=bars, sent=sent * layers, total=100 * layers, rate=10, left=61)


@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize("layers", [1, 7, 100])
def test_it_never_leaves_the_terminal(width, layers):
    lines = render(progress(layers), width=width, rows=8)
    assert len(lines) <= 8
    assert max(map(len, lines)) < width


def test_what_moves_is_shown_and_the_rest_is_counted():
    waiting = LayerBar(title="waiting", total=1)
    moving = LayerBar(title="moving", total=1, state=LayerState.SENDING)
    lines = render(Progress(layers=(*[waiting] * 20, moving), total=21), width=80, rows=4)
    assert lines[0].startswith("moving")
    assert "18 more layers" in lines[-1]


def test_a_terminal_is_drawn_at_most_ten_times_a_second():
    now, terminal = [0.0], Terminal(tty=True)
    shown = Bars(terminal, clock=lambda: now[0])
    for step in range(1000):
        now[0] = step / 1000
        shown.show(progress())
    assert terminal.getvalue().count("min 1 s left") <= 10
    shown.finish(progress(sent=100))
    assert "100%" in terminal.getvalue().splitlines()[-1]


def test_a_file_gets_a_plain_line_now_and_then():
    now, file = [0.0], Terminal(tty=False)
    shown = Bars(file, clock=lambda: now[0])
    for second in range(60):
        now[0] = float(second)
        shown.show(progress())
    shown.note("a word")
    shown.close()
    assert file.getvalue().count("50% of 100 B, 10 B/s, 1 min 1 s left\n") == 5
    assert "\x1b" not in file.getvalue()


def test_a_terminal_without_unicode_gets_ascii():
    terminal = Terminal(tty=True, encoding="ascii")
    Bars(terminal, clock=lambda: 1.0).show(progress())
    drawn = terminal.getvalue()
    assert "####" in drawn
    assert "█" not in drawn
    drawn.encode("ascii")
