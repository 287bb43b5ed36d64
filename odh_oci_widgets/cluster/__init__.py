"""The project: connection, identity, permissions, and where images can go."""

from .errors import (
    ClusterBusy,
    ClusterError,
    ClusterUnreachable,
    ClusterUntrusted,
    Conflict,
    KindNotFound,
    KubeconfigInvalid,
    LoginExpired,
    NoCluster,
    NotAllowed,
    ObjectNotFound,
    QuotaExceeded,
    Refused,
)
from .project import Project, connect, use

__all__ = [
    "ClusterBusy",
    "ClusterError",
    "ClusterUnreachable",
    "ClusterUntrusted",
    "Conflict",
    "KindNotFound",
    "KubeconfigInvalid",
    "LoginExpired",
    "NoCluster",
    "NotAllowed",
    "ObjectNotFound",
    "Project",
    "QuotaExceeded",
    "Refused",
    "connect",
    "use",
]
