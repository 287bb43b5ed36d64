"""What stands in a layer, without its contents: tar headers read by Range, or streamed up to a limit.

An uncompressed layer of 10 GB costs some kilobytes. A compressed one has to be read from its start, so there is a
limit to what is read of it; `LayerListing.complete` says whether it sufficed.
"""

from __future__ import annotations

import hashlib
import posixpath
import tarfile
import zlib
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import IO, Any, Protocol

from .content import Buffer
from .tree import Entry, EntryKind

#: The first bytes read at a place in a layer; doubled while the reading goes on there.
_FIRST_WINDOW = 8 * 2**10
_LAST_WINDOW = 2**20
#: Fewer bytes between two headers are read along: another request would take longer.
_NEAR = 2**17
_BLOCK = 2**16
#: More than any name and its attributes need.
_LARGEST_HEADER = 16 * 2**20
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_ZLIB_GZIP = 31

_KINDS = {
    tarfile.REGTYPE: EntryKind.FILE,
    tarfile.AREGTYPE: EntryKind.FILE,
    tarfile.CONTTYPE: EntryKind.FILE,
    tarfile.GNUTYPE_SPARSE: EntryKind.FILE,
    tarfile.DIRTYPE: EntryKind.FOLDER,
    tarfile.SYMTYPE: EntryKind.LINK,
    tarfile.LNKTYPE: EntryKind.HARD_LINK,
}


class Stream(Protocol):
    """Bytes in order, as an HTTP answer or a file gives them."""

    def read(self, size: int, /) -> Buffer:
        """Up to `size` bytes, none at the end."""

    def close(self) -> None:
        """No more bytes are wanted."""


class Blob(Protocol):
    """A layer's bytes, wherever they are."""

    @property
    def digest(self) -> str:
        """`sha256:…`."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def ranges(self) -> bool:
        """Whether a part can be read without the rest; known after the first `read`."""

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` to `end`."""

    def stream(self) -> Stream:
        """All bytes."""


@dataclass(frozen=True)
class LayerListing:
    """The entries of one layer. `trouble` is a sentence on what was wrong, or on why it is not `complete`."""

    entries: tuple[Entry, ...]
    complete: bool
    bytes_read: int = 0
    #: digest of the uncompressed tar, where it came to be known
    diff_id: str | None = None
    trouble: str = ""
    #: names that lead out of the image (`../x`)
    outside: tuple[str, ...] = ()
    #: whether the tar itself is broken
    damaged: bool = False


class _LimitReached(Exception):
    """More bytes would have to be read than wanted."""


def list_layer(blob: Blob, *, limit: int) -> LayerListing:
    """Read the headers of a layer; of a compressed one at most `limit` bytes, as of small files for fewer requests.

    Raises what `blob` raises.
    """
    reader = _RangeReader(blob, limit)
    start = reader.read(4)
    reader.seek(0)
    if start.startswith(_ZSTD):
        return LayerListing(
            (), complete=False, bytes_read=reader.bytes_read, trouble="it is compressed with zstd"
        )
    if start.startswith(_GZIP) or not blob.ranges:
        listing = _list_stream(blob, limit, compressed=start.startswith(_GZIP))
        return replace(listing, bytes_read=listing.bytes_read + reader.bytes_read)
    listing = _list(reader)
    return replace(listing, bytes_read=reader.bytes_read, diff_id=blob.digest)


def _list_stream(blob: Blob, limit: int, *, compressed: bool) -> LayerListing:
    stream = blob.stream()
    try:
        counted = _Counted(stream, limit)
        reader = _ForwardReader(_Gunzipped(counted) if compressed else counted)
        listing = _list(reader)
        diff_id = None
        if listing.complete and not listing.damaged:
            try:
                with suppress(_LimitReached):  # all entries are known; only the digest is not
                    diff_id = reader.digest_of_all()
            except (zlib.error, EOFError) as error:  # what comes after the last entry is damaged
                listing = replace(listing, damaged=True, trouble=f"its compression is damaged ({error})")
        return replace(listing, bytes_read=counted.bytes_read, diff_id=diff_id)
    finally:
        stream.close()


