"""What a model gives that is no classifier: its outputs in a few numbers, and the first values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from odh_oci_widgets.inference import summarise

from . import html

#: Rows and columns of an output that are shown.
ROWS, COLUMNS = 20, 12


def outputs(arrays: Mapping[str, Any]) -> html.Html:
    """A table of all outputs (datatype, shape, lowest, highest, mean), and the head of each."""
    rows = [
        (one.name, one.datatype, shape(one.shape), number(one.low), number(one.high), number(one.mean))
        for one in summarise(arrays)
    ]
    head = ("Output", "Datatype", "Shape", "Lowest", "Highest", "Mean")
    return html.join([html.table("Outputs", head, rows), *(values(name, a) for name, a in arrays.items())])


def values(name: str, array: Any) -> html.Html:
    """The first values, one row for each row of the batch."""
    flat = array.reshape(len(array), -1) if array.ndim and len(array) else array.reshape(0, 0)
    shown = flat[:ROWS, :COLUMNS]
    if not shown.size:
        return html.EMPTY
    more = " (the first)" if flat.shape != shown.shape else ""
    return html.table(
        f"Values of {name}{more}",
        ("Row", *(str(index) for index in range(shown.shape[1]))),
        [(str(index), *map(text, row)) for index, row in enumerate(shown)],
    )


def shape(lengths: tuple[int, ...]) -> str:
    """`[2, 10]`."""
    return f"[{', '.join(map(str, lengths))}]"


def number(value: float | None) -> str:
    """Six digits, or a dash."""
    return "-" if value is None else f"{value:.6g}"


def text(value: Any) -> str:
    """One value of an output."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return f"{value:.6g}" if hasattr(value, "dtype") and value.dtype.kind == "f" else str(value)
