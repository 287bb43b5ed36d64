"""A layer as a tar whose length and headers are known before the first byte is read.

Every entry is what KServe needs: folders 0555, files 0444, owner 1001, group 0, one fixed time. Plain ustar where
it suffices; GNU's form for sizes from 8 GiB on and for long names, because scanners trip over pax headers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from .plan import PlanFile, PlanLayer

BLOCK = 512
UID, GID = 1001, 0
FILE_MODE, FOLDER_MODE = 0o444, 0o555
#: Two empty blocks end a tar.
END = bytes(2 * BLOCK)
_LONG_NAME = b"././@LongLink"


@dataclass(frozen=True)
class Part:
    """A piece of a layer: bytes made here, or a file's content (`file`, then `size` is the file's)."""

    data: bytes
    size: int
    file: PlanFile | None = None


@dataclass(frozen=True)
class LayerTar:
    """The tar of a plan's layer."""

    layer: PlanLayer

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Headers, contents and padding, in order."""
        parts: list[Part] = []
        made = b""
        folders: set[str] = set()
        for file in self.layer.files:
            for folder in reversed(PurePosixPath(file.path).parents[:-1]):
                if str(folder) not in folders:
                    folders.add(str(folder))
                    made += header(f"{folder}/", 0, mode=FOLDER_MODE, kind=b"5")
            made += header(file.path, file.size, mode=FILE_MODE)
            if file.size:
                parts += [Part(made, len(made)), Part(b"", file.size, file)]
                made = bytes(-file.size % BLOCK)
        made += END
        parts.append(Part(made, len(made)))
        return tuple(parts)

    @cached_property
    def size(self) -> int:
        """Bytes of the whole tar."""
        return sum(part.size for part in self.parts)


def header(path: str, size: int, *, mode: int, kind: bytes = b"0") -> bytes:
    """The header block of one entry (three blocks for a name that needs GNU's long form).

    >>> len(header("models/config.json", 7, mode=0o444))
    512
    """
    name = path.encode(errors="surrogateescape")
    split = _split(name)
    if split and size < 8**11:
        return _block(split[1], size, mode=mode, kind=kind, magic=b"ustar\0" + b"00", prefix=split[0])
    blocks = b""
    if len(name) > 100:
        long = name + b"\0"
        blocks = _block(_LONG_NAME, len(long), mode=0, kind=b"L", magic=b"ustar  \0")
        blocks += long + bytes(-len(long) % BLOCK)
    return blocks + _block(_short(name), size, mode=mode, kind=kind, magic=b"ustar  \0")


def _short(name: bytes) -> bytes:
    """What fits of a name whose whole stands before it; not cut within a character, for readers that decode both."""
    end = min(len(name), 100)
    while 0 < end < len(name) and name[end] & 0xC0 == 0x80:
        end -= 1
    return name[:end]


def _split(name: bytes) -> tuple[bytes, bytes] | None:
    """Ustar's prefix and name, where they fit."""
    if len(name) <= 100:
        return b"", name
    cut = name.find(b"/", len(name) - 101)
    if 0 < cut <= 155 and cut < len(name) - 1:
        return name[:cut], name[cut + 1 :]
    return None


def _block(name: bytes, size: int, *, mode: int, kind: bytes, magic: bytes, prefix: bytes = b"") -> bytes:
    block = bytearray(BLOCK)
    long_name = kind == b"L"
    block[0 : len(name)] = name
    block[100:108] = b"%07o\0" % mode
    block[108:116] = b"%07o\0" % (0 if long_name else UID)
    block[116:124] = b"%07o\0" % GID
    # Base-256 with the top bit set, as GNU tar writes what 11 octal digits cannot hold.
    block[124:136] = b"%011o\0" % size if size < 8**11 else (1 << 95 | size).to_bytes(12, "big")
    block[136:148] = b"%011o\0" % 0
    block[148:156] = b" " * 8
    block[156:157] = kind
    block[257:265] = magic
    block[345 : 345 + len(prefix)] = prefix
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)
