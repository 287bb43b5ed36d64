"""Why the cluster does not let a pod be made: quota, limit ranges, security, webhooks."""

from __future__ import annotations

import re

from odh_oci_widgets.serving.cases import admission as cases
from odh_oci_widgets.serving.protocol import Diagnosis

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
    if found := _QUOTA.search(text):
        quota, requested, used, limited = found.groups()
        return cases.QUOTA_FULL.found(text, quota=quota, requested=requested, used=used, limited=limited)
    if found := _MUST_SPECIFY.search(text):
        return cases.QUOTA_WANTS_LIMITS.found(text, quota=found[1], what=found[2])
    if found := _LIMIT_RANGE.search(text) or _NO_LIMIT.search(text):
        bound, what, scope, value = found.groups()[:4]
        case = cases.LIMIT_RANGE_MINIMUM if bound == "minimum" else cases.LIMIT_RANGE_MAXIMUM
        return case.found(text, what=what, scope=scope.lower(), value=value)
    if found := _RATIO.search(text):
        return cases.LIMIT_RANGE_RATIO.found(text, what=found[1], allowed=found[3], asked=found[4])
    return _security(text) or _webhook(text) or cases.POD_REFUSED.found(text, message=text)


def _security(text: str) -> Diagnosis | None:
    if "security context constraint" in text:
        return cases.SECURITY_CONSTRAINTS.found(text)
    if "violates PodSecurity" in text:
        return cases.POD_SECURITY.found(text)
    if found := re.search(r'error looking up service account \S+?/(\S+?): serviceaccount "', text):
        return cases.ACCOUNT_ABSENT.found(text, account=found[1])
    return None


def _webhook(text: str) -> Diagnosis | None:
    if found := re.search(r'admission webhook "([^"]+)" denied the request: (.*)', text):
        return cases.WEBHOOK_REFUSES.found(text, webhook=found[1], words=found[2])
    if found := re.search(r'failed calling webhook "([^"]+)"', text):
        return cases.WEBHOOK_SILENT.found(text, webhook=found[1])
    return None
