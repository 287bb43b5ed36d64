"""A Kubernetes API server of the tests' own that behaves like a real one, with OpenShift, KServe and Open Data Hub."""

from .cluster import KubernetesApi
from .status import ApiError
from .users import User

__all__ = ["ApiError", "KubernetesApi", "User"]
