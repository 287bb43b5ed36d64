"""Why an image could not be pulled, from the words of the container runtime."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from odh_oci_widgets.serving.protocol import ServiceState

from .case import Case, failed


@dataclass(frozen=True, kw_only=True)
class PullFailure(Case):
    """Why an image cannot be pulled; `why` is the end of “… cannot be pulled: ”."""

    why: str


def _cannot(code: str, why: str, *, cause: str, cure: str) -> PullFailure:
    says = f"The image `{{image}}` cannot be pulled: {why}."
    return PullFailure(code=code, state=ServiceState.FAILED, says=says, why=why, cause=cause, cure=cure)


#: First match wins: the words of containerd, CRI-O and of registries behind them.
_CAUSES: tuple[tuple[str, PullFailure], ...] = (
    (
        (
            r"no matching manifest|no image found in (image index|manifest list)"
            r"|does not match the specified platform|no match for platform"
        ),
        _cannot(
            "pull-other-processor",
            "it is not made for the processor of the cluster's nodes",
            cause="The registry has the image for other architectures only.",
            cure="Build it for the nodes' architecture (platform `linux/amd64` or `linux/arm64`).",
        ),
    ),
    (
        (
            r"unauthorized|authentication required|no basic auth credentials"
            r"|access (to the resource is )?denied|denied:|requested access|insufficient_scope|\b401\b"
            r"|\b403\b|forbidden|invalid username/password"
        ),
        _cannot(
            "pull-refused",
            "the registry does not let the cluster read it",
            cause=(
                "The repository is private, and the pod names no pull Secret that opens it, or one whose "
                "password or token is not valid any more."
            ),
            cure=(
                "Deploy with a pull secret (a connection of the project, or credentials), or make the "
                "repository public."
            ),
        ),
    ),
    (
        (
            r"manifest unknown|name unknown|not found|does not exist|repository name not known|\b404\b"
            r"|manifest_unknown"
        ),
        _cannot(
            "pull-not-found",
            "the registry does not have it",
            cause=(
                "A mistyped name or tag, an image that was not pushed yet or was deleted; some registries"
                " say so of private repositories too."
            ),
            cure="Check the name and the tag, push the image, then redeploy.",
        ),
    ),
    (
        r"x509|certificate|tls: ",
        _cannot(
            "pull-untrusted",
            "the cluster's nodes do not trust the registry's certificate",
            cause=(
                "The registry's certificate was issued by an authority that the nodes do not know; that "
                "this workbench trusts it does not matter."
            ),
            cure=(
                "Ask an administrator to add the registry's certificate authority to the cluster, or use "
                "another registry."
            ),
        ),
    ),
    (
        r"server gave http response to https client|http: server gave",
        _cannot(
            "pull-plain-http",
            "the registry speaks plain HTTP, which the cluster's nodes do not accept",
            cause="The registry was pushed to with `--insecure`; nodes want TLS.",
            cure="Use a registry with TLS, or ask an administrator to allow this one as insecure.",
        ),
    ),
    (
        r"toomanyrequests|too many requests|rate limit|\b429\b|pull qps exceeded",
        _cannot(
            "pull-rate-limit",
            "the registry limits how often it is asked",
            cause=(
                "A public registry counts pulls by address or account, and the cluster has used up its share."
            ),
            cure="Wait a while, or use credentials or another registry.",
        ),
    ),
    (
        r"no space left|disk pressure|disk quota|insufficient.*(disk|storage)",
        _cannot(
            "pull-no-disk",
            "the node has no room left for it",
            cause="The model's layers do not fit on the disk of the node that was chosen.",
            cure="Ask an administrator for a node with more disk, or use a smaller model.",
        ),
    ),
    (
        (
            r"no such host|server misbehaving|name resolution|connection refused|i/o timeout|timeout"
            r"|unreachable|connection reset|\beof\b|dial tcp|\b50[0234]\b|proxyconnect"
        ),
        _cannot(
            "pull-unreachable",
            "the cluster's nodes cannot reach the registry",
            cause=(
                "The name does not resolve on the nodes, or a firewall or proxy is in the way. The push "
                "came from elsewhere."
            ),
            cure=(
                "Check the registry's name; an address of this machine (`localhost`) means nothing to the"
                " cluster."
            ),
        ),
    ),
    (
        r"signature|policy",
        _cannot(
            "pull-policy",
            "the cluster's policy does not accept it (its signature, or its registry)",
            cause=(
                "The cluster's policy (`policy.json`, an allow list of registries) wants signatures or "
                "other registries."
            ),
            cure="Sign the image, use an allowed registry, or ask an administrator.",
        ),
    ),
    (
        r"invalid reference|couldn't parse image|invalidimagename|invalid image",
        _cannot(
            "pull-bad-name",
            "its name is not valid",
            cause="The image reference of the service is not one that a container runtime accepts.",
            cure="Write it as registry/repository:tag.",
        ),
    ),
)

PULL_FAILED = _cannot(
    "pull-failed",
    "{words}",
    cause="The node could not pull the image, for a reason in the container runtime's own words.",
    cure="See the events of the service.",
)
RUNTIME_IMAGE_NOT_PULLED = failed(
    "runtime-image-not-pulled",
    "The image of `{container}`, `{image}`, cannot be pulled: {why}.",
    cause="It is the image of the model server or of the platform, which the ServingRuntime names.",
    cure="Choose another runtime, or ask an administrator.",
)
PULL_FAILURES = tuple(failure for _, failure in _CAUSES)


def pull_failure(text: str) -> PullFailure:
    """The case, by the words of who pulled.

    >>> pull_failure("reading manifest 1 in quay.io/org/model: manifest unknown").why
    'the registry does not have it'
    """
    low = text.lower()
    for pattern, failure in _CAUSES:
        if re.search(pattern, low):
            return failure
    return replace(PULL_FAILED, why=" ".join(text.split())[-300:] or "the cluster does not say why")
