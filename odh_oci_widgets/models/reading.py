"""Files of a model read in parts, where they are: headers of gigabytes for kilobytes."""

from __future__ import annotations

import json
from typing import Any

from odh_oci_widgets.oci.plan import Source

from .errors import NotAModel
from .fetching import read_piece
from .model import Model, ModelFile

#: A JSON file above this is none of those we read (config, tokenizer settings).
MAX_JSON_BYTES = 16 * 2**20


class Window:
    """Random access to one file, `block` bytes at a time; the last few blocks are kept.

    `limit` bounds how many blocks are fetched: a file that needs more is better read where it is served.
    """

    def __init__(self, file: ModelFile, *, token: str | None, block: int = 2**18, limit: int = 128) -> None:
        self.size = file.size
        self.fetched = 0
        self._source: Source = file.source
        self._token = token
        self._block = block
        self._limit = limit
        self._blocks: dict[int, bytes] = {}

    def read(self, start: int, length: int) -> bytes:
        """Exactly `length` bytes from `start`. Raises NotAModel where the file ends before."""
        if start < 0 or length < 0 or start + length > self.size:
            raise NotAModel("The file ends too early: it is damaged or not what its name says.")
        data = bytearray()
        while len(data) < length:
            position = start + len(data)
            index, inside = divmod(position, self._block)
            piece = self._load(index)[inside : inside + length - len(data)]
            if not piece:
                raise NotAModel("The file ends too early: it is damaged or not what its name says.")
            data += piece
        return bytes(data)

    def _load(self, index: int) -> bytes:
        if index not in self._blocks:
            self.fetched += 1
            if self.fetched > self._limit:
                raise TooScattered
            if len(self._blocks) >= 4:
                self._blocks.pop(next(iter(self._blocks)))
            start = index * self._block
            # The piece lying at the end of the file is shorter; asking for more would be a 416 on some servers.
            length = min(self._block, self.size - start)
            self._blocks[index] = read_piece(self._source, start, length, token=self._token).data
        return self._blocks[index]


class TooScattered(Exception):
    """What is wanted lies in too many places of the file to fetch them one by one."""


def read_json(model: Model, path: str, *, token: str | None) -> dict[str, Any] | None:
    """A JSON object of the model (whether selected or not); None without such a file or with another content."""
    file = find_file(model, path)
    if file is None or file.size > MAX_JSON_BYTES:
        return None
    try:
        data = json.loads(read_piece(file.source, 0, file.size, token=token).data)
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def find_file(model: Model, path: str) -> ModelFile | None:
    """The file of that path, selected or left out."""
    everything = [*model.files, *(file for file, _ in model.left_out)]
    return next((file for file in everything if file.path == path), None)
