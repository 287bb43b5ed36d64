"""Headers of safetensors files: parameters and bytes per data type, without the weights.

A file begins with 8 bytes, the little-endian length of a JSON object `{tensor: {dtype, shape, data_offsets}}`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import prod

from .errors import NotAModel
from .fetching import read_piece
from .model import ModelFile

#: most headers are smaller, so that one request is enough
_FIRST_BYTES = 128 * 2**10
#: the format's own limit
_MAX_HEADER = 100 * 10**6

#: bits of one element; sub-byte types are packed
BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64,
    "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Elements per data type (`{"BF16": 2533531648}`), and bytes of all tensors."""

    parameters: dict[str, int]
    size: int


def read_weights(files: Sequence[ModelFile], *, token: str | None) -> Weights:
    """What the headers of all `files` say together. Raises NotAModel for a header that cannot be."""
    with ThreadPoolExecutor(max_workers=min(8, len(files) or 1)) as pool:
        found = list(pool.map(lambda file: _read(file, token), files))
    parameters: Counter[str] = Counter()
    for weights in found:
        parameters.update(weights.parameters)
    return Weights(parameters=dict(parameters), size=sum(weights.size for weights in found))


def _read(file: ModelFile, token: str | None) -> Weights:
    head = read_piece(file.source, 0, min(_FIRST_BYTES, file.size), token=token).data
    length = int.from_bytes(head[:8], "little")
    if not len("{}") <= length <= min(_MAX_HEADER, file.size - 8):
        raise NotAModel(f"`{file.path}` is no safetensors file.", hint="Look at it, or download it again.")
    if length > len(head) - 8:
        head += read_piece(file.source, len(head), length + 8 - len(head), token=token).data
    try:
        tensors = json.loads(head[8 : 8 + length])
        tensors.pop("__metadata__", None)
        parameters: Counter[str] = Counter()
        size = 0
        for tensor in tensors.values():
            count = prod(tensor["shape"])
            parameters[tensor["dtype"]] += count
            start, end = tensor["data_offsets"]
            size += end - start
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotAModel(
            f"The header of `{file.path}` is damaged.", hint="Look at the file, or download it again."
        ) from error
    return Weights(parameters=dict(parameters), size=size)
