"""From a model to the plan of its image."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from odh_oci_widgets import settings
from odh_oci_widgets.models import Model, open_model
from odh_oci_widgets.oci import make_plan, parse_image
from odh_oci_widgets.oci.errors import PlanInvalid
from odh_oci_widgets.oci.plan import DEFAULT_BASE, EPOCH, Plan
from odh_oci_widgets.oci.reference import Reference

#: What the image says of its model: a value of `ModelFormat`, and the model's name.
FORMAT_ANNOTATION = "org.odh-oci.model-format"
NAME_ANNOTATION = "org.odh-oci.model-name"
#: Bases that are no image in a registry.
_BUILT_IN_BASES = frozenset({"embedded", "scratch"})


def plan_image(
    model: Model | str | os.PathLike[str],
    image: str,
    *,
    base: str = DEFAULT_BASE,
    platforms: Sequence[str] = ("linux/amd64",),
    versioned: bool | None = None,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    insecure: bool | Sequence[str] = False,
    like: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    token: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Plan:
    """The plan of the image of a model: nothing is read but what the model's files are.

    An `image` that names no registry goes to the one of the settings.
    `versioned` puts the files into `models/1/` (default: as the format's runtime wants them). `insecure=True`
    allows plain HTTP or an untrusted certificate for the image's registry (for the base's where the image is a
    layout); a sequence names registries instead. `annotations` win over those made from the model. `token` is
    the hub's and only used to look at the model. `environ` is read for `SOURCE_DATE_EPOCH`.
    Raises ModelError, ReferenceInvalid, PlanInvalid.

    >>> from odh_oci_widgets.builders import plan_image
    >>> plan = plan_image("hf://ibm-granite/granite-3.0-2b-instruct", "quay.io/me/granite:1")
    >>> plan.image, len(plan.layers)
    ('quay.io/me/granite:1', 4)
    """
    image = settings.full_image(image)
    parse_image(image)  # refused before the model is looked at
    if not isinstance(model, Model):
        model = open_model(model, token=token, include=include, exclude=exclude)
    elif include or exclude:
        model = model.select(include=include, exclude=exclude)
    return make_plan(
        model.plan_files(versioned=versioned),
        image,
        base=base,
        platforms=tuple(platforms),
        labels=dict(labels or {}),
        annotations=model_annotations(model) | dict(annotations or {}),
        created=_created(environ or {}),
        insecure=_insecure(image, base) if insecure is True else tuple(insecure or ()),
        like=tuple(like),
    )


def model_annotations(model: Model) -> dict[str, str]:
    """What the manifest says of the model; nothing that is unknown."""
    known = {
        FORMAT_ANNOTATION: str(model.format),
        NAME_ANNOTATION: model.name,
        "org.opencontainers.image.title": model.name,
        "org.opencontainers.image.source": model.homepage,
        "org.opencontainers.image.revision": model.revision,
        "org.opencontainers.image.licenses": model.license,
    }
    return {name: value for name, value in known.items() if value}


def _insecure(image: str, base: str) -> tuple[str, ...]:
    """The one registry that `--insecure` is about."""
    for text in (image, base):
        if text not in _BUILT_IN_BASES and isinstance(reference := parse_image(text), Reference):
            return (reference.registry,)
    return ()


def _created(environ: Mapping[str, str]) -> str:
    """`SOURCE_DATE_EPOCH` as a time, or the fixed one: same input, same digest."""
    seconds = environ.get("SOURCE_DATE_EPOCH")
    if not seconds:
        return EPOCH
    try:
        return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError) as error:
        raise PlanInvalid(
            f"SOURCE_DATE_EPOCH is {seconds!r}, which is no number of seconds.",
            hint="Set it to one, or unset it.",
        ) from error
