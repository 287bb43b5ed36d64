"""The base `embedded`, for a build on a machine that does not have it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from threading import Event

from . import base as bases
from .credentials import Credentials
from .media import sha256
from .plan import Plan
from .reference import Reference, parse_image
from .retry import Patience
from .store import LayoutStore, copy_reader, open_store
from .tuning import DEFAULT

#: It is a megabyte or two: a registry that does not take that soon is not there.
_QUICK = replace(DEFAULT, attempts=3, stall=20.0)


def place_base(plan: Plan, *, credentials: Credentials | None = None) -> dict[str, bytes]:
    """Push the layers of the base `embedded` to the plan's repository; the rest of its layout, a few kB, by path.

    With these files as its base's layout (`ODH_OCI_BASE`) an engine elsewhere makes the image that one here would
    make: it finds the layers where they go. Raises BaseImageUnfit, RegistryError.
    """
    layout = LayoutStore(bases.embedded_layout())
    found = bases.resolve(bases.EMBEDDED, layout, plan.platforms)
    layers = {layer["digest"]: layer for base in found for layer in base.layers}
    reference = parse_image(plan.image)
    insecure = isinstance(reference, Reference) and reference.registry in plan.insecure
    with closing(
        open_store(reference, credentials=credentials, insecure=insecure, writes=True, tuning=_QUICK)
    ) as store:
        for digest, layer in layers.items():
            if not store.has_blob(digest, layer["size"]):
                patience = Patience(_QUICK, Event())
                store.put(copy_reader(layout, layer, patience, _QUICK.block), patience, lambda _sent: None)
    return _documents(layout, found)


def _documents(layout: LayoutStore, found: Sequence[bases.Base]) -> dict[str, bytes]:
    """Everything of the layout but the layers."""
    blobs = [layout.manifest().data]
    for base in found:
        manifest = layout.manifest(base.digest)
        blobs += [manifest.data, layout.read_blob(manifest.document["config"]["digest"])]
    files = {f"blobs/{sha256(data).replace(':', '/')}": data for data in blobs}
    return files | {name: (layout.path / name).read_bytes() for name in ("index.json", "oci-layout")}
