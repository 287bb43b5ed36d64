"""The bytes of one layer, made while they are read: hashed, checked, and repeatable from any offset."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from .errors import SourceError
from .pace import Pace
from .plan import OWN_LAYER_BYTES, PlanFile
from .tar import Part

#: The hash state is kept each time this many bytes went by.
BORDER_BYTES = 64 * 2**20
#: The first block: nothing is known of the line yet.
_FIRST_BLOCK = 512 * 2**10

Buffer = bytes | memoryview


class Stream(Protocol):
    """Bytes of a file from some offset on."""

    def read(self, size: int) -> Buffer:
        """At least one byte and at most `size`; valid until the next call. Raises SourceError."""

    def close(self) -> None:
        """Give everything back."""


#: Opens a file's bytes at an offset.
Opener = Callable[[PlanFile, int], Stream]


@dataclass(frozen=True)
class FileDigests:
    """What a file's content is: sha256, and for small files git's blob id, both in hex."""

    sha256: str
    git_oid: str | None


class ContentMismatch(SourceError):
    """The bytes are not the promised ones; reading again may help."""

    cure = "Build again from a fresh revision; if it stays so, the source's copy is damaged."


@dataclass(frozen=True)
class _Border:
    position: int
    part: int
    within: int
    layer: hashlib._Hash
    sha256: hashlib._Hash | None
    git: hashlib._Hash | None


class LayerReader:
    """Reads a layer's parts in order. `verify=False` believes the sha256 of a large file instead of computing it."""

    def __init__(
        self,
        parts: tuple[Part, ...],
        opener: Opener,
        *,
        verify: bool,
        block: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.parts = parts
        self.size = sum(part.size for part in parts)
        self.position = 0
        #: path -> digests, for the files read to their end
        self.digests: dict[str, FileDigests] = {}
        self._opener = opener
        self._verify = verify
        self._clock = clock
        self._pace = Pace(block, first=_FIRST_BLOCK)
        self._part = 0
        self._within = 0
        self._layer = hashlib.sha256()
        self._sha256: hashlib._Hash | None = None
        self._git: hashlib._Hash | None = None
        self._stream: Stream | None = None
        self._borders: list[_Border] = []
        self._keep()

    @property
    def digest(self) -> str:
        """Digest of what was read so far; of the layer when `position` is `size`."""
        return f"sha256:{self._layer.hexdigest()}"

    def blocks(self, end: int) -> Iterator[Buffer]:
        """The bytes from `position` to `end`; each block is valid until the next."""
        while self.position < end:
            began = self._clock()
            part = self.parts[self._part]
            size = min(part.size - self._within, end - self.position, self._pace.size)
            chunk: Buffer
            if part.file is None:
                chunk = memoryview(part.data)[self._within : self._within + size]
            else:
                chunk = self._read(part.file, size)
            self._layer.update(chunk)
            self.position += len(chunk)
            self._within += len(chunk)
            if self._within == part.size:
                self._finish(part)
            if self.position - self._borders[-1].position >= BORDER_BYTES or self.position == end:
                self._keep()
            yield chunk
            self._pace.took(self._clock() - began)

    def rewind(self, offset: int) -> None:
        """Go on at `offset`, which was reached before: what lies between it and the last kept state is read again."""
        self._drop_stream()
        border = next(border for border in reversed(self._borders) if border.position <= offset)
        del self._borders[self._borders.index(border) + 1 :]
        self.position, self._part, self._within = border.position, border.part, border.within
        self._layer = border.layer.copy()
        self._sha256 = border.sha256.copy() if border.sha256 else None
        self._git = border.git.copy() if border.git else None
        for _ in self.blocks(offset):
            pass

    def close(self) -> None:
        """Close the source."""
        self._drop_stream()

    def _read(self, file: PlanFile, size: int) -> Buffer:
        if self._within == 0:
            small = file.size < OWN_LAYER_BYTES
            self._sha256 = hashlib.sha256() if self._verify or small or file.sha256 is None else None
            self._git = hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False) if small else None
        if self._stream is None:
            self._stream = self._opener(file, self._within)
        chunk = self._stream.read(size)
        if self._sha256:
            self._sha256.update(chunk)
        if self._git:
            self._git.update(chunk)
        return chunk

    def _finish(self, part: Part) -> None:
        self._part += 1
        self._within = 0
        file = part.file
        if file is None:
            return
        self._drop_stream()
        sha256 = self._sha256.hexdigest() if self._sha256 else file.sha256 or ""
        git_oid = self._git.hexdigest() if self._git else None
        self._sha256 = self._git = None
        self.digests[file.path] = FileDigests(sha256, git_oid)
        wrong_sha = file.sha256 is not None and file.sha256.lower() != sha256
        wrong_git = file.git_oid is not None and git_oid is not None and file.git_oid.lower() != git_oid
        if wrong_sha or wrong_git:
            raise ContentMismatch(
                f"The content of `{file.path}` is not what was promised: sha256 {sha256}.",
                hint="It was changed, or broken on its way. Choose the model again; "
                "look for a proxy that changes files.",
            )

    def _keep(self) -> None:
        self._borders.append(
            _Border(
                self.position,
                self._part,
                self._within,
                self._layer.copy(),
                self._sha256.copy() if self._sha256 else None,
                self._git.copy() if self._git else None,
            )
        )

    def _drop_stream(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()
