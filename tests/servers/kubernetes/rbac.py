"""May this user do that: Roles, ClusterRoles and their bindings, as the RBAC authorizer reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .status import ApiError, forbidden
from .store import Store
from .users import User

_GROUP = "rbac.authorization.k8s.io"


@dataclass(frozen=True)
class Attributes:
    """What is asked for: a verb on a resource, or on a path outside the resources."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def full_resource(self) -> str:
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


class Authorizer:
    def __init__(self, store: Store) -> None:
        self._store = store

    def rules(self, user: User, namespace: str) -> list[dict[str, Any]]:
        """All rules that hold for a user in a namespace ("" for the cluster)."""
        found: list[dict[str, Any]] = []
        for binding in self._store.list(_GROUP, "clusterrolebindings"):
            if _binds(binding, user):
                found += self._role(binding, "")
        if namespace:
            for binding in self._store.list(_GROUP, "rolebindings", namespace):
                if _binds(binding, user):
                    found += self._role(binding, namespace)
        return found

    def _role(self, binding: dict[str, Any], namespace: str) -> list[dict[str, Any]]:
        ref = binding["roleRef"]
        plural, where = ("clusterroles", "") if ref["kind"] == "ClusterRole" else ("roles", namespace)
        role = self._store.get((_GROUP, plural, where, ref["name"]))
        return role.get("rules") or [] if role else []

    def allowed(self, user: User, what: Attributes) -> bool:
        if "system:masters" in user.groups:
            return True
        return any(_covers(rule, what) for rule in self.rules(user, what.namespace))

    def check(self, user: User, what: Attributes) -> None:
        if not self.allowed(user, what):
            raise refusal(user, what)

    def check_grant(self, user: User, role: dict[str, Any], rules: list[dict[str, Any]], plural: str) -> None:
        """Nobody hands out more than they hold."""
        namespace = role["metadata"].get("namespace", "")
        missing = [rule for rule in rules if not self._holds(user, namespace, rule)]
        if not missing or "system:masters" in user.groups:
            return
        lines = [
            "{" + ", ".join(
                f"{title}:[{', '.join(chr(34) + item + chr(34) for item in rule[key])}]"
                for title, key in (("APIGroups", "apiGroups"), ("Resources", "resources"),
                                   ("ResourceNames", "resourceNames"), ("Verbs", "verbs"))
                if rule.get(key)
            ) + "}"
            for rule in missing
        ]  # fmt: skip
        groups = " ".join(f'"{group}"' for group in user.groups)
        why = (
            f'user "{user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions not currently held:\n'
            + "\n".join(lines)
        )
        raise forbidden(plural, _GROUP, role["metadata"].get("name", ""), why)

    def _holds(self, user: User, namespace: str, rule: dict[str, Any]) -> bool:
        asked = [
            Attributes(verb, group, *resource.partition("/")[::2], namespace=namespace, name=name)
            for verb in rule.get("verbs") or []
            for group in rule.get("apiGroups") or []
            for resource in rule.get("resources") or []
            for name in rule.get("resourceNames") or [""]
        ]
        return all(self.allowed(user, what) for what in asked)


def _binds(binding: dict[str, Any], user: User) -> bool:
    for subject in binding.get("subjects") or []:
        kind, name = subject["kind"], subject["name"]
        if kind == "ServiceAccount":
            where = subject.get("namespace") or binding["metadata"].get("namespace")
            if user.name == f"system:serviceaccount:{where}:{name}":
                return True
        elif (kind == "User" and name == user.name) or (kind == "Group" and name in user.groups):
            return True
    return False


def _covers(rule: dict[str, Any], what: Attributes) -> bool:
    verbs = rule.get("verbs") or []
    if what.verb not in verbs and "*" not in verbs:
        return False
    if what.path:
        return any(
            url in ("*", what.path) or (url.endswith("*") and what.path.startswith(url[:-1]))
            for url in rule.get("nonResourceURLs") or []
        )
    groups, resources = rule.get("apiGroups") or [], rule.get("resources") or []
    if what.group not in groups and "*" not in groups:
        return False
    if not {"*", what.full_resource, f"*/{what.subresource}" if what.subresource else "*"} & set(resources):
        return False
    names = rule.get("resourceNames") or []
    return not names or what.name in names


def refusal(user: User, what: Attributes) -> ApiError:
    """The 403 of the authorizer, with the real text."""
    if what.path:
        return ApiError(
            403, "Forbidden", f'forbidden: User "{user.name}" cannot {what.verb} path "{what.path}"', {}
        )
    where = f'in the namespace "{what.namespace}"' if what.namespace else "at the cluster scope"
    why = (
        f'User "{user.name}" cannot {what.verb} resource "{what.full_resource}" '
        f'in API group "{what.group}" {where}'
    )
    return forbidden(what.resource, what.group, what.name, why)
