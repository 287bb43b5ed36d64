"""A layer in a store, read in parts or as a stream, again where a connection breaks."""

from __future__ import annotations

from contextlib import suppress

from .content import Buffer
from .errors import RegistryError
from .media import Descriptor
from .retry import ConnectionTrouble, Patience
from .store import BlobStream, LayoutStore, RegistryStore, Store

_PARTIAL, _BEYOND_THE_END = 206, 416


class CutShort(Exception):
    """A blob holds fewer bytes than its descriptor says."""


class LayerBlob:
    """What `list_layer` reads; `ranges` turns False where the registry gives a blob only whole."""

    def __init__(self, store: Store, layer: Descriptor, patience: Patience) -> None:
        self._store = store
        self._layer = layer
        self._patience = patience
        self.digest = layer["digest"]
        self.size = layer["size"]
        self.ranges = True

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` to `end`. Raises CutShort, ImageNotFound, RegistryError."""
        if isinstance(self._store, LayoutStore):
            with self._store.open_blob(self.digest, start) as file:
                return self._whole(file.read(end - start), end - start)
        assert isinstance(self._store, RegistryStore)  # noqa: S101 - there are two kinds
        while True:
            try:
                return self._ask(self._store, start, end)
            except ConnectionTrouble:
                trouble = RegistryError(
                    f"{self._store.reference.registry} breaks off while it sends {self.digest}.",
                    hint="Try again later.",
                )
                self._patience.wait("the connection broke", trouble)

    def _ask(self, store: RegistryStore, start: int, end: int) -> bytes:
        try:
            response = store.open_blob(self.digest, start, self._patience, end=end)
        except RegistryError as error:
            if error.status == _BEYOND_THE_END:
                raise CutShort from error
            raise
        try:
            if response.status != _PARTIAL:
                self.ranges = end - start == self.size
                skipped = start
                while skipped and (more := response.read(min(skipped, 2**16))):
                    skipped -= len(more)
            data = b""
            while len(data) < end - start and (more := response.read(end - start - len(data))):
                data += more
            return self._whole(data, end - start)
        finally:
            with suppress(*ConnectionTrouble):
                response.close() if response.status != _PARTIAL else response.release_conn()

    def _whole(self, data: bytes, size: int) -> bytes:
        if len(data) < size:
            raise CutShort
        return data

    def stream(self) -> LayerStream:
        """All bytes."""
        return LayerStream(self._store.stream(self._layer, 0, self._patience), self.size)


class LayerStream:
    """The bytes of a layer up to its size; `read` gives none at the end."""

    def __init__(self, stream: BlobStream, size: int) -> None:
        self._stream = stream
        self._left = size

    def read(self, size: int) -> Buffer:
        """Up to `size` bytes. Raises SourceError."""
        if not self._left:
            return b""
        data = self._stream.read(min(size, self._left))
        self._left -= len(data)
        return data

    def close(self) -> None:
        """Close the blob."""
        self._stream.close()
