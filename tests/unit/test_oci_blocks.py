"""How many bytes go at a time: many where the line is quick, few where it is slow."""

from __future__ import annotations

import hashlib

import pytest

from odh_oci_widgets.oci.content import LayerReader
from odh_oci_widgets.oci.plan import PlanFile, Source
from odh_oci_widgets.oci.tar import Part

KIB, MIB = 2**10, 2**20


class Line:
    """A source and the way to the registry: together `rate` bytes a second of a clock of its own."""

    def __init__(self, size: int, rate: float) -> None:
        self.rate = rate
        self.now = 0.0
        self.blocks: list[int] = []
        self._left = size
        file = PlanFile(path="models/w", size=size, source=Source(), sha256=None)
        self.reader = LayerReader(
            (Part(b"", size, file),),
            lambda _file, _offset: self,
            verify=True,
            block=4 * MIB,
            clock=lambda: self.now,
        )

    def read(self, size: int) -> bytes:
        return bytes(size)

    def close(self) -> None:
        pass

    def run(self, size: int) -> None:
        for block in self.reader.blocks(self.reader.position + size):
            self.blocks.append(len(block))
            self.now += len(block) / self.rate


def test_a_quick_line_takes_large_blocks() -> None:
    line = Line(100 * MIB, 1e9)
    line.run(100 * MIB)
    assert line.blocks[0] < MIB, "nothing is known of the line yet"
    assert line.blocks.count(4 * MIB) >= 20
    assert line.reader.digest == f"sha256:{hashlib.sha256(bytes(100 * MIB)).hexdigest()}"


@pytest.mark.parametrize("rate", [1e6, 2e5])
def test_a_slow_line_gets_small_blocks(rate: float) -> None:
    """So that somebody sees progress each half second, and no time-out strikes while bytes move."""
    line = Line(10 * MIB, rate)
    line.run(10 * MIB)
    assert max(line.blocks[5:]) / rate < 0.5


def test_a_line_that_gets_slow_gets_smaller_blocks_and_back() -> None:
    line = Line(200 * MIB, 1e9)
    line.run(50 * MIB)
    assert max(line.blocks) == 4 * MIB
    line.rate = 2e6
    line.run(50 * MIB)
    assert line.blocks[-2] <= MIB
    line.rate = 1e9
    line.run(100 * MIB)
    assert line.blocks[-2] == 4 * MIB
