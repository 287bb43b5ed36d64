"""What a cluster may answer, each as a type with a sentence and, where there is one, the command that repairs it."""

from __future__ import annotations

from odh_oci_widgets.oci.errors import OdhOciError


class ClusterError(OdhOciError):
    """The cluster did not do what was asked.

    Attributes:
        reason: Kubernetes' own word: `Forbidden`, `AlreadyExists`, `Invalid`; empty where there was none.
    """

    cure = "Look at the cluster's own words in the sentence; `odh-oci check` tells what this login may do."

    def __init__(
        self, message: str, *, hint: str | None = None, status: int | None = None, reason: str = ""
    ) -> None:
        super().__init__(message, hint=hint, status=status)
        self.reason = reason


class NoCluster(ClusterError):
    """No cluster is known: no kubeconfig, no service account."""

    cure = 'Log in with `oc login`, or work in a workbench; without a cluster there is `target="sandbox"`.'


class KubeconfigInvalid(ClusterError):
    """A kubeconfig that cannot be used: missing, malformed, without the context asked for."""

    cure = "Log in again with `oc login`, or correct KUBECONFIG."


class ClusterUnreachable(ClusterError):
    """No answer from the cluster's API: name, port, network, proxy."""

    cure = "Check the address in the kubeconfig, the network, the VPN and the proxy."


class ClusterUntrusted(ClusterError):
    """The certificate of the cluster's API is not trusted."""

    cure = "Name the cluster's authority in the kubeconfig: `oc login --certificate-authority=FILE`."


class LoginExpired(ClusterError):
    """The cluster does not know who we are (401): the token is wrong, expired or revoked."""

    cure = "Log in again (`oc login`), then ask again."


class NotAllowed(ClusterError):
    """The cluster knows who we are and refuses (403); `hint` has the command that repairs it."""

    cure = "Ask somebody with admin rights in the project to allow it; `odh-oci check` gives the command."


class QuotaExceeded(ClusterError):
    """The project's quota is used up."""

    cure = "Delete what is not needed any more, ask for less, or ask an administrator for more."


class ObjectNotFound(ClusterError):
    """The object does not exist (404)."""

    cure = "It was deleted, or never made: look at the list again."


class KindNotFound(ClusterError):
    """The cluster does not know this kind of object: for example, KServe is not installed."""

    cure = "Ask an administrator to install it; `odh-oci check` tells what this cluster has."


class Conflict(ClusterError):
    """It exists already, or something else owns a field that we set, or it changed meanwhile (409).

    Attributes:
        owners: who set the fields, where that is the conflict.
    """

    cure = "Look at what is there; choose another name, or delete it first."

    owners: frozenset[str] = frozenset()


class Refused(ClusterError):
    """The cluster, or a webhook of it, found the object wrong (400, 422)."""

    cure = "Correct what the sentence names; the words are the cluster's own."


class ClusterBusy(ClusterError):
    """The cluster failed or asked to come back later (429, 5xx), also after some retries."""

    cure = "Try again in a moment."
