"""Layers that need neither be read nor sent, because an earlier image has the same.

Each layer's descriptor carries an annotation with its files: path, size, sha256, and git's blob id for small ones.
Whatever the plan knows of a file decides: a sha256, else git's id (all that the hub tells of small files), else
a file of this machine is hashed, but only when a layer with the same paths and sizes exists.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .content import FileDigests
from .errors import OdhOciError
from .image import BASE_DIGEST
from .media import OCI_LAYER, Descriptor
from .plan import PlanFile, PlanLayer
from .registry import Manifest
from .retry import Patience
from .sources import FileStream
from .store import RegistryStore, Store
from .tar import LayerTar

#: The 1 is the way the tar is made: another way needs another name, since the digests would differ.
FILES = "org.odh-oci.files.1"
#: What all these annotations of an image may take of the 4 MiB a registry allows for its manifest.
BUDGET = 5 * 2**19
#: Images of the same repository to look at, where the tag to write does not exist yet.
_NEIGHBOURS = 3
_RECORD_PREFIX = "odh-oci-unfinished-"


def annotation(layer: PlanLayer, digests: Mapping[str, FileDigests]) -> str:
    """The files of a layer, compact: a JSON list of [path, size, sha256, git id], hashes in base64."""
    rows = []
    for file in layer.files:
        known = digests[file.path]
        rows.append(
            [file.path, file.size, _short(known.sha256), _short(known.git_oid) if known.git_oid else ""]
        )
    return json.dumps(rows, separators=(",", ":"), ensure_ascii=False)


def within_budget(annotations: Sequence[str]) -> tuple[str, ...]:
    """The same, with the longest ones emptied until all fit into a manifest."""
    kept = list(annotations)
    while sum(len(text.encode()) for text in kept) > BUDGET:
        kept[max(range(len(kept)), key=lambda i: len(kept[i]))] = ""
    return tuple(kept)


@dataclass(frozen=True)
class Candidate:
    """A layer of an earlier image, and where it is."""

    descriptor: Descriptor
    files: tuple[tuple[str, int, str, str], ...]
    origin: Store


class Candidates:
    """Layers of earlier images by their paths and sizes."""

    def __init__(self) -> None:
        self._by_shape: dict[tuple[tuple[str, int], ...], list[Candidate]] = {}
        #: digests of base images that earlier builds found fit
        self.bases: set[str] = set()

    def add(self, manifest: Manifest, origin: Store) -> bool:
        """Take up the layers of an image (of its first platform: model layers are the same for all).

        Says whether there was one that is not of an image before.
        """
        known = {one.descriptor["digest"] for same in self._by_shape.values() for one in same}
        new = False
        for document in _images(manifest, origin):
            self.bases.add(str((document.get("annotations") or {}).get(BASE_DIGEST)))
            for layer in document.get("layers") or ():
                candidate = _candidate(layer, origin)
                if candidate:
                    shape = tuple((path, size) for path, size, _, _ in candidate.files)
                    self._by_shape.setdefault(shape, []).append(candidate)
                    new = new or candidate.descriptor["digest"] not in known
        return new

    def find(self, layer: PlanLayer, patience: Patience, block: int) -> Candidate | None:
        """An earlier layer with exactly these files, or None."""
        shape = tuple((file.path, file.size) for file in layer.files)
        hashed: dict[str, str] = {}
        for candidate in self._by_shape.get(shape, ()):
            if candidate.descriptor["size"] == LayerTar(layer).size and all(
                _same(file, sha256, git_oid, hashed, patience, block)
                for file, (_, _, sha256, git_oid) in zip(layer.files, candidate.files, strict=True)
            ):
                return candidate
        return None


def _same(
    file: PlanFile, sha256: str, git_oid: str, hashed: dict[str, str], patience: Patience, block: int
) -> bool:
    if file.sha256:
        return _short(file.sha256) == sha256
    if file.git_oid and git_oid:
        return _short(file.git_oid) == git_oid
    if file.source.path is None:
        return False
    if file.path not in hashed:
        hashed[file.path] = _hash(file, patience, block)
    return hashed[file.path] == sha256


def _hash(file: PlanFile, patience: Patience, block: int) -> str:
    digest = hashlib.sha256()
    if file.size:
        stream = FileStream(file, 0, block)
        try:
            left = file.size
            while left:
                patience.check()
                chunk = stream.read(left)
                digest.update(chunk)
                left -= len(chunk)
        finally:
            stream.close()
    return _short(digest.hexdigest())


def _candidate(layer: Any, origin: Store) -> Candidate | None:
    """Read an annotation that anybody may have written."""
    try:
        if layer["mediaType"] != OCI_LAYER:
            return None
        rows = json.loads(layer["annotations"][FILES])
        files = tuple((str(path), int(size), str(sha256), str(git)) for path, size, sha256, git in rows)
        descriptor: Descriptor = {
            "mediaType": OCI_LAYER,
            "digest": str(layer["digest"]),
            "size": int(layer["size"]),
            "annotations": {FILES: str(layer["annotations"][FILES])},
        }
    except (KeyError, TypeError, ValueError):
        return None
    return Candidate(descriptor, files, origin)


def _images(manifest: Manifest, origin: Store) -> Iterator[dict[str, Any]]:
    try:
        document = manifest.document
        entries = document.get("manifests")
        if not isinstance(entries, list):
            yield document
        elif entries:
            found = origin.find_manifest(str(entries[0]["digest"]))
            if found:
                yield found.document
    except (OdhOciError, KeyError, TypeError, ValueError):
        return


def _short(hexadecimal: str) -> str:
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode().rstrip("=")


def neighbours(store: Store) -> Iterable[str]:
    """Tags of the same repository that may hold most of the same: the highest ones, as people count versions."""
    if not isinstance(store, RegistryStore):
        return []
    tags = [tag for tag in store.tags() if not tag.startswith(_RECORD_PREFIX)]
    return sorted(tags, key=_natural, reverse=True)[:_NEIGHBOURS]


def _natural(tag: str) -> list[tuple[int, int | str]]:
    """Sort key that counts digits as numbers: v9 before v10."""
    return [(1, int(number)) if number else (0, word) for number, word in re.findall(r"(\d+)|(\D+)", tag)]


def record_tag(tag: str) -> str:
    """The tag under which an unfinished build of `tag` keeps its finished layers."""
    return _RECORD_PREFIX + hashlib.sha256(tag.encode()).hexdigest()[:12]
