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


class NoCluster(ClusterError):  # noqa: N818 - the shared API's names read as states
    """No cluster is known: no kubeconfig, no service account."""


class KubeconfigInvalid(ClusterError):  # noqa: N818
    """A kubeconfig that cannot be used: missing, malformed, without the context asked for."""


class ClusterUnreachable(ClusterError):  # noqa: N818
    """No answer from the cluster's API: name, port, network, proxy."""


class ClusterUntrusted(ClusterError):  # noqa: N818
    """The certificate of the cluster's API is not trusted."""


class LoginExpired(ClusterError):  # noqa: N818
    """The cluster does not know who we are (401): the token is wrong, expired or revoked."""


class NotAllowed(ClusterError):  # noqa: N818
    """The cluster knows who we are and refuses (403); `hint` has the command that repairs it."""


class QuotaExceeded(ClusterError):  # noqa: N818
    """The project's quota is used up."""


class ObjectNotFound(ClusterError):  # noqa: N818
    """The object does not exist (404)."""


class KindNotFound(ClusterError):  # noqa: N818
    """The cluster does not know this kind of object: for example, KServe is not installed."""


class Conflict(ClusterError):  # noqa: N818
    """It exists already, or something else owns a field that we set, or it changed meanwhile (409)."""


class Refused(ClusterError):  # noqa: N818
    """The cluster, or a webhook of it, found the object wrong (400, 422)."""


class ClusterBusy(ClusterError):  # noqa: N818
    """The cluster failed or asked to come back later (429, 5xx), also after some retries."""
