"""What a cluster may answer, each as a type with a sentence and, where there is one, the command that repairs it."""

from __future__ import annotations

from odh_oci_widgets.oci.errors import OdhOciError


class ClusterError(OdhOciError):
    """The cluster did not do what was asked.

    Attributes:
        reason: Kubernetes' own word: `Forbidden`, `AlreadyExists`, `Invalid`; empty where there was none.
    """

    def __init__(self, message: str, *, hint: str = "", status: int | None = None, reason: str = "") -> None:
        super().__init__(message, hint=hint, status=status)
        self.reason = reason


class NoCluster(ClusterError):
    """No cluster is known: no kubeconfig, no service account."""


class KubeconfigInvalid(ClusterError):
    """A kubeconfig that cannot be used: missing, malformed, without the context asked for."""


class ClusterUnreachable(ClusterError):
    """No answer from the cluster's API: name, port, network, proxy."""


class ClusterUntrusted(ClusterError):
    """The certificate of the cluster's API is not trusted."""


class LoginExpired(ClusterError):
    """The cluster does not know who we are (401): the token is wrong, expired or revoked."""


class NotAllowed(ClusterError):
    """The cluster knows who we are and refuses (403); `hint` has the command that repairs it."""


class QuotaExceeded(ClusterError):
    """The project's quota is used up."""


class ObjectNotFound(ClusterError):
    """The object does not exist (404)."""


class KindNotFound(ClusterError):
    """The cluster does not know this kind of object: for example, KServe is not installed."""


class Conflict(ClusterError):
    """It exists already, or something else owns a field that we set, or it changed meanwhile (409).

    Attributes:
        owners: who set the fields, where that is the conflict.
    """

    owners: frozenset[str] = frozenset()


class Refused(ClusterError):
    """The cluster, or a webhook of it, found the object wrong (400, 422)."""


class ClusterBusy(ClusterError):
    """The cluster failed or asked to come back later (429, 5xx), also after some retries."""
