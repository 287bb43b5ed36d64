"""What can go wrong with a service."""

from __future__ import annotations

from odh_oci_widgets.oci.errors import OdhOciError


class ServingError(OdhOciError):
    """A service could not be made, found, asked or removed."""


class ServiceNotFound(ServingError):  # noqa: N818 - the shared API's names read as states
    """There is no service of that name."""


class ServiceNameInvalid(ServingError):  # noqa: N818
    """A name that KServe or Kubernetes refuses."""


class ServiceExists(ServingError):  # noqa: N818
    """A service of that name stands there already, and something else made it."""


class ServiceFailed(ServingError):  # noqa: N818
    """The service will not become ready without a change; the message is the diagnosis."""


class ServiceTimeout(ServingError):  # noqa: N818
    """The service was not ready in the time given; it may still become ready."""


class RuntimeNotFound(ServingError):  # noqa: N818
    """No serving runtime of that name, or none that takes the model's format."""


class OptionInvalid(ServingError):  # noqa: N818
    """An option of a deployment has a value that cannot work."""


class ImageNotDeployable(ServingError):  # noqa: N818
    """The image cannot be deployed there: for example, an OCI layout on this disk to a project."""


class SandboxUnavailable(ServingError):  # noqa: N818
    """The sandbox cannot serve this model here: for example, its extra is not installed."""
