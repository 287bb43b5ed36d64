"""Why the cluster does not let a pod be made: quota, limit ranges, security, webhooks."""

from __future__ import annotations

import re

from odh_oci_widgets.serving.protocol import Diagnosis, ServiceState

_QUOTA = re.compile(r"exceeded quota: (\S+?), requested: (.+?), used: (.+?), limited: (.+)")
_MUST_SPECIFY = re.compile(r"failed quota: (\S+?): must specify (.+)")
_LIMIT_RANGE = re.compile(
    r"(maximum|minimum) (\S+) usage per (\w+) is (\S+?),? but (?:limit|request) is (\S+?)\.?(?:,|$|\s|\])"
)
_NO_LIMIT = re.compile(
    r"(maximum|minimum) (\S+) usage per (\w+) is (\S+?)\.\s+No (limit|request) is specified"
)
_RATIO = re.compile(r"(\S+) max limit to request ratio per (\w+) is (\S+), but provided ratio is (\S+)")


def refused_pod(text: str) -> Diagnosis:
    """The diagnosis for the message of a refused pod."""
    text = " ".join(text.split())
    sentence, hint = _cause(text)
    return Diagnosis(state=ServiceState.FAILED, sentence=sentence, hint=hint, evidence=(text,))


def _cause(text: str) -> tuple[str, str]:
    if found := _QUOTA.search(text):
        quota, requested, used, limited = found.groups()
        return (
            (
                f"The pod does not fit into the project's quota `{quota}`: it asks for {requested}; "
                f"used are {used} of {limited}."
            ),
            "Deploy with less cpu, memory or GPUs, stop or delete another service, or ask an administrator for more.",
        )
    if found := _MUST_SPECIFY.search(text):
        return (
            f"The project's quota `{found[1]}` refuses pods that do not say {found[2]}.",
            "Deploy with cpu and memory set.",
        )
    for pattern in (_LIMIT_RANGE, _NO_LIMIT):
        if found := pattern.search(text):
            bound, what, scope, value = found.groups()[:4]
            modelcar = bound == "minimum"
            return (
                f"The project's LimitRange refuses the pod: the {bound} of {what} for each {scope.lower()} is {value}"
                + (
                    ", and the container that holds the model asks for less (10m cpu, 15Mi memory)."
                    if modelcar
                    else "."
                ),
                "Ask an administrator to lower the LimitRange's minimum."
                if modelcar
                else f"Deploy with at most {value} of {what}, or ask an administrator.",
            )
    if found := _RATIO.search(text):
        return (
            (
                f"The project's LimitRange refuses the pod: the limit of {found[1]} may be {found[3]} times "
                f"the request, and it is {found[4]} times."
            ),
            f"Deploy with {found[1]} set: then request and limit are the same.",
        )
    if "security context constraint" in text or "violates PodSecurity" in text:
        kind = (
            "security context constraints" if "security context constraint" in text else "pod security level"
        )
        return (
            f"The project's {kind} refuse the pod."
            if kind.endswith("s")
            else f"The project's {kind} refuses the pod.",
            "Use a runtime that runs without privileges, or ask an administrator; the evidence has the details.",
        )
    if found := re.search(r'error looking up service account \S+?/(\S+?): serviceaccount "', text):
        return f"The service account `{found[1]}` does not exist.", "Ask an administrator to restore it."
    if found := re.search(r'admission webhook "([^"]+)" denied the request: (.*)', text):
        return f"The cluster's webhook `{found[1]}` refuses the pod: {found[2]}", "See what it asks for."
    if found := re.search(r'failed calling webhook "([^"]+)"', text):
        return (
            f"The cluster's webhook `{found[1]}` does not answer, so no pod can be made.",
            "Ask an administrator: a part of the platform is down.",
        )
    return f"The pod cannot be made: {text}.".replace("..", "."), "See the events of the service."
