"""The project: connection, identity, permissions, and where images can go."""

from .access import Access, Permission, check
from .destinations import Destination, DestinationKind, credential_for, list_destinations, store_connection
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
from .hardware import HardwareProfile, list_profiles
from .hub_tokens import TokenMissing, list_hub_tokens, read_hub_token
from .login import LoginLineInvalid, login_from_line
from .project import Project, connect, use

__all__ = [
    "Access",
    "ClusterBusy",
    "ClusterError",
    "ClusterUnreachable",
    "ClusterUntrusted",
    "Conflict",
    "Destination",
    "DestinationKind",
    "HardwareProfile",
    "KindNotFound",
    "KubeconfigInvalid",
    "LoginExpired",
    "LoginLineInvalid",
    "NoCluster",
    "NotAllowed",
    "ObjectNotFound",
    "Permission",
    "Project",
    "QuotaExceeded",
    "Refused",
    "TokenMissing",
    "check",
    "connect",
    "credential_for",
    "list_destinations",
    "list_hub_tokens",
    "list_profiles",
    "login_from_line",
    "read_hub_token",
    "store_connection",
    "use",
]