def _list(reader: _RangeReader | _ForwardReader) -> LayerListing:
    entries: list[Entry] = []
    outside: list[str] = []
    trouble, complete, damaged = "", True, False
    try:
        with tarfile.TarFile(fileobj=_as_file(reader), mode="r", errors="surrogateescape") as tar:
            for member in tar:
                path = posixpath.normpath(member.name).strip("/")
                if path.split("/")[0] == "..":
                    outside.append(member.name)
                elif path not in {".", ""}:
                    entries.append(_entry(path, member))
                elif member.isdir():  # the image's root
                    entries.append(_entry("", member))
                tar.members = []  # type: ignore[attr-defined] # it would keep them all
        if reader.last_block.strip(b"\0"):  # tarfile takes a broken header for the end
            damaged, trouble = True, "its tar is damaged"
    except _LimitReached:
        complete, trouble = False, "it is compressed and large"
    except (tarfile.TarError, zlib.error, EOFError, ValueError, OverflowError) as error:
        damaged, trouble = True, f"its tar is damaged ({error})"
    return LayerListing(
        tuple(entries), complete=complete, trouble=trouble, outside=tuple(outside), damaged=damaged
    )


def _as_file(reader: Any) -> IO[bytes]:
    return reader  # type: ignore[no-any-return] # a tar needs `read`, `seek` and `tell` only


def _entry(path: str, member: tarfile.TarInfo) -> Entry:
    kind = _KINDS.get(member.type, EntryKind.OTHER)
    target = member.linkname if kind in {EntryKind.LINK, EntryKind.HARD_LINK} else ""
    return Entry(path, kind, member.mode & 0o7777, member.uid, member.gid, member.size, target)


class _RangeReader:
    """A blob as a file that can seek; what is skipped is not read, but for small files up to `limit` bytes."""

    def __init__(self, blob: Blob, limit: int) -> None:
        self._blob = blob
        self._limit = limit
        self._at = self._start = 0
        self._buffer = b""
        self._window = _FIRST_WINDOW
        self.bytes_read = 0
        #: what the last `read` gave: the block at which a tar ends
        self.last_block = b""

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int) -> int:
        self._at = offset
        return offset

    def read(self, size: int) -> bytes:
        _check_header(size)
        size = max(0, min(size, self._blob.size - self._at))
        end = self._start + len(self._buffer)
        if not self._start <= self._at or self._at + size > end:
            gap = _NEAR if self.bytes_read < self._limit else 0
            near = self._buffer and self._start <= self._at <= end + gap
            self._window = min(self._window * 2, _LAST_WINDOW) if near else _FIRST_WINDOW
            self._start, self._buffer = self._at, self._fetch(max(size, self._window))
        place = self._at - self._start
        self.last_block = self._buffer[place : place + size]
        self._at += size
        return self.last_block

    def _fetch(self, size: int) -> bytes:
        data = self._blob.read(self._at, min(self._at + size, self._blob.size))
        self.bytes_read += len(data)
        return data


class _Counted:
    """A stream that gives no more than `limit` bytes."""

    def __init__(self, stream: Stream, limit: int) -> None:
        self._stream = stream
        self._limit = limit
        self.bytes_read = 0

    def read(self, size: int) -> bytes:
        if self.bytes_read >= self._limit:
            raise _LimitReached
        data = bytes(self._stream.read(min(size, self._limit - self.bytes_read)))
        self.bytes_read += len(data)
        return data


class _Gunzipped:
    """The plain bytes of a gzip stream of one or more members."""

    def __init__(self, stream: _Counted) -> None:
        self._stream = stream
        self._inflate = zlib.decompressobj(_ZLIB_GZIP)

    def read(self, size: int) -> bytes:
        while True:
            data = self._inflate.unconsumed_tail or self._inflate.unused_data
            if self._inflate.eof:
                data = (data or self._stream.read(_BLOCK)).lstrip(b"\0")
                if not data:
                    return b""
                self._inflate = zlib.decompressobj(_ZLIB_GZIP)
            elif not data:
                data = self._stream.read(_BLOCK)
                if not data:
                    raise EOFError("it ends early")
            plain = self._inflate.decompress(data, size)
            if plain:
                return plain


class _ForwardReader:
    """A stream as a file that can seek forward, hashing what passes."""

    def __init__(self, stream: _Counted | _Gunzipped) -> None:
        self._stream = stream
        self._at = 0
        self._hash = hashlib.sha256()
        self.last_block = b""

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int) -> int:
        while self._at < offset and self._some(min(_BLOCK, offset - self._at)):
            pass
        return self._at

    def read(self, size: int) -> bytes:
        _check_header(size)
        blocks = []
        while size > 0 and (data := self._some(size)):
            blocks.append(data)
            size -= len(data)
        self.last_block = b"".join(blocks)
        return self.last_block

    def _some(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._at += len(data)
        self._hash.update(data)
        return data

    def digest_of_all(self) -> str:
        """Read the rest; the digest of everything."""
        while self._some(_BLOCK):
            pass
        return f"sha256:{self._hash.hexdigest()}"


def _check_header(size: int) -> None:
    if size > _LARGEST_HEADER:
        raise tarfile.ReadError(f"a header of {size} bytes")
