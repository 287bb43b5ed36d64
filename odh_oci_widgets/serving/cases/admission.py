"""Why the cluster does not let a pod be made."""

from __future__ import annotations

from .case import failed

QUOTA_FULL = failed(
    "quota-full",
    (
        "The pod does not fit into the project's quota `{quota}`: it asks for {requested}; used are "
        "{used} of {limited}."
    ),
    cause="A ResourceQuota bounds what all pods of the project may request together.",
    cure=(
        "Deploy with less cpu, memory or GPUs, stop or delete another service, or ask an administrator "
        "for more."
    ),
)
QUOTA_WANTS_LIMITS = failed(
    "quota-wants-limits",
    "The project's quota `{quota}` refuses pods that do not say {what}.",
    cause="A ResourceQuota on requests or limits can only count pods that have them.",
    cure="Deploy with cpu and memory set.",
)
LIMIT_RANGE_MINIMUM = failed(
    "limit-range-minimum",
    "The project's LimitRange refuses the pod: the minimum of {what} for each {scope} is {value}, and"
    " the container "
    "that holds the model asks for less (10m cpu, 15Mi memory).",
    cause=(
        "KServe gives the container that holds the model a small fixed request, below the LimitRange's "
        "minimum."
    ),
    cure="Ask an administrator to lower the LimitRange's minimum.",
)
LIMIT_RANGE_MAXIMUM = failed(
    "limit-range-maximum",
    "The project's LimitRange refuses the pod: the maximum of {what} for each {scope} is {value}.",
    cause="A LimitRange bounds what one container or pod of the project may ask for.",
    cure="Deploy with at most {value} of {what}, or ask an administrator.",
)
LIMIT_RANGE_RATIO = failed(
    "limit-range-ratio",
    "The project's LimitRange refuses the pod: the limit of {what} may be {allowed} times the "
    "request, and it is "
    "{asked} times.",
    cause="A LimitRange bounds how far a container's limit may lie above its request.",
    cure="Deploy with {what} set: then request and limit are the same.",
)
SECURITY_CONSTRAINTS = failed(
    "security-constraints",
    "The project's security context constraints refuse the pod.",
    cause=(
        "The runtime asks for a user, a volume or a privilege that the project's service account may not "
        "have."
    ),
    cure="Use a runtime that runs without privileges, or ask an administrator; the evidence has the details.",
)
POD_SECURITY = failed(
    "pod-security",
    "The project's pod security level refuses the pod.",
    cause=(
        "The runtime asks for something that the namespace's label `pod-security.kubernetes.io/enforce` "
        "forbids."
    ),
    cure="Use a runtime that runs without privileges, or ask an administrator; the evidence has the details.",
)
ACCOUNT_ABSENT = failed(
    "account-absent",
    "The service account `{account}` does not exist.",
    cause="Pods run as a service account of the project, and this one was deleted.",
    cure="Ask an administrator to restore it.",
)
WEBHOOK_REFUSES = failed(
    "webhook-refuses",
    "The cluster's webhook `{webhook}` refuses the pod: {words}",
    cause=(
        "A policy of the cluster (Kyverno, Gatekeeper, the platform's own) looks at each pod before it is"
        " made."
    ),
    cure="See what it asks for.",
)
WEBHOOK_SILENT = failed(
    "webhook-silent",
    "The cluster's webhook `{webhook}` does not answer, so no pod can be made.",
    cause="The cluster must ask this webhook about each pod, and it is down.",
    cure="Ask an administrator: a part of the platform is down.",
)
POD_REFUSED = failed(
    "pod-refused",
    "The pod cannot be made: {message}.",
    cause="The cluster refuses the pod, for a reason in its own words.",
    cure="See the events of the service.",
)
