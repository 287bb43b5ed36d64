"""Look into an image without pulling it: which model files it holds, and what a small one of them says."""

from __future__ import annotations

import json
import tarfile
from contextlib import closing
from threading import Event
from typing import Any, cast

from .inspection import ImageInfo
from .media import Descriptor
from .retry import Patience
from .reuse import FILES
from .store import Store
from .tuning import Tuning

#: A layer above this holds weights; small files share layers below it.
_LIMIT = 32 * 2**20
_BLOCK = 2**18


def model_files(info: ImageInfo) -> dict[str, int]:
    """Bytes of each file in the layers that our builds made, by path: `models/config.json`. Of other tools: none."""
    return {path: size for layer in info.layers for path, size in _rows(layer)}


def read_small_file(store: Store, info: ImageInfo, path: str, tuning: Tuning) -> bytes | None:
    """A file's content; None where no layer says that it holds it, or the layer is large.

    Raises SourceError and RegistryError as reading a blob does.
    """
    layer = next((one for one in info.layers if any(name == path for name, _ in _rows(one))), None)
    if layer is None or layer["size"] > _LIMIT:
        return None
    with closing(_Pipe(store, layer, Patience(tuning, Event()))) as pipe:
        try:
            with tarfile.open(fileobj=cast("Any", pipe), mode="r|*", bufsize=_BLOCK) as tar:
                for member in tar:
                    if member.name.lstrip("./") == path and (file := tar.extractfile(member)):
                        return file.read()
        except (tarfile.TarError, EOFError):
            return None  # what it says of itself is wrong: as good as nothing said
    return None


def _rows(layer: Descriptor) -> list[tuple[str, int]]:
    try:
        rows = json.loads(layer.get("annotations", {}).get(FILES) or "[]")
        return [(str(row[0]), int(row[1])) for row in rows]
    except (ValueError, TypeError, IndexError, KeyError):
        return []


class _Pipe:
    """A blob as the file that tarfile reads."""

    def __init__(self, store: Store, layer: Descriptor, patience: Patience) -> None:
        self._stream = store.stream(layer, 0, patience)
        self._left = layer["size"]

    def read(self, size: int) -> bytes:
        chunk = bytes(self._stream.read(min(size, self._left))) if self._left else b""
        self._left -= len(chunk)
        return chunk

    def close(self) -> None:
        self._stream.close()
