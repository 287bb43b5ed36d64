"""How the objects of a build in a project are marked, so that builds are found again and all goes together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from hashlib import sha256
from typing import Any, Literal

from odh_oci_widgets.oci.plan import Plan

from .errors import BuildConflict
from .protocol import Build

BUILD_LABEL = "odh-oci.org/build"
#: Hash of the image's name: two builds of one image find each other.
DESTINATION_LABEL = "odh-oci.org/destination"
IMAGE_ANNOTATION = "odh-oci.org/image"
PLAN_ANNOTATION = "odh-oci.org/plan-sha256"

_LABELS = {"app.kubernetes.io/managed-by": "odh-oci-widgets", "app.kubernetes.io/component": "build"}
#: Of what only says how long the objects of a build stay.
LIFETIME_LABELS = _LABELS | {"app.kubernetes.io/component": "build-lifetime"}
#: Label selector of everything that builds made.
SELECTOR = ",".join(f"{name}={value}" for name, value in _LABELS.items())

#: What to do when a build of the same image is running.
IfRunning = Literal["refuse", "wait", "replace"]


def destination_of(image: str) -> str:
    """Value of `DESTINATION_LABEL`."""
    return sha256(image.encode()).hexdigest()[:40]


def metadata(plan: Plan, build_id: str, owner: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Name, labels, annotations and, with `owner`, the reference by which an object goes when its owner goes."""
    made: dict[str, Any] = {
        "name": build_id,
        "labels": _LABELS | {BUILD_LABEL: build_id, DESTINATION_LABEL: destination_of(plan.image)},
        "annotations": {
            IMAGE_ANNOTATION: plan.image,
            PLAN_ANNOTATION: sha256(plan.to_json().encode()).hexdigest(),
        },
    }
    return made if owner is None else made | {"ownerReferences": [_owner(owner)]}


def owned(manifest: Mapping[str, Any], owner: Mapping[str, Any]) -> dict[str, Any]:
    """The same object, which goes when its owner goes."""
    return {**manifest, "metadata": {**manifest["metadata"], "ownerReferences": [_owner(owner)]}}


def _owner(owner: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": False,
        "blockOwnerDeletion": False,
    }


def settle(running: Iterable[Build], image: str, if_running: IfRunning) -> None:
    """Deal with running builds of the same image before another one starts. Raises BuildConflict."""
    for other in running:
        if if_running == "refuse":
            raise BuildConflict(
                f"A build of {image} is running already: `{other.id}`.",
                hint="Wait for it, replace it (`--if-running wait|replace`), or choose another tag.",
                build_id=other.id,
            )
        if if_running == "replace":
            other.cancel()
        with suppress(Exception):  # how it ended is its own matter
            other.wait()
