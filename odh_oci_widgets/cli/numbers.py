"""Numbers: checked where they are typed, short where they are read."""

from __future__ import annotations

import argparse


def positive(text: str) -> int:
    """A whole number from 1, for `type=`."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def human_count(count: float) -> str:
    """A large number as people say it.

    >>> human_count(2_533_531_648), human_count(3_504_872), human_count(70)
    ('2.5 billion', '3.5 million', '70')
    """
    for size, word in ((1e9, "billion"), (1e6, "million")):
        if count >= size:
            return f"{count / size:.1f} {word}"
    return f"{count:,.0f}"


def human_time(seconds: float | None) -> str:
    """Seconds of a call, for people; a dash for None.

    >>> human_time(0.0123), human_time(2.5), human_time(None)
    ('12 ms', '2.50 s', '-')
    """
    if seconds is None:
        return "-"
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"
