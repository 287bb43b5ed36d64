"""Why an image could not be pulled, from the words of the container runtime."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class PullFailure:
    """Why, as the end of “… cannot be pulled: ”, and what to do."""

    why: str
    hint: str


#: First match wins: the words of containerd, CRI-O and of registries behind them.
_CAUSES: tuple[tuple[str, str, str], ...] = (
    (
        (
            r"no matching manifest|no image found in (image index|manifest list)|does not match the specified platform"
            r"|no match for platform"
        ),
        "it is not made for the processor of the cluster's nodes",
        "Build it for the nodes' architecture (platform `linux/amd64` or `linux/arm64`).",
    ),
    (
        (
            r"unauthorized|authentication required|no basic auth credentials|access (to the resource is )?denied"
            r"|denied:|requested access|insufficient_scope|\b401\b|\b403\b|forbidden|invalid username/password"
        ),
        "the registry does not let the cluster read it",
        "Deploy with a pull secret (a connection of the project, or credentials), or make the repository public.",
    ),
    (
        r"manifest unknown|name unknown|not found|does not exist|repository name not known|\b404\b|manifest_unknown",
        "the registry does not have it",
        "Check the name and the tag, push the image, then redeploy.",
    ),
    (
        r"x509|certificate|tls: ",
        "the cluster's nodes do not trust the registry's certificate",
        "Ask an administrator to add the registry's certificate authority to the cluster, or use another registry.",
    ),
    (
        r"server gave http response to https client|http: server gave",
        "the registry speaks plain HTTP, which the cluster's nodes do not accept",
        "Use a registry with TLS, or ask an administrator to allow this one as insecure.",
    ),
    (
        r"toomanyrequests|too many requests|rate limit|\b429\b|pull qps exceeded",
        "the registry limits how often it is asked",
        "Wait a while, or use credentials or another registry.",
    ),
    (
        r"no space left|disk pressure|disk quota|insufficient.*(disk|storage)",
        "the node has no room left for it",
        "Ask an administrator for a node with more disk, or use a smaller model.",
    ),
    (
        (
            r"no such host|server misbehaving|name resolution|connection refused|i/o timeout|timeout|unreachable"
            r"|connection reset|\beof\b|dial tcp|\b50[0234]\b|proxyconnect"
        ),
        "the cluster's nodes cannot reach the registry",
        "Check the registry's name; an address of this machine (`localhost`) means nothing to the cluster.",
    ),
    (
        r"signature|policy",
        "the cluster's policy does not accept it (its signature, or its registry)",
        "Sign the image, use an allowed registry, or ask an administrator.",
    ),
    (
        r"invalid reference|couldn't parse image|invalidimagename|invalid image",
        "its name is not valid",
        "Write it as registry/repository:tag.",
    ),
)


def pull_failure(text: str) -> PullFailure:
    """The cause in words.

    >>> pull_failure("reading manifest 1 in quay.io/org/model: manifest unknown").why
    'the registry does not have it'
    """
    low = text.lower()
    for pattern, why, hint in _CAUSES:
        if re.search(pattern, low):
            return PullFailure(why, hint)
    short = " ".join(text.split())[-300:]
    return PullFailure(short or "the cluster does not say why", "See the events of the service.")
