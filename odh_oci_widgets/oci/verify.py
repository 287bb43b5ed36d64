"""Is an image fit for KServe? Answered from manifests, configs and tar headers, without pulling the weights.

>>> verification = verify_image("oci:iris-image")
>>> verification.fit, verification.platforms
(True, ('linux/amd64',))
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Any

from .base import platform_name
from .credentials import Credentials
from .errors import ImageNotFound
from .fitness import MAX_LAYERS, Finding, Level, check_config, check_layout, check_models
from .layer_blob import CutShort, LayerBlob
from .listing import LayerListing, list_layer
from .media import INDEXES, MANIFESTS, OCI_CONFIG, Descriptor
from .registry import Manifest
from .retry import Patience
from .store import LayoutStore, RegistryStore, open_store
from .tree import Tree
from .tuning import DEFAULT

#: What is read of a compressed layer at most, in bytes.
COMPRESSED_LIMIT = 64 * 2**20
_CONFIGS = frozenset({OCI_CONFIG, "application/vnd.docker.container.image.v1+json"})
_LAYER_TYPES = ("application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs.")
_FOREIGN = ("nondistributable", "foreign")
#: Layers looked at together.
_TOGETHER = 4


@dataclass(frozen=True)
class Verification:
    """What was found. `fit`: no finding is an error. `bytes_read`: what came over the wire (or from the disk).

    >>> from odh_oci_widgets import verify_image
    >>> verification = verify_image("oci:iris-image", runtime="kserve-ovms")
    >>> verification.fit, verification.platforms
    (True, ('linux/amd64',))
    """

    image: str
    digest: str
    fit: bool
    platforms: tuple[str, ...]
    findings: tuple[Finding, ...]
    bytes_read: int


def verify_image(
    image: str,
    *,
    credentials: Credentials | None = None,
    insecure: bool = False,
    runtime: str | None = None,
    limit: int = COMPRESSED_LIMIT,
) -> Verification:
    """Look whether `image` (in a registry, or `oci:PATH[:TAG]`), made by whatever tool, is fit for KServe.

    `runtime` names the serving runtime whose layout is wanted (`kserve-ovms`, `vllm-cuda-runtime`…); without it the
    layout is only told. Of an uncompressed layer the tar headers are read, with the small files between them; of a
    compressed one at most `limit` bytes; what could not be seen so is a finding. Raises RegistryError, ImageNotFound,
    ReferenceInvalid, CredentialsInvalid and LayoutError where the image itself cannot be read.

    >>> from odh_oci_widgets import verify_image
    >>> verify_image("oci:iris-image").fit
    True
    """
    store = open_store(image, credentials=credentials, insecure=insecure)
    try:
        return _Verifier(store, runtime, limit).run(image)
    finally:
        store.close()


class _Verifier:
    def __init__(self, store: RegistryStore | LayoutStore, runtime: str | None, limit: int) -> None:
        self._store = store
        self._runtime = runtime
        self._limit = limit
        self._read = 0
        self._listings: dict[str, LayerListing | str] = {}

    def run(self, image: str) -> Verification:
        top = self._manifest(None)
        findings: list[Finding] = []
        platforms: list[str] = []
        several = _is_index(top)
        for platform, digest in _platforms(top) if several else [("", top.digest)]:
            try:
                manifest = self._manifest(digest) if several else top
            except ImageNotFound:
                found: Iterable[Finding] = [
                    _error("manifest-missing", f"The index names {digest}, which is not there.")
                ]
            else:
                own, found = self._image(manifest)
                platform = platform or own  # noqa: PLW2901
            platforms.append(platform)
            # what is true for all platforms is said once
            findings += [finding for finding in found if finding not in findings]
        findings += _check_platforms(platforms)
        return Verification(
            image=image,
            digest=top.digest,
            fit=not any(finding.level is Level.ERROR for finding in findings),
            platforms=tuple(platforms),
            findings=tuple(sorted(findings, key=lambda finding: list(Level).index(finding.level))),
            bytes_read=self._read,
        )

    def _patience(self) -> Patience:
        return Patience(DEFAULT, Event())

    def _manifest(self, identifier: str | None) -> Manifest:
        manifest = self._store.manifest(identifier)
        self._read += len(manifest.data)
        return manifest

    def _image(self, manifest: Manifest) -> tuple[str, list[Finding]]:
        """The platform and the findings of one manifest."""
        document = manifest.document
        layers = document.get("layers")
        config_type = (document.get("config") or {}).get("mediaType")
        if not _is_manifest(manifest) or not isinstance(layers, list) or config_type not in _CONFIGS:
            return "", [
                _error(
                    "not-an-image",
                    f"This is not a container image but {config_type or manifest.media_type or 'something else'}.",
                    "KServe needs an image with layers: build one with `odh-oci build`.",
                )
            ]
        try:
            data = self._store.read_blob(document["config"]["digest"])
            config = json.loads(data)
            diff_ids = list(config["rootfs"]["diff_ids"])
        except (ImageNotFound, ValueError, KeyError, TypeError):
            return "", [
                _error("config", "The image's config is missing or broken.", "Build and push it again.")
            ]
        self._read += len(data)
        return platform_name(config), list(self._layers(layers, config, diff_ids))

    def _layers(
        self, layers: list[Descriptor], config: Mapping[str, Any], diff_ids: list[str]
    ) -> Iterator[Finding]:
        if len(layers) > MAX_LAYERS:
            yield _error(
                "too-many-layers", f"The image has {len(layers)} layers; runtimes stop at {MAX_LAYERS}."
            )
        if len(diff_ids) != len(layers):
            yield _error("diff-id", f"The image has {len(layers)} layers and {len(diff_ids)} diff_ids.")
        self._list_all(layers)
        tree, complete = Tree(), True
        for number, layer in enumerate(layers):
            listing = self._listings[layer["digest"]]
            name = f"Layer {number + 1} of {len(layers)} ({layer['digest'][:19]}…)"
            if isinstance(listing, str):
                complete = False
                yield _error("layer-missing", f"{name} {listing}.", "Push the image again.")
                continue
            yield from _check_layer(
                name, layer, listing, diff_ids[number] if number < len(diff_ids) else None
            )
            complete = complete and listing.complete
            tree.add(listing.entries)
        yield from check_models(tree, complete=complete)
        yield from check_config(config, tree, complete=complete)
        yield from check_layout(tree, self._runtime)

    def _list_all(self, layers: list[Descriptor]) -> None:
        wanted = {layer["digest"]: layer for layer in layers if layer["digest"] not in self._listings}
        with ThreadPoolExecutor(_TOGETHER) as pool:
            listings = pool.map(self._list, wanted.values())
            for digest, listing in zip(wanted, listings, strict=True):
                self._listings[digest] = listing
                if isinstance(listing, LayerListing):
                    self._read += listing.bytes_read

    def _list(self, layer: Descriptor) -> LayerListing | str:
        """The listing, or why there is none, to stand after the layer's name."""
        try:
            return list_layer(LayerBlob(self._store, layer, self._patience()), limit=self._limit)
        except ImageNotFound:
            return "is not there"
        except CutShort:
            return f"has fewer bytes than the {layer['size']:,} it should"


