"""What can go wrong with a service."""

from __future__ import annotations

from odh_oci_widgets.oci.errors import OdhOciError


class ServingError(OdhOciError):
    """A service could not be made, found, asked or removed."""


class ServiceNotFound(ServingError):
    """There is no service of that name."""


class ServiceNameInvalid(ServingError):
    """A name that KServe or Kubernetes refuses."""


class ServiceExists(ServingError):
    """A service of that name stands there already, and something else made it."""


class ServiceReadOnly(ServingError):
    """A service of a kind that is listed and not managed here."""


class ServiceFailed(ServingError):
    """The service will not become ready without a change; the message is the diagnosis."""


class ServiceTimeout(ServingError):
    """The service was not ready in the time given; it may still become ready."""


class RuntimeNotFound(ServingError):
    """No serving runtime of that name, or none that takes the model's format."""


class OptionInvalid(ServingError):
    """An option of a deployment has a value that cannot work."""


class ImageNotDeployable(ServingError):
    """The image cannot be deployed there: for example, an OCI layout on this disk to a project."""


class SandboxUnavailable(ServingError):
    """The sandbox cannot serve this model here: for example, its extra is not installed."""
