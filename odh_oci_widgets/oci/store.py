"""One face for where images are: a repository of a registry, or an OCI image layout."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from threading import Event
from typing import BinaryIO, Protocol

import urllib3

from .content import Buffer, LayerReader
from .credentials import Credentials
from .errors import RegistryError, SourceError
from .layout import Layout
from .media import Descriptor, describe, sha256
from .plan import PlanFile, Source
from .reference import LayoutReference, Reference, parse_image
from .registry import Manifest, Repository
from .retry import ConnectionTrouble, Notify, Patience, ignore
from .tar import Part
from .tuning import DEFAULT, Tuning
from .upload import Report, Upload


class Store(Protocol):
    """What a build reads from and writes to."""

    @property
    def reference(self) -> Reference | LayoutReference:
        """Its name, with the tag."""

    def find_manifest(self, identifier: str | None = None) -> Manifest | None:
        """A manifest by tag or digest (default: the reference's own)."""

    def manifest(self, identifier: str | None = None) -> Manifest:
        """The same. Raises ImageNotFound."""

    def read_blob(self, digest: str) -> bytes:
        """A small blob."""

    def has_blob(self, digest: str, size: int) -> bool:
        """Whether it is there, whole."""

    def stream(self, descriptor: Descriptor, offset: int, patience: Patience) -> BlobStream:
        """The bytes of a blob from `offset` on."""

    def put(self, reader: LayerReader, patience: Patience, report: Report) -> str:
        """Store a layer; the digest."""

    def put_bytes(self, data: bytes) -> str:
        """Store a small blob; the digest."""

    def put_manifest(self, data: bytes, media_type: str) -> None:
        """Store a manifest under its digest."""

    def publish(self, data: bytes, media_type: str) -> None:
        """Store a manifest under the reference's tag: the image exists from here on."""

    def take(self, digest: str, origin: Store) -> bool:
        """Have a blob of `origin` without moving its bytes; False where that is not possible."""

    def abandon(self) -> None:
        """Leave nothing half-made."""

    def close(self) -> None:
        """Close connections."""


class BlobStream:
    """A blob of a store as a source of bytes; reopened where a connection broke."""

    def __init__(
        self,
        open_at: Callable[[int], urllib3.BaseHTTPResponse | BinaryIO],
        descriptor: Descriptor,
        offset: int,
        patience: Patience,
    ) -> None:
        self._open_at = open_at
        self._descriptor = descriptor
        self._at = offset
        self._patience = patience
        self._response: urllib3.BaseHTTPResponse | BinaryIO | None = None

    def read(self, size: int) -> Buffer:
        """At least one byte, up to `size`. Raises SourceError."""
        while True:
            self._patience.check()
            try:
                if self._response is None:
                    self._response = self._open()
                chunk = self._response.read(size)
            except ConnectionTrouble:
                chunk = b""
            if chunk:
                self._at += len(chunk)
                return chunk
            self.close()
            self._patience.wait(
                "the connection broke",
                SourceError(
                    f"The blob {self._descriptor['digest']} cannot be read.", hint="Try again later."
                ),
            )

    def _open(self) -> urllib3.BaseHTTPResponse | BinaryIO:
        response = self._open_at(self._at)
        if self._at and getattr(response, "status", 206) == 200:
            left = self._at
            while left:
                chunk = response.read(min(left, 2**18))
                if not chunk:
                    raise ConnectionResetError
                left -= len(chunk)
        return response

    def close(self) -> None:
        """Close it."""
        response, self._response = self._response, None
        if response is not None:
            with suppress(OSError):
                response.close()


class RegistryStore(Repository):
    """A repository as a store."""

    def stream(self, descriptor: Descriptor, offset: int, patience: Patience) -> BlobStream:
        """The bytes of a blob from `offset` on."""
        digest = descriptor["digest"]
        return BlobStream(lambda at: self.open_blob(digest, at, patience), descriptor, offset, patience)

    def put(self, reader: LayerReader, patience: Patience, report: Report) -> str:
        """Upload a layer; the digest."""
        return Upload(self, reader, patience, report).run()

    def put_bytes(self, data: bytes) -> str:
        """Upload a small blob where it is missing; the digest."""
        digest = sha256(data)
        if not self.has_blob(digest, len(data)):
            part = Part(data, len(data))
            reader = LayerReader((part,), _no_file, verify=False, block=len(data))
            self.put(reader, self.patience(), lambda _sent: None)
        return digest

    def put_manifest(self, data: bytes, media_type: str, identifier: str | None = None) -> None:
        """Store a manifest, under its digest unless named."""
        super().put_manifest(data, media_type, identifier or sha256(data))

    def publish(self, data: bytes, media_type: str) -> None:
        """Store a manifest under the reference's tag."""
        # Under its digest first: a registry refuses what was changed on the way, before a tag names it.
        self.put_manifest(data, media_type)
        self.put_manifest(data, media_type, self.reference.tag or "latest")

    def take(self, digest: str, origin: Store) -> bool:
        """Mount a blob of another repository of the same registry."""
        if not isinstance(origin, RegistryStore) or origin.reference.registry != self.reference.registry:
            return False
        return origin.name == self.name or self.mount_blob(digest, origin.name)

    def abandon(self) -> None:
        """Uploads cancel themselves; finished blobs stay for the next try."""

    def afresh(self) -> RegistryStore:
        """The same repository for some last words, after everything else was told to stop."""
        return RegistryStore(
            self.reference,
            credential=self.auth.credential,
            insecure=self.insecure,
            writes=True,
            tuning=replace(self.tuning, attempts=2, stall=min(self.tuning.stall, 5.0)),
        )


class LayoutStore(Layout):
    """A layout as a store."""

    def stream(self, descriptor: Descriptor, offset: int, patience: Patience) -> BlobStream:
        """The bytes of a blob from `offset` on."""
        digest = descriptor["digest"]
        return BlobStream(lambda at: self.open_blob(digest, at), descriptor, offset, patience)

    def put_manifest(self, data: bytes, media_type: str) -> None:  # noqa: ARG002 - it is named by who refers to it
        """Store a manifest under its digest."""
        self.put_bytes(data)

    def publish(self, data: bytes, media_type: str) -> None:
        """Store a manifest and let the reference's tag name it."""
        self.put_bytes(data)
        self.tag(describe(data, media_type))

    def take(self, digest: str, origin: Store) -> bool:  # noqa: ARG002
        """Only what is here already."""
        return isinstance(origin, LayoutStore) and origin.path.absolute() == self.path.absolute()

    def abandon(self) -> None:
        """Remove what this build wrote."""
        self.undo()

    def close(self) -> None:
        """Nothing is open."""


def open_store(
    image: str | Reference | LayoutReference,
    *,
    credentials: Credentials | None = None,
    insecure: bool = False,
    writes: bool = False,
    tuning: Tuning = DEFAULT,
    cancel: Event | None = None,
    notify: Notify = ignore,
) -> RegistryStore | LayoutStore:
    """The store that an image reference names."""
    reference = parse_image(image) if isinstance(image, str) else image
    if isinstance(reference, LayoutReference):
        return LayoutStore(reference)
    credential = (credentials or Credentials()).find(reference.registry, reference.repository)
    return RegistryStore(
        reference,
        credential=credential,
        insecure=insecure,
        writes=writes,
        tuning=tuning,
        cancel=cancel,
        notify=notify,
    )


def copy_reader(origin: Store, descriptor: Descriptor, patience: Patience, block: int) -> LayerReader:
    """A reader for a blob of another store, which comes through unchanged or not at all."""
    size = descriptor["size"]
    file = PlanFile(
        path=descriptor["digest"], size=size, source=Source(), sha256=descriptor["digest"].partition(":")[2]
    )
    return LayerReader(
        (Part(b"", size, file),),
        lambda _file, offset: origin.stream(descriptor, offset, patience),
        verify=True,
        block=block,
    )


def _no_file(file: PlanFile, _offset: int) -> BlobStream:
    raise RegistryError(f"{file.path} is not a file.")
