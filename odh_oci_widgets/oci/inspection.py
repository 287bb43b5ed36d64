"""What an image is, read from its registry or layout without its layers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .base import fits, platform_name
from .credentials import Credentials
from .errors import ImageNotFound, RegistryError
from .media import INDEXES, Descriptor
from .reference import LayoutReference, Reference
from .registry import Manifest
from .store import Store, open_store

DEFAULT_PLATFORM = "linux/amd64"


@dataclass(frozen=True, kw_only=True)
class ImageInfo:
    """An image. For an index, `digest` is the index's and all else that of one of its platforms.

    >>> from odh_oci_widgets import inspect_image
    >>> info = inspect_image("oci:iris-image")
    >>> info.platforms, info.annotations["org.odh-oci.model-format"]
    (('linux/amd64',), 'onnx')
    """

    reference: str
    digest: str
    #: the manifest of the platform looked at; the same as `digest` where there is one platform only
    manifest_digest: str
    platforms: tuple[str, ...]
    config: Mapping[str, Any]
    annotations: Mapping[str, str]
    labels: Mapping[str, str]
    layers: tuple[Descriptor, ...]
    #: bytes of all layers, as a registry holds them
    size: int


def inspect_image(
    image: str | Reference | LayoutReference,
    *,
    credentials: Credentials | None = None,
    insecure: bool = False,
    platform: str = DEFAULT_PLATFORM,
) -> ImageInfo:
    """Config, annotations, labels and layers of an image; of `platform` or else the first one.

    Raises ReferenceInvalid, ImageNotFound and the other RegistryError types.

    >>> from odh_oci_widgets import inspect_image
    >>> inspect_image("oci:iris-image").annotations["org.odh-oci.model-format"]
    'onnx'
    """
    store = open_store(image, credentials=credentials, insecure=insecure)
    try:
        return inspect(store, platform)
    finally:
        store.close()


def inspect(store: Store, platform: str = DEFAULT_PLATFORM) -> ImageInfo:
    """The same for an open store."""
    top = store.manifest()
    manifest, platforms = _choose(store, top, platform)
    document = manifest.document
    try:
        config = json.loads(store.read_blob(document["config"]["digest"]))
        layers = tuple(_descriptor(layer) for layer in document["layers"])
        labels = (config.get("config") or {}).get("Labels") or {}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RegistryError(
            f"{store.reference} is not a container image.",
            hint="Check the name: it may be another kind of artifact.",
        ) from error
    annotations = dict(document.get("annotations") or {})
    return ImageInfo(
        reference=str(store.reference),
        digest=top.digest,
        manifest_digest=manifest.digest,
        platforms=platforms or (platform_name(config),),
        config=config,
        annotations=annotations,
        labels=labels,
        layers=layers,
        size=sum(layer["size"] for layer in layers),
    )


def _choose(store: Store, top: Manifest, platform: str) -> tuple[Manifest, tuple[str, ...]]:
    document = top.document
    if top.media_type not in INDEXES and "manifests" not in document:
        return top, ()
    # Attestations stand in indexes as images of the platform unknown/unknown.
    entries = [
        entry
        for entry in document.get("manifests") or ()
        if isinstance(entry, dict) and platform_name(entry.get("platform") or {}) != "unknown/unknown"
    ]
    if not entries:
        raise ImageNotFound(f"{store.reference} is an index without images.", hint="Check the name.")
    chosen = next((entry for entry in entries if fits(entry.get("platform") or {}, platform)), entries[0])
    return store.manifest(str(chosen["digest"])), tuple(
        platform_name(entry.get("platform") or {}) for entry in entries
    )


def _descriptor(layer: Any) -> Descriptor:
    found: Descriptor = {
        "mediaType": str(layer["mediaType"]),
        "digest": str(layer["digest"]),
        "size": int(layer["size"]),
    }
    if layer.get("annotations"):
        found["annotations"] = dict(layer["annotations"])
    return found
