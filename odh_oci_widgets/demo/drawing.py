"""A small grey picture, for a terminal and as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

#: From dark to light; each pixel is two characters wide, as wide as a line is high.
_SHADES = " ░▒▓█"


def drawn(pixels: Any, *, brightest: float = 16) -> list[str]:
    """Lines of block characters. `pixels` is [height, width], 0 to `brightest`.

    >>> drawn([[0, 16], [8, 0]])
    ['  ██', '▒▒  ']
    """
    last = len(_SHADES) - 1
    return ["".join(2 * _SHADES[round(float(p) / brightest * last)] for p in row) for row in pixels]


def save_png(pixels: Any, path: Path, *, brightest: float = 16, scale: int = 16) -> None:
    """The same as a PNG, enlarged."""
    import numpy as np
    from PIL import Image

    grey = np.rint(np.asarray(pixels) * (255 / brightest)).astype("uint8")
    picture = Image.fromarray(grey)
    picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST).save(path)
