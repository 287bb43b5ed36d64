"""What a request is about: resource, namespace, name, subresource and verb, read from method and path."""

from __future__ import annotations

from dataclasses import dataclass

from .rbac import Attributes
from .resources import Catalogue, Resource
from .selectors import _EQUALS, _parts
from .server import Request
from .status import NoSuchPath

_VERBS = {
    "POST": "create",
    "PUT": "update",
    "PATCH": "patch",
    "GET": "get",
    "HEAD": "get",
    "DELETE": "delete",
}


@dataclass(frozen=True)
class Target:
    group: str
    version: str
    plural: str
    namespace: str
    name: str
    subresource: str
    verb: str

    @property
    def attributes(self) -> Attributes:
        return Attributes(
            self.verb, self.group, self.plural, self.subresource.split("/")[0], self.namespace, self.name
        )

    def resource(self, catalogue: Catalogue) -> Resource:
        found = catalogue.find(self.group, self.version, self.plural)
        if found is None:
            raise NoSuchPath
        if self.subresource and self.subresource.split("/")[0] not in found.subresources:
            raise NoSuchPath
        if not found.namespaced and self.namespace and self.plural != "namespaces":
            raise NoSuchPath
        return found


def target_of(request: Request) -> Target | None:
    """None for paths that are no resource: discovery, version, health."""
    parts = [part for part in request.path.split("/") if part]
    if parts[:1] == ["api"] and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[:1] == ["apis"] and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    if rest[0] == "namespaces" and group == "" and len(rest) > 1:
        namespace = rest[1]
    if rest[0] == "namespaces" and len(rest) > 2 and not (group == "" and rest[2] in ("status", "finalize")):
        namespace, rest = rest[1], rest[2:]
    plural, name, sub = rest[0], rest[1] if len(rest) > 1 else "", "/".join(rest[2:])
    verb = _VERBS.get(request.method, request.method.lower())
    if verb == "get" and not name:
        verb = "watch" if request.flag("watch") else "list"
        # a list of one name is authorised as that name
        for part in _parts(request.query.get("fieldSelector", "")):
            found = _EQUALS.match(part)
            if found and found["key"] == "metadata.name" and found["op"] != "!=":
                name = found["value"]
    elif verb == "delete" and not name:
        verb = "deletecollection"
    return Target(group, version, plural, namespace, name, sub, verb)
