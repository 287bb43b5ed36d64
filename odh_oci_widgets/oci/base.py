"""The base image: one manifest for each platform, and whether KServe's modelcar can run on it."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import BaseImageUnfit, RegistryError
from .fitness import MODELCAR_ENTRYPOINT, missing_commands
from .layer_blob import CutShort, LayerBlob
from .listing import LayerListing, list_layer
from .media import INDEXES, OCI_LAYER_TYPES, Descriptor
from .plan import DEFAULT_BASE
from .reference import LayoutReference, Reference
from .registry import Manifest
from .retry import Patience
from .store import Store
from .tree import Tree

EMBEDDED = "embedded"
SCRATCH = "scratch"
_EMBEDDED_PACKAGE = "modelcar_base_image"
SCRATCH_NOTE = (
    "An image from scratch serves `oci+native://` and `oci+fetch://` only, not KServe's default `oci://`."
)


@dataclass(frozen=True)
class Base:
    """A base image for one platform. `layers` are named in OCI's media types; `store` is None for scratch."""

    platform: str
    layers: tuple[Descriptor, ...]
    config: dict[str, Any]
    digest: str | None
    name: str | None
    store: Store | None


def embedded_layout() -> LayoutReference:
    """The layout inside the package `modelcar-base-image`. Raises BaseImageUnfit where that is not installed."""
    spec = importlib.util.find_spec(_EMBEDDED_PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    for folder in folders:
        path = Path(folder) / "embedded_oci_layout"
        if path.is_dir():
            return LayoutReference(path, "latest")
    raise BaseImageUnfit(
        "The base image `embedded` is not here.",
        hint="Run `pip install modelcar-base-image`, or choose another base.",
    )


def resolve(name: str, store: Store | None, platforms: Iterable[str]) -> tuple[Base, ...]:
    """The base for each platform, in order. `store` is None for scratch. Raises BaseImageUnfit, RegistryError."""
    if store is None:
        return tuple(Base(p, (), {}, None, None, None) for p in platforms)
    top = store.manifest()
    return tuple(_for_platform(name, store, top, platform) for platform in platforms)


def _for_platform(name: str, store: Store, top: Manifest, platform: str) -> Base:
    manifest = top
    document = top.document
    if top.media_type in INDEXES or "manifests" in document:
        entries = [e for e in document.get("manifests") or () if fits(e.get("platform") or {}, platform)]
        if not entries:
            there = sorted({platform_name(e.get("platform") or {}) for e in document.get("manifests") or ()})
            raise BaseImageUnfit(
                f"The base image `{name}` is not there for {platform}.",
                hint=f"It exists for {', '.join(there)}." if there else "Choose another base.",
            )
        manifest = store.manifest(entries[0]["digest"])
        document = manifest.document
    try:
        config = json.loads(store.read_blob(document["config"]["digest"]))
        layers = tuple(_layer(name, layer) for layer in document["layers"])
        diff_ids = config["rootfs"]["diff_ids"]
    except (KeyError, TypeError, ValueError) as error:
        raise BaseImageUnfit(f"`{name}` is not a container image.", hint="Choose another base.") from error
    own = platform_name(config)
    if not fits(config, platform):
        raise BaseImageUnfit(
            f"The base image `{name}` is for {own}, not for {platform}.", hint=f"Use --platform {own}."
        )
    if len(diff_ids) != len(layers):
        raise BaseImageUnfit(
            f"`{name}` has {len(layers)} layers and {len(diff_ids)} diff_ids.", hint="It is broken."
        )
    reference = store.reference
    named = str(reference) if isinstance(reference, Reference) else None
    return Base(platform, layers, config, manifest.digest, named, store)


def _layer(name: str, layer: dict[str, Any]) -> Descriptor:
    media_type = OCI_LAYER_TYPES.get(layer["mediaType"])
    if media_type is None:
        raise BaseImageUnfit(
            f"`{name}` has a layer of the type {layer['mediaType']}, which cannot be copied.",
            hint="Choose another base.",
        )
    return {"mediaType": media_type, "digest": str(layer["digest"]), "size": int(layer["size"])}


def platform_name(platform: dict[str, Any]) -> str:
    """`os/architecture[/variant]`."""
    names = [str(platform.get(key) or "") for key in ("os", "architecture", "variant")]
    return "/".join(name for name in names if name)


def fits(platform: dict[str, Any], wanted: str) -> bool:
    """Whether a platform is the wanted one; arm64 is arm64/v8."""
    have, want = platform_name(platform).split("/"), wanted.split("/")
    return have[:2] == want[:2] and (len(want) < 3 or len(have) < 3 or have[2] == want[2])


def check_fit(name: str, base: Base, patience: Patience) -> None:
    """Raise BaseImageUnfit where KServe could not start a modelcar on this base.

    Reads the names in the base's layers, not their content's use; zstd layers cannot be read here and pass.
    """
    entrypoint = (base.config.get("config") or {}).get("Entrypoint") or []
    if entrypoint == [MODELCAR_ENTRYPOINT]:
        return
    if entrypoint:
        raise BaseImageUnfit(
            f"The base image `{name}` has the Entrypoint {' '.join(map(str, entrypoint))!r}; KServe passes its own "
            "command as arguments, which that would swallow.",
            hint="Choose a base without Entrypoint, e.g. ubi9/ubi-micro, or `embedded`.",
        )
    if base.store is None or _is_default(base):
        return
    if any(layer["mediaType"].endswith("+zstd") for layer in base.layers):
        return
    missing = _missing_commands(base, patience)
    if missing:
        raise BaseImageUnfit(
            f"The base image `{name}` has no {', '.join(f'`{m}`' for m in missing)}, which KServe's modelcar runs.",
            hint="Choose a base that has a shell, e.g. ubi9/ubi-micro, or `embedded`; `scratch` serves "
            "oci+native:// and oci+fetch:// only.",
        )


def _is_default(base: Base) -> bool:
    """The default base is known to be fit: looking into it would cost its download at each build."""
    reference = base.store.reference if base.store else None
    return isinstance(reference, Reference) and reference.name == Reference.parse(DEFAULT_BASE).name


def _missing_commands(base: Base, patience: Patience) -> list[str]:
    assert base.store is not None  # noqa: S101 - scratch has no layers
    tree = Tree()
    for layer in base.layers:
        try:
            listing = list_layer(LayerBlob(base.store, layer, patience), limit=layer["size"])
        except CutShort:
            listing = LayerListing((), complete=False, damaged=True, trouble="it is too short")
        if listing.damaged:
            raise RegistryError(
                f"The layer {layer['digest']} of the base image cannot be read: {listing.trouble}.",
                hint="Try again.",
            )
        tree.add(listing.entries)
    return missing_commands(tree, base.config)
