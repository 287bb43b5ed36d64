"""An OCI image layout on disk: written so that nobody ever sees half an image, and read."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from .content import Buffer, LayerReader
from .errors import ImageNotFound, LayoutError
from .media import OCI_INDEX, Descriptor, dump, sha256
from .reference import LayoutReference
from .registry import Manifest
from .retry import Patience

REF_NAME = "org.opencontainers.image.ref.name"
_VERSION = b'{"imageLayoutVersion":"1.0.0"}'


class Layout:
    """The layout that a reference names; it need not exist yet."""

    def __init__(self, reference: LayoutReference) -> None:
        self.reference = reference
        self.path = reference.path
        self._made: list[Path] = []

    # -- reading ----------------------------------------------------------------------------------------------

    def index(self) -> list[dict[str, Any]]:
        """The descriptors of `index.json`; empty where there is no layout yet."""
        try:
            document = json.loads((self.path / "index.json").read_bytes())
            return [entry for entry in document["manifests"] if isinstance(entry, dict)]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LayoutError(
                f"`{self.path}` is not an OCI image layout: {error}.", hint="Choose another folder."
            ) from error

    def manifest(self, identifier: str | None = None) -> Manifest:
        """By digest or tag; without either, the layout's only image. Raises ImageNotFound."""
        wanted = identifier or self.reference.tag
        if wanted and wanted.startswith("sha256:"):
            data = self.read_blob(wanted)
            media_type = str(json.loads(data).get("mediaType") or "")
            return Manifest(data, media_type, wanted)
        entries = self.index()
        if wanted:
            entries = [e for e in entries if (e.get("annotations") or {}).get(REF_NAME) == wanted]
        elif len(entries) > 1:
            named = ", ".join(str((e.get("annotations") or {}).get(REF_NAME)) for e in entries)
            raise ImageNotFound(
                f"`{self.path}` holds several images: {named}.", hint=f"Name one: `oci:{self.path}:TAG`."
            )
        if not entries:
            raise ImageNotFound(f"{self.reference} does not exist.", hint="Check the folder and the tag.")
        entry = entries[-1]
        return Manifest(self.read_blob(entry["digest"]), str(entry.get("mediaType", "")), entry["digest"])

    def find_manifest(self, identifier: str | None = None) -> Manifest | None:
        """The same, None where there is none."""
        try:
            return self.manifest(identifier)
        except ImageNotFound:
            return None

    def has_blob(self, digest: str, size: int) -> bool:
        """Whether the blob is there, whole."""
        try:
            return self.blob_path(digest).stat().st_size == size
        except OSError:
            return False

    def blob_path(self, digest: str) -> Path:
        """Where a blob stands."""
        algorithm, _, value = digest.partition(":")
        if not value.isalnum() or not algorithm.isalnum():
            raise LayoutError(f"`{digest}` is not a digest.", hint="The layout is broken: make it again.")
        return self.path / "blobs" / algorithm / value

    def open_blob(self, digest: str, offset: int = 0) -> BinaryIO:
        """The bytes of a blob from `offset` on."""
        try:
            stream = self.blob_path(digest).open("rb", buffering=0)
        except FileNotFoundError as error:
            raise ImageNotFound(
                f"`{self.path}` lacks the blob {digest}.", hint="The layout is incomplete: make it again."
            ) from error
        stream.seek(offset)
        return stream

    def read_blob(self, digest: str, limit: int = 2**22) -> bytes:
        """A small blob."""
        with self.open_blob(digest) as stream:
            data = stream.read(limit + 1)
        if sha256(data) != digest:
            raise LayoutError(
                f"The blob {digest} in `{self.path}` is damaged.", hint="Make the layout again."
            )
        return data

    # -- writing ----------------------------------------------------------------------------------------------

    def free_bytes(self) -> int:
        """Room on the disk the layout is on, or will be."""
        folder = self.path.absolute()
        while not folder.exists():
            folder = folder.parent
        return shutil.disk_usage(folder).free

    def put(self, reader: LayerReader, patience: Patience, report: Callable[[int], None]) -> str:
        """Write a blob; the digest."""
        try:
            with self._new_file() as (stream, name):
                for block in reader.blocks(reader.size):
                    patience.check()
                    _write_all(stream, block)
                    report(reader.position)
                self._keep(name, reader.digest)
        finally:
            reader.close()
        return reader.digest

    def put_bytes(self, data: bytes) -> str:
        """Write a small blob; the digest."""
        digest = sha256(data)
        with self._new_file() as (stream, name):
            _write_all(stream, data)
            self._keep(name, digest)
        return digest

    def tag(self, descriptor: Descriptor) -> None:
        """Let the reference's tag name this manifest; the image exists from here on."""
        entry: dict[str, Any] = dict(descriptor)
        if self.reference.tag:
            entry["annotations"] = {REF_NAME: self.reference.tag}
        kept = [e for e in self.index() if (e.get("annotations") or {}).get(REF_NAME) != self.reference.tag]
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [*kept, entry]}
        self._write("oci-layout", _VERSION)
        self._write("index.json", dump(index))
        self._made.clear()

    def undo(self) -> None:
        """Remove what was written since the last `tag`, and the folder where it was not there before."""
        for path in reversed(self._made):
            with suppress(OSError):
                if path.is_dir():
                    path.rmdir()
                else:
                    path.unlink()
        self._made.clear()

    @contextmanager
    def _new_file(self) -> Iterator[tuple[BinaryIO, str]]:
        try:
            folder = self._folder(self.path / "blobs" / "sha256")
            descriptor, name = tempfile.mkstemp(prefix=".partial-", dir=folder)
        except OSError as error:
            raise self._cannot(error) from error
        try:
            with os.fdopen(descriptor, "wb", buffering=0) as stream:
                yield stream, name
        except OSError as error:
            raise self._cannot(error) from error
        finally:
            with suppress(FileNotFoundError):
                os.unlink(name)  # noqa: PTH108

    def _keep(self, name: str, digest: str) -> None:
        path = self.blob_path(digest)
        new = not path.exists()
        os.chmod(name, 0o644)  # noqa: PTH101
        os.replace(name, path)  # noqa: PTH105
        if new:
            self._made.append(path)

    def _write(self, name: str, data: bytes) -> None:
        try:
            descriptor, temporary = tempfile.mkstemp(prefix=".partial-", dir=self.path)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
            os.chmod(temporary, 0o644)  # noqa: PTH101
            os.replace(temporary, self.path / name)  # noqa: PTH105
        except OSError as error:
            raise self._cannot(error) from error

    def _folder(self, folder: Path) -> Path:
        missing = []
        while not folder.exists():
            missing.append(folder)
            folder = folder.parent
        for path in reversed(missing):
            with suppress(FileExistsError):
                path.mkdir()
                self._made.append(path)
        return missing[0] if missing else folder

    def _cannot(self, error: OSError) -> LayoutError:
        return LayoutError(
            f"`{self.path}` cannot be written: {error.strerror or error}.",
            hint="Choose a folder with room that is yours.",
        )


def _write_all(stream: BinaryIO, data: Buffer) -> None:
    """All of it, or OSError: a disk that gets full takes a part before it refuses."""
    left = memoryview(data)
    while left:
        left = left[stream.write(left) :]
