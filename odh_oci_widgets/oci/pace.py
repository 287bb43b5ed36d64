"""How many bytes at a time: many where that is quick, few where it is slow.

Large blocks take the least work; small ones let a slow line show progress, hear a cancel, and stay within the time-out
of a socket, which counts for a whole block.
"""

from __future__ import annotations

#: The smallest block, which the slowest line gets.
LEAST = 64 * 2**10
#: Seconds: a block that took less is followed by one of twice the size, one that took longer by one of half of it.
_QUICK, _SLOW = 0.025, 0.1


class Pace:
    """`size` is what to take next, up to `most`; tell `took` how long it was.

    >>> pace = Pace(2**20)
    >>> pace.took(0.001)
    >>> pace.size
    131072
    >>> pace.took(3.0)
    >>> pace.size
    65536
    """

    def __init__(self, most: int, *, first: int = LEAST) -> None:
        self._least, self._most = min(LEAST, most), most
        self.size = min(first, most)

    def took(self, seconds: float) -> None:
        """So long for the last one."""
        if seconds < _QUICK:
            self.size = min(self.size * 2, self._most)
        elif seconds > _SLOW:
            self.size = max(self.size // 2, self._least)
