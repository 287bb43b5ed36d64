"""From a Kubernetes `Status` (what the API answers when it refuses) to a typed error with one sentence."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from .connection import Connection, Source
from .errors import (
    ClusterBusy,
    ClusterError,
    Conflict,
    KindNotFound,
    LoginExpired,
    NotAllowed,
    ObjectNotFound,
    QuotaExceeded,
    Refused,
)
from .repair import grant, role_for

#: `User "U" cannot list resource "secrets" in API group "" in the namespace "kube-system"`; a resource may have a
#: subresource, and at cluster scope there is no namespace
_FORBIDDEN = re.compile(
    r'User "(?P<user>[^"]+)" cannot (?P<verb>\S+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]+)")?'
)
_QUOTA = re.compile(
    r"exceeded quota: (?P<quota>\S+?), requested: (?P<requested>.+?), used: (?P<used>.+?), limited: (?P<limited>.+)"
)
_WEBHOOK = re.compile(r'admission webhook "(?P<webhook>[^"]+)" denied the request: (?P<text>.*)', re.DOTALL)
_POLICY = re.compile(
    r"ValidatingAdmissionPolicy '(?P<policy>[^']+)'.* denied request: (?P<text>.*)", re.DOTALL
)
_UNKNOWN_KIND = ("could not find the requested resource", "page not found", "no matches for kind")

_UNAUTHORIZED, _NOT_FOUND, _CONFLICT, _TOO_MANY, _SERVER_ERRORS = 401, 404, 409, 429, 500


def error_from(
    connection: Connection, status: int, body: bytes, what: str, *, openshift: Callable[[], bool]
) -> ClusterError:
    """The error for an answer. `what` says what was tried: ``create InferenceService `granite` ``.

    `openshift` is asked only where the error names a command.
    """
    answer = _status(body)
    text = " ".join(str(answer.get("message") or "").split())
    reason = str(answer.get("reason") or "")
    common: dict[str, Any] = {"status": status, "reason": reason}
    if status == _UNAUTHORIZED:
        return LoginExpired(
            f"The cluster {connection.host} does not accept this login: it is wrong or has expired.",
            hint=_login_hint(connection),
            **common,
        )
    if quota := _QUOTA.search(text):
        return QuotaExceeded(
            f"Cannot {what}: the project's quota `{quota['quota']}` is used up "
            f"(asked for {quota['requested']}, used {quota['used']}, limit {quota['limited']}).",
            hint="Ask for less, stop or delete another service, or ask an administrator for more.",
            **common,
        )
    if forbidden := _FORBIDDEN.search(text):
        return _not_allowed(what, forbidden, common, openshift)
    if status == _CONFLICT:
        return _conflict(what, answer, text, common)
    if status == _NOT_FOUND:
        if any(words in text for words in _UNKNOWN_KIND) or not (answer.get("details") or {}).get("name"):
            return KindNotFound(f"Cannot {what}: the cluster does not know this kind of object.", **common)
        return ObjectNotFound(f"Cannot {what}: it does not exist.", **common)
    if status == _TOO_MANY or status >= _SERVER_ERRORS:
        return ClusterBusy(
            f"Cannot {what}: the cluster answered {status}{f' ({text})' if text else ''}.",
            hint="Try again in a moment.",
            **common,
        )
    return _refused(what, answer, text, common)


def _status(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {"message": body.decode(errors="replace").strip()[:500]}
    return answer if isinstance(answer, dict) else {}


def _login_hint(connection: Connection) -> str:
    if connection.source is Source.SERVICE_ACCOUNT:
        return "Restart the workbench, or log in with `oc login`."
    return "Log in again: copy the login command from the console (`oc login --token=… --server=…`)."


def _not_allowed(
    what: str, found: re.Match[str], common: dict[str, Any], openshift: Callable[[], bool]
) -> NotAllowed:
    user, namespace = found["user"], found["namespace"]
    resource, _, _ = found["resource"].partition("/")
    where = f"in the project `{namespace}`" if namespace else "for the whole cluster"
    if user == "system:anonymous":
        hint = "Log in first: `oc login --token=… --server=…`."
    elif namespace:
        role = role_for(found["group"], resource)
        command = grant(user, namespace, role=role, openshift=openshift())
        hint = f"Somebody with admin rights in the project can allow it: `{command}`."
    else:
        hint = "Only an administrator of the cluster can allow it."
    return NotAllowed(
        f"Cannot {what}: {_person(user)} may not {found['verb']} {found['resource']} {where}.",
        hint=hint,
        **common,
    )


def _person(user: str) -> str:
    if user.startswith("system:serviceaccount:"):
        return f"the service account `{user.rpartition(':')[2]}`"
    return f"the user `{user}`"


def _conflict(what: str, answer: dict[str, Any], text: str, common: dict[str, Any]) -> Conflict:
    causes = (answer.get("details") or {}).get("causes") or []
    owned = [cause for cause in causes if cause.get("reason") == "FieldManagerConflict"]
    if owned:
        owners = [match[1] for c in owned if (match := re.search(r'"([^"]+)"', c.get("message", "")))]
        names = ", ".join(str(cause.get("field", "")).lstrip(".") for cause in owned)
        conflict = Conflict(
            f"Cannot {what}: {names} was set by `{', '.join(dict.fromkeys(owners))}`, and we would set it differently.",
            hint="Keep what is there, or overwrite it with `force=True` (`--force`).",
            **common,
        )
        conflict.owners = frozenset(owners)
        return conflict
    if common["reason"] == "AlreadyExists":
        return Conflict(
            f"Cannot {what}: it exists already.", hint="Choose another name, or delete it.", **common
        )
    return Conflict(f"Cannot {what}: it changed meanwhile ({text}).", hint="Try again.", **common)


def _refused(what: str, answer: dict[str, Any], text: str, common: dict[str, Any]) -> ClusterError:
    for pattern, kind in ((_WEBHOOK, "webhook"), (_POLICY, "policy")):
        if found := pattern.search(text):
            return Refused(
                f"Cannot {what}: the cluster's {kind} `{found[kind]}` refused it: {found['text']}", **common
            )
    causes = (answer.get("details") or {}).get("causes") or []
    if causes:
        said = "; ".join(
            f"{cause.get('field', '')}: {cause.get('message', '')}".strip(": ") for cause in causes[:3]
        )
        return Refused(f"Cannot {what}: the cluster found it wrong: {said}.", **common)
    if common["status"] == 403:
        return NotAllowed(f"Cannot {what}: the cluster forbids it: {text or 'no reason given'}.", **common)
    return Refused(f"Cannot {what}: the cluster refused it: {text or 'no reason given'}.", **common)
