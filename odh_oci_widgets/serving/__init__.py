"""From an image to a service that answers: in the project (KServe), or in the sandbox (this machine)."""

from .errors import (
    ImageNotDeployable,
    OptionInvalid,
    RuntimeNotFound,
    SandboxUnavailable,
    ServiceExists,
    ServiceFailed,
    ServiceNameInvalid,
    ServiceNotFound,
    ServiceReadOnly,
    ServiceTimeout,
    ServingError,
)
from .names import check_name, suggest_name
from .protocol import Diagnosis, Service, ServiceState

# After `.service` (the module), so that `serving.service` is the function.
from .targets import deploy, manifests, preview, service, services

__all__ = [
    "Diagnosis",
    "ImageNotDeployable",
    "OptionInvalid",
    "RuntimeNotFound",
    "SandboxUnavailable",
    "Service",
    "ServiceExists",
    "ServiceFailed",
    "ServiceNameInvalid",
    "ServiceNotFound",
    "ServiceReadOnly",
    "ServiceState",
    "ServiceTimeout",
    "ServingError",
    "check_name",
    "deploy",
    "manifests",
    "preview",
    "service",
    "services",
    "suggest_name",
]
