"""What can go wrong with a service."""

from __future__ import annotations

from odh_oci_widgets.oci.errors import OdhOciError


class ServingError(OdhOciError):
    """A service could not be made, found, asked or removed."""

    cure = "See `service.diagnose()` and `service.logs()`."


class ServiceNotFound(ServingError):
    """There is no service of that name."""

    cure = "List the services there are: `services()` or `odh-oci list`."


class ServiceNameInvalid(ServingError):
    """A name that KServe or Kubernetes refuses."""

    cure = "Use small letters, digits and `-`, beginning with a letter."


class ServiceExists(ServingError):
    """A service of that name stands there already, and something else made it."""

    cure = "Choose another name, or delete the service that has it."


class ServiceReadOnly(ServingError):
    """A service of a kind that is listed and not managed here."""

    cure = "Use the dashboard, or `oc`, for it."


class ServiceFailed(ServingError):
    """The service will not become ready without a change; the message is the diagnosis."""

    cure = "Do what the diagnosis says, then deploy again."


class ServiceTimeout(ServingError):
    """The service was not ready in the time given; it may still become ready."""

    cure = "It may still come: wait longer, or look at its logs."


class RuntimeNotFound(ServingError):
    """No serving runtime of that name, or none that takes the model's format."""

    cure = "Choose one of `odh-oci runtimes`."


class OptionInvalid(ServingError):
    """An option of a deployment has a value that cannot work."""

    cure = "Correct the option that the sentence names."


class ImageNotDeployable(ServingError):
    """The image cannot be deployed there: for example, an OCI layout on this disk to a project."""

    cure = 'Push the image to a registry that the cluster reads, or deploy with `target="sandbox"`.'


class SandboxUnavailable(ServingError):
    """The sandbox cannot serve this model here: for example, its extra is not installed."""

    cure = "Install the extra: `pip install 'odh-oci-widgets[sandbox]'`."
