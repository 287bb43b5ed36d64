"""Config, manifest and index of an image: what registries, runtimes and KServe read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .base import Base
from .errors import PlanInvalid
from .media import MAX_MANIFEST_BYTES, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, Descriptor, describe, dump
from .plan import Plan, PlanLayer

USER = "1001"
_CREATED = "org.opencontainers.image.created"
_BASE_NAME = "org.opencontainers.image.base.name"
BASE_DIGEST = "org.opencontainers.image.base.digest"


def config(plan: Plan, base: Base, layers: Sequence[Descriptor]) -> bytes:
    """The image config: the base's, with our layers, user and labels, and without an Entrypoint of others."""
    inherited = base.config
    running: dict[str, Any] = {
        key: value for key, value in (inherited.get("config") or {}).items() if value not in (None, [], {})
    }
    running["User"] = USER
    labels = {**(running.get("Labels") or {}), **plan.labels}
    if labels:
        running["Labels"] = labels
    os_name, architecture, *variant = base.platform.split("/")
    document: dict[str, Any] = {
        "architecture": architecture,
        "os": os_name,
        "created": plan.created,
        "config": running,
        "rootfs": {
            "type": "layers",
            "diff_ids": [
                *((inherited.get("rootfs") or {}).get("diff_ids") or ()),
                # Uncompressed: the layer's own digest is the digest of its content.
                *(layer["digest"] for layer in layers),
            ],
        },
    }
    own_variant = variant[0] if variant else inherited.get("variant")
    if own_variant:
        document["variant"] = own_variant
    before = inherited.get("history") or []
    if sum(not entry.get("empty_layer") for entry in before) == len(base.layers):
        document["history"] = [
            *before,
            *({"created": plan.created, "created_by": f"odh-oci {title(layer)}"} for layer in plan.layers),
        ]
    return dump(document)


def title(layer: PlanLayer) -> str:
    """What a person calls a layer: its file, or how many.

    >>> from .plan import PlanFile, Source
    >>> title(PlanLayer(files=(PlanFile(path="models/a.json", size=1, source=Source(path="a.json")),)))
    'a.json'
    """
    first = layer.files[0].path.removeprefix("models/")
    others = len(layer.files) - 1
    return f"{first} and {others} more" if others else first


def manifest(plan: Plan, base: Base, layers: Sequence[Descriptor], config_bytes: bytes) -> bytes:
    """The manifest of one platform. Raises PlanInvalid where it would be larger than registries take."""
    annotations = {_CREATED: plan.created, **plan.annotations}
    if base.digest:
        annotations[BASE_DIGEST] = base.digest
    if base.name:
        annotations[_BASE_NAME] = base.name
    data = dump(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": describe(config_bytes, OCI_CONFIG),
            "layers": [*base.layers, *layers],
            "annotations": annotations,
        }
    )
    if len(data) > MAX_MANIFEST_BYTES:
        raise PlanInvalid(
            "The image's manifest would be larger than registries take.",
            hint="Use fewer labels and annotations.",
        )
    return data


def index(plan: Plan, manifests: Mapping[str, Descriptor]) -> bytes:
    """The index over platforms (`os/architecture[/variant]` -> manifest)."""
    entries = []
    for platform, descriptor in manifests.items():
        os_name, architecture, *variant = platform.split("/")
        named = {"os": os_name, "architecture": architecture}
        if variant:
            named["variant"] = variant[0]
        entries.append({**descriptor, "platform": named})
    return dump(
        {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": entries,
            "annotations": {_CREATED: plan.created, **plan.annotations},
        }
    )
