"""What the image itself says of the model: format, size, digest."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

from odh_oci_widgets.cluster.oci_connections import registry_of
from odh_oci_widgets.oci.credentials import Credential, Credentials
from odh_oci_widgets.oci.errors import OdhOciError
from odh_oci_widgets.oci.tuning import Tuning
from odh_oci_widgets.serving.errors import ImageNotDeployable
from odh_oci_widgets.serving.spec import ServiceSpec

#: Set by our builders on every image.
FORMAT_ANNOTATION = "org.odh-oci.model-format"

#: Somebody waits for the preview, and a registry that only the cluster reaches never answers here.
_QUICK = Tuning(attempts=2, backoff=0.2, stall=10.0)


def with_image_facts(
    spec: ServiceSpec, *, credential: Credential | None = None, insecure: bool = False
) -> tuple[ServiceSpec, list[str]]:
    """The spec with the image's digest, the model's size, and its format where it was not given; and notes.

    The registry is asked with `credential`, or with what the auth files say.

    A registry that cannot be asked from here is no obstacle: the cluster may still reach it.
    Raises ImageNotDeployable when the registry says that the image does not exist.
    """
    if "@" in spec.image and (spec.format or spec.runtime) and spec.memory:
        return spec, []
    from odh_oci_widgets.oci.errors import ImageNotFound
    from odh_oci_widgets.oci.inspection import inspect
    from odh_oci_widgets.oci.store import open_store

    try:
        credentials = Credentials({registry_of(spec.image): credential}) if credential else None
        with closing(
            open_store(spec.image, credentials=credentials, insecure=insecure, tuning=_QUICK)
        ) as store:
            info = inspect(store)
    except ImageNotFound as error:
        raise ImageNotDeployable(
            f"The image `{spec.image}` does not exist in its registry.",
            hint="Build and push it first, or check the name and the tag.",
        ) from error
    except OdhOciError as error:
        return spec, [
            "The image could not be read from here, so its tag is not pinned and the limits are defaults: "
            + error.message
        ]
    found = info.annotations.get(FORMAT_ANNOTATION) or None
    return (
        replace(
            spec,
            image=spec.image if "@" in spec.image else f"{spec.image}@{info.digest}",
            size=info.size,
            format=spec.format or (found if found != "unknown" and not spec.runtime else None),
        ),
        [],
    )
