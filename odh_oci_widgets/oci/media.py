"""Media types and descriptors of images."""

from __future__ import annotations

import hashlib
import json
from typing import Any, NotRequired, TypedDict

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"

INDEXES = frozenset({OCI_INDEX, DOCKER_INDEX})
MANIFESTS = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
ACCEPT = f"{OCI_MANIFEST}, {OCI_INDEX}, {DOCKER_MANIFEST}, {DOCKER_INDEX}"

#: A base image's layers keep their bytes; only Docker's names for them change to OCI's.
OCI_LAYER_TYPES = {
    "application/vnd.docker.image.rootfs.diff.tar": OCI_LAYER,
    "application/vnd.docker.image.rootfs.diff.tar.gzip": OCI_LAYER + "+gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd": OCI_LAYER + "+zstd",
    OCI_LAYER: OCI_LAYER,
    OCI_LAYER + "+gzip": OCI_LAYER + "+gzip",
    OCI_LAYER + "+zstd": OCI_LAYER + "+zstd",
}

#: What registries take as a manifest.
MAX_MANIFEST_BYTES = 4 * 2**20


class Descriptor(TypedDict):
    """A blob or manifest by digest, as it stands in manifests."""

    mediaType: str
    digest: str
    size: int
    annotations: NotRequired[dict[str, str]]
    platform: NotRequired[dict[str, str]]


def sha256(data: bytes) -> str:
    """Digest of `data`, with the algorithm's name in front."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def dump(document: Any) -> bytes:
    """JSON, the same bytes for the same document."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def describe(data: bytes, media_type: str) -> Descriptor:
    """The descriptor of `data`."""
    return {"mediaType": media_type, "digest": sha256(data), "size": len(data)}
