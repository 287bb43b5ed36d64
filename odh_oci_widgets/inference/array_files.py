"""Arrays from files: `.npy`, `.npz`, JSON, and tables as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any
from zipfile import BadZipFile

import numpy as np

from .errors import WrongShape
from .tensors import Array

KINDS = ".npy, .npz, .json, .csv"


def read_arrays(name: str, data: bytes) -> Array | dict[str, Array]:
    r"""What `infer` takes: one array, or arrays by the names of the inputs (an `.npz`, a JSON object).

    The end of `name` says what the bytes are; anything unknown is tried as JSON. A CSV is a table of numbers, one row
    a line; a first line of words is a heading. Raises WrongShape; nothing in a file is ever run (no pickles).

    >>> read_arrays("rows.csv", b"height,width\n1,2\n3,4\n").tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    >>> sorted(read_arrays("in.json", b'{"a": [1], "b": [[2]]}'))
    ['a', 'b']
    """
    try:
        if name.endswith((".npy", ".npz")):
            found = np.load(io.BytesIO(data), allow_pickle=False)
            return dict(found) if isinstance(found, Mapping) else found
        text = data.decode("utf-8-sig")
        if name.endswith(".csv"):
            return _table(text)
        said = json.loads(text)
        if isinstance(said, dict):
            return {key: _array(value) for key, value in said.items()}
        return _array(said)
    except (ValueError, TypeError, OSError, EOFError, BadZipFile) as error:
        raise WrongShape(
            f"`{name}` holds no arrays that can be read: {error}.", hint=f"Give one of {KINDS}."
        ) from error


def _array(value: Any) -> Array:
    """Numbers as numbers; texts as objects, which is how BYTES inputs want them."""
    array = np.asarray(value)
    return array.astype(object) if array.dtype.kind in "US" else array


def _table(text: str) -> Array:
    rows = [row for row in csv.reader(io.StringIO(text)) if row]
    if rows and not _numbers(rows[0]):
        rows = rows[1:]
    if not rows:
        raise ValueError("there is no row of numbers")
    return np.array([[float(cell) for cell in row] for row in rows])


def _numbers(row: list[str]) -> bool:
    try:
        return bool([float(cell) for cell in row])
    except ValueError:
        return False