def _is_index(manifest: Manifest) -> bool:
    return manifest.media_type in INDEXES or "manifests" in manifest.document


def _is_manifest(manifest: Manifest) -> bool:
    # a layout's manifest need not say its type
    return (manifest.media_type or manifest.document.get("mediaType", "")) in MANIFESTS | {""}


def _platforms(index: Manifest) -> list[tuple[str, str]]:
    """Platform and digest of the images of an index; attestations (`unknown/unknown`) are none."""
    entries = index.document.get("manifests") or []
    named = [(platform_name(entry.get("platform") or {}), entry["digest"]) for entry in entries]
    return [(platform, digest) for platform, digest in named if not platform.startswith("unknown")]


def _check_platforms(platforms: list[str]) -> Iterator[Finding]:
    known = [platform for platform in platforms if platform]
    if not platforms:
        yield _error("platform", "The index names no image.", "Push the image again.")
    elif known and not any(platform.startswith("linux/") for platform in known):
        yield _error("platform", f"The image is for {', '.join(known)}; Kubernetes needs linux.")
    elif known and not any(platform.startswith("linux/amd64") for platform in known):
        yield Finding(
            Level.WARNING,
            "platform",
            f"The image is for {', '.join(known)} only.",
            "On nodes of another kind its pods do not start: build with --platform linux/amd64 for those.",
        )
    elif known:
        yield Finding(Level.NOTE, "platform", f"The image is for {', '.join(known)}.")


def _check_layer(
    name: str, layer: Descriptor, listing: LayerListing, diff_id: str | None
) -> Iterator[Finding]:
    media_type = layer.get("mediaType", "")
    if not media_type.startswith(_LAYER_TYPES):
        yield _error("layer-type", f"{name} is of the type {media_type}, which no container runtime unpacks.")
    elif any(word in media_type for word in _FOREIGN):
        yield Finding(
            Level.WARNING, "layer-foreign", f"{name} may not be distributed: copies of the image lack it."
        )
    if listing.damaged:
        yield _error(
            "layer-damaged", f"{name} cannot be unpacked: {listing.trouble}.", "Build and push it again."
        )
    elif not listing.complete:
        yield Finding(
            Level.WARNING,
            "unchecked",
            f"{name} was looked at only in part: {listing.trouble}"
            f" ({listing.bytes_read:,} of {layer['size']:,} bytes were read).",
            "Images of `odh-oci build` have uncompressed layers, which can be checked whole.",
        )
    if listing.diff_id and diff_id and listing.diff_id != diff_id:
        yield _error(
            "diff-id", f"{name} is not what the image's config says (diff_id).", "Build and push it again."
        )
    if listing.outside:
        yield _error("path-outside", f"{name} has a path that leaves the image: {listing.outside[0]}.")


def _error(
    code: str, sentence: str, hint: str = "Build the image again, e.g. with `odh-oci build`."
) -> Finding:
    return Finding(Level.ERROR, code, sentence, hint)
