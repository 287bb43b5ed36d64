"""What a registry is known not to take, said before the work starts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from .errors import LayerTooLarge, LayoutError, OdhOciError, ReferenceInvalid
from .image import title
from .layout import Layout
from .plan import Plan
from .reference import LayoutReference, Reference, parse_image
from .tar import LayerTar

#: Bytes of one layer that a registry takes, where that is known.
LAYER_LIMITS: Mapping[str, int] = {"quay.io": 20 * 10**9}
#: Overrides them for all registries: a number of bytes, 0 for no limit.
LAYER_LIMIT_VARIABLE = "ODH_OCI_LAYER_LIMIT"
_OPENSHIFT = ("image-registry.openshift-image-registry.svc", "default-route-openshift-image-registry.")


def layer_limit(registry: str, environ: Mapping[str, str] = os.environ) -> int | None:
    """The largest layer that `registry` takes, None where nothing is known.

    >>> layer_limit("quay.io", {})
    20000000000
    """
    said = environ.get(LAYER_LIMIT_VARIABLE, "")
    if said.isdigit():
        return int(said) or None
    return LAYER_LIMITS.get(registry)


def problems(plan: Plan, to_write: int, environ: Mapping[str, str] = os.environ) -> Sequence[OdhOciError]:
    """Everything known now that would make the build fail; `to_write` is how many bytes of layers are new."""
    reference = parse_image(plan.image)
    if isinstance(reference, LayoutReference):
        return _room(reference, to_write)
    return [*_name(reference), *_layers(plan, reference, environ)]


def _room(reference: LayoutReference, to_write: int) -> list[OdhOciError]:
    free = Layout(reference).free_bytes()
    if to_write <= free:
        return []
    return [
        LayoutError(
            f"`{reference.path}` has room for {free:,} bytes, and the image needs {to_write:,}.",
            hint="Make room, choose another folder, or push to a registry: that needs no disk.",
        )
    ]


def _name(reference: Reference) -> list[OdhOciError]:
    if reference.digest:
        return [
            ReferenceInvalid(
                f"`{reference}` names one image that exists, and cannot be where a new one goes.",
                hint=f"Leave out the digest: `{reference.name}:{reference.tag or 'latest'}`.",
            )
        ]
    if not reference.registry.startswith(_OPENSHIFT) or reference.repository.count("/") == 1:
        return []
    return [
        ReferenceInvalid(
            f"OpenShift's own registry has repositories named PROJECT/NAME only, not `{reference.repository}`.",
            hint=f"Use e.g. `{reference.registry}/my-project/{reference.repository.split('/')[-1]}`.",
        )
    ]


def _layers(plan: Plan, reference: Reference, environ: Mapping[str, str]) -> list[OdhOciError]:
    limit = layer_limit(reference.registry, environ)
    if limit is None:
        return []
    return [
        LayerTooLarge(
            f"The layer with `{title(layer)}` has {size:,} bytes; {reference.registry} takes {limit:,}.",
            hint="Choose a model whose weights are split into parts, another registry, "
            f"or set {LAYER_LIMIT_VARIABLE} if the limit is higher.",
        )
        for layer in plan.layers
        if (size := LayerTar(layer).size) > limit
    ]
