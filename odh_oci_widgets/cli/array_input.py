"""Arrays from a file or from standard input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from odh_oci_widgets.inference.tensors import Array


def read_array_file(name: str) -> Array | dict[str, Array]:
    """What `infer` takes. Raises WrongShape, OSError."""
    from odh_oci_widgets.inference.array_files import read_arrays

    if name == "-":
        return read_arrays("standard input", sys.stdin.buffer.read())
    return read_arrays(name, Path(name).read_bytes())
