"""The build context: what a build elsewhere gets from this machine, as a tar that is made while it is sent."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from odh_oci_widgets.oci.errors import SourceError
from odh_oci_widgets.oci.plan import PlanFile

CONTAINERFILE = "Dockerfile"
_BLOCK = 2**20


def context_size(files: Iterable[PlanFile]) -> int:
    """Bytes of the files."""
    return sum(file.size for file in files)


def context(text: str, files: Iterable[PlanFile], extra: Mapping[str, str] | None = None) -> Iterator[bytes]:
    """A tar with the Containerfile, `extra` files at the top, and the plan's files; nothing is kept or copied.

    Raises SourceError for a file that is gone, or has not the size it had.
    """
    for name, content in {CONTAINERFILE: text, **(extra or {})}.items():
        data = content.encode()
        yield _header(name, len(data)) + data + _padding(len(data))
    folders: set[str] = set()
    for file in files:
        for folder in reversed(PurePosixPath(file.path).parents):
            name = str(folder)
            if name != "." and name not in folders:
                folders.add(name)
                yield _header(name, 0, tarfile.DIRTYPE)
        yield _header(file.path, file.size)
        yield from _content(file)
        yield _padding(file.size)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _content(file: PlanFile) -> Iterator[bytes]:
    left = file.size
    try:
        with Path(file.source.path or "").open("rb") as stream:
            while block := stream.read(_BLOCK):
                left -= len(block)
                if left < 0:
                    break
                yield block
    except OSError as error:
        raise SourceError(
            f"`{file.source.path}` cannot be read: {error.strerror}.", hint="Choose the model again."
        ) from error
    if left:
        raise SourceError(
            f"`{file.source.path}` changed since it was chosen.", hint="Choose the model again."
        )


def _header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    # as KServe needs them: COPY keeps modes
    info.mode = 0o555 if kind == tarfile.DIRTYPE else 0o444
    return info.tobuf(tarfile.PAX_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)
