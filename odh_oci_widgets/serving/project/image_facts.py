"""What the image itself says of the model: format, size, digest, and what its configuration tells of its needs."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from odh_oci_widgets.cluster.oci_connections import registry_of
from odh_oci_widgets.oci.credentials import Credential, Credentials
from odh_oci_widgets.oci.errors import OdhOciError
from odh_oci_widgets.oci.tuning import Tuning
from odh_oci_widgets.serving.errors import ImageNotDeployable
from odh_oci_widgets.serving.spec import ServiceSpec

if TYPE_CHECKING:
    from odh_oci_widgets.models.facts import Facts
    from odh_oci_widgets.oci.inspection import ImageInfo
    from odh_oci_widgets.oci.store import Store

#: Set by our builders on every image.
FORMAT_ANNOTATION = "org.odh-oci.model-format"

#: Somebody waits for the preview, and a registry that only the cluster reaches never answers here.
_QUICK = Tuning(attempts=2, backoff=0.2, stall=10.0)

#: of data types in configurations: as safetensors calls them, and their bytes
_DTYPES = {"float32": ("F32", 4), "float16": ("F16", 2), "bfloat16": ("BF16", 2)}


@dataclass(frozen=True, kw_only=True)
class ImageFacts:
    """What was found: the spec with it, the model's facts where the image holds its configuration, and notes."""

    spec: ServiceSpec
    model: Facts | None = None
    notes: list[str] = field(default_factory=list)


def read_image(
    spec: ServiceSpec, *, credential: Credential | None = None, insecure: bool = False
) -> ImageFacts:
    """The image's digest, the model's size, and its format where it was not given.

    The registry is asked with `credential`, or with what the auth files say.

    A registry that cannot be asked from here is no obstacle: the cluster may still reach it.
    Raises ImageNotDeployable when the registry says that the image does not exist.
    """
    accelerated = spec.gpu or spec.hardware_profile
    if "@" in spec.image and spec.format and spec.memory and not accelerated:
        return ImageFacts(spec=spec)
    from odh_oci_widgets.oci.errors import ImageNotFound
    from odh_oci_widgets.oci.inspection import inspect
    from odh_oci_widgets.oci.store import open_store

    try:
        credentials = Credentials({registry_of(spec.image): credential}) if credential else None
        with closing(
            open_store(spec.image, credentials=credentials, insecure=insecure, tuning=_QUICK)
        ) as store:
            info = inspect(store)
            model = _facts(store, info)
    except ImageNotFound as error:
        raise ImageNotDeployable(
            f"The image `{spec.image}` does not exist in its registry.",
            hint="Build and push it first, or check the name and the tag.",
        ) from error
    except OdhOciError as error:
        pinned = "" if "@" in spec.image else "its tag is not pinned and "
        said = f"The image could not be read from here, so {pinned}the limits are defaults: {error.message}"
        return ImageFacts(spec=spec, notes=[said])
    # A builder that writes Docker manifests, as OpenShift's does, has labels only.
    found = info.annotations.get(FORMAT_ANNOTATION) or info.labels.get(FORMAT_ANNOTATION) or None
    return ImageFacts(
        spec=replace(
            spec,
            image=spec.image if "@" in spec.image else f"{spec.image}@{info.digest}",
            size=info.size,
            format=spec.format or (found if found != "unknown" else None),
        ),
        model=model,
    )


def _facts(store: Store, info: ImageInfo) -> Facts | None:
    """The facts of a `transformers` model, out of the image's own `config.json`.

    Read here and not written as annotations by the build: it works for images built before, and what an image says
    stays a function of its files. The data type of the weights is the configuration's.
    """
    from odh_oci_widgets.models.facts import Facts
    from odh_oci_widgets.models.model import ModelFormat
    from odh_oci_widgets.models.transformers_config import parse_config
    from odh_oci_widgets.oci.peek import model_files, read_small_file

    text = read_small_file(store, info, "models/config.json", _QUICK)
    try:
        data = json.loads(text or b"")
    except ValueError:
        return None
    if not isinstance(data, dict):
        return None
    files = model_files(info)
    weights = sum(
        size for path, size in files.items() if path.endswith(".safetensors") and path.count("/") == 1
    ) or sum(size for path, size in files.items() if path.endswith(".bin"))
    config = parse_config(data)
    name, width = _DTYPES.get(config.dtype or "", ("", 1))
    known = bool(name) and not config.quantization
    return Facts(
        format=ModelFormat.HUGGINGFACE,
        config=config,
        weight_bytes=weights,
        parameters={name: weights // width} if known else {},
    )
