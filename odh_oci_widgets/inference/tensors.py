"""Tensors on the wire of the Open Inference Protocol V2: raw little-endian bytes, or JSON numbers."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import ServerFailed, WrongShape

#: V2 datatype -> numpy dtype; BYTES, a list of byte strings, is an object array
DTYPES = {
    "BOOL": "|b1",
    "UINT8": "|u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "INT8": "|i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
    "BYTES": "O",
}

Array = NDArray[Any]


@dataclass(frozen=True)
class TensorSpec:
    """What a model says about an input or output: name, V2 datatype (`FP32`), shape with -1 for any length.

    >>> from odh_oci_widgets.inference import Endpoint, V2Client
    >>> spec = V2Client(Endpoint(mobilenet_url), "mobilenet").metadata().inputs[0]
    >>> spec.name, spec.datatype, spec.shape
    ('input', 'FP32', (-1, 3, 224, 224))
    """

    name: str
    datatype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.datatype} [{', '.join(map(str, self.shape))}]"


@dataclass(frozen=True, kw_only=True)
class TensorSummary:
    """An output in a few numbers; `low`, `high` and `mean` are None for texts and empty arrays.

    >>> from odh_oci_widgets.inference import summarise
    >>> import numpy as np
    >>> summary = summarise({"scores": np.array([0.25, 0.75])})[0]
    >>> summary.shape, summary.low, summary.high
    ((2,), 0.25, 0.75)
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    low: float | None = None
    high: float | None = None
    mean: float | None = None


def summarise(outputs: Mapping[str, Array]) -> list[TensorSummary]:
    """The outputs of a model that is no classifier, for people to look at.

    >>> summarise({"boxes": np.array([[1, 3]], np.float32)})
    [TensorSummary(name='boxes', datatype='FP32', shape=(1, 2), low=1.0, high=3.0, mean=2.0)]
    """
    names = {np.dtype(dtype): name for name, dtype in DTYPES.items()}
    found = []
    for name, array in outputs.items():
        summary = TensorSummary(
            name=name, datatype=names.get(array.dtype, str(array.dtype)), shape=array.shape
        )
        if array.size and array.dtype != object:
            low, high, mean = float(array.min()), float(array.max()), float(array.mean())
            summary = replace(summary, low=low, high=high, mean=mean)
        found.append(summary)
    return found


def as_tensor(value: Any, spec: TensorSpec) -> Array:
    """The value as an array of the input's datatype. Raises WrongShape when it does not fit the input's shape."""
    if spec.datatype not in DTYPES:
        raise WrongShape(
            f"The input `{spec.name}` has datatype {spec.datatype}, which cannot be sent from here.",
            hint=f"Known datatypes: {', '.join(DTYPES)}.",
        )
    try:
        array = np.asarray(value).astype(DTYPES[spec.datatype], casting="unsafe", copy=False)
    except (TypeError, ValueError) as error:
        raise WrongShape(
            f"The values for `{spec.name}` cannot be made into an array of {spec.datatype}: {error}.",
            hint=f"The model takes {spec}.",
        ) from error
    fits = len(array.shape) == len(spec.shape) and all(
        wanted in (-1, length) for wanted, length in zip(spec.shape, array.shape, strict=True)
    )
    if not fits:
        raise WrongShape(
            f"An array of shape {list(array.shape)} does not fit the input.", hint=f"The model takes {spec}."
        )
    return array


def to_bytes(array: Array) -> bytes:
    """Row-major little-endian bytes; each element of BYTES with its length (4 bytes) before it."""
    if array.dtype == object:
        elements = [item if isinstance(item, bytes) else str(item).encode() for item in array.ravel()]
        return b"".join(struct.pack("<I", len(item)) + item for item in elements)
    return array.tobytes()


def to_json(array: Array) -> list[Any]:
    """A flat list of JSON values, row-major. Raises WrongShape for bytes that are no UTF-8 text."""
    if array.dtype != object:
        return list(array.ravel().tolist())
    try:
        return [item.decode() if isinstance(item, bytes) else str(item) for item in array.ravel()]
    except UnicodeDecodeError as error:
        raise WrongShape(
            "Bytes that are no text cannot be sent as JSON, and the server takes no other."
        ) from error


def from_bytes(raw: bytes, spec: TensorSpec) -> Array:
    """The array behind `to_bytes`. Raises ServerFailed when the bytes do not fill the shape."""
    try:
        if spec.datatype != "BYTES":
            return np.frombuffer(raw, dtype=DTYPES[spec.datatype]).reshape(spec.shape)
        items, at = [], 0
        while at < len(raw):
            (length,) = struct.unpack_from("<I", raw, at)
            items.append(raw[at + 4 : at + 4 + length])
            at += 4 + length
        return np.array(items, dtype=object).reshape(spec.shape)
    except (KeyError, ValueError, struct.error) as error:
        raise ServerFailed(f"The output {spec} came as {len(raw)} bytes that do not fill it.") from error


def from_json(data: Any, spec: TensorSpec) -> Array:
    """The array behind JSON values, flat or nested. Raises ServerFailed when they do not fill the shape."""
    try:
        return np.array(data, dtype=DTYPES[spec.datatype]).reshape(spec.shape)
    except (KeyError, TypeError, ValueError) as error:
        raise ServerFailed(f"The output {spec} came with values that do not fill it.") from error
