"""Requests to answers: authentication, scripted trouble, authorization, then the resource."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from . import openapi
from .deleting import delete
from .documents import as_version, check_kind, decode, load, warning_header
from .faults import Cut, Faults
from .logs import Logs, running
from .objects import Objects, _dry_run
from .openshift import Projects, project_of, user_object
from .rbac import Attributes, Authorizer
from .resources import Catalogue, Resource
from .reviews import Reviews
from .server import Request, Response
from .status import ApiError, NoSuchPath, already_exists, invalid, method_not_allowed
from .store import Store
from .targets import Target, target_of
from .users import Tokens, User
from .watching import Lists, _wanted, cut, watch

Object = dict[str, Any]


_ORPHANS = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set "
    "propagationPolicy=Orphan to suppress this warning"
)


@dataclass(frozen=True)
class Recorded:
    """One request as a test may look at it; never its body or its token."""

    method: str
    path: str
    query: dict[str, str]
    user: str
    status: int
    at: float
    content_type: str = ""


class Api:
    """Everything behind the HTTP side."""

    def __init__(
        self,
        *,
        store: Store,
        catalogue: Catalogue,
        objects: Objects,
        authorizer: Authorizer,
        tokens: Tokens,
        version: str,
        settle_crd: Callable[[Object, str], None],
    ) -> None:
        self.store = store
        self.catalogue = catalogue
        self.objects = objects
        self.authorizer = authorizer
        self.tokens = tokens
        self.faults = Faults()
        self.logs = Logs()
        self.requests: list[Recorded] = []
        self.stopping = threading.Event()
        self._lists = Lists(store)
        self._reviews = Reviews(store, authorizer, tokens)
        self._projects = Projects(store, authorizer)
        self._version = version
        self._settle_crd = settle_crd
        #: subresources that a player of builds answers: (plural, subresource) -> function
        self.extensions: dict[tuple[str, str], Callable[[Target, Request, User], Response]] = {}

    def answer(self, request: Request) -> Response:
        user_name = ""
        status = 0
        try:
            try:
                user = self.tokens.authenticate(request.headers.get("authorization"))
                user_name = user.name
                cut_after = self.faults.meet(request.method, request.path)
                response = self._answer(request, user, cut_after)
            except NoSuchPath:
                response = Response(404, b"404 page not found\n", {}, "text/plain; charset=utf-8")
            except ApiError as error:
                response = Response(error.code, error.body(), error.headers)
            status = response.status
            return response
        finally:
            self.requests.append(
                Recorded(request.method, request.path, dict(request.query), user_name, status, time.monotonic(),
                         request.headers.get("content-type", ""))
            )  # fmt: skip

    def _answer(self, request: Request, user: User, cut_after: int | None) -> Response:
        target = target_of(request)
        if target is None:
            return self._document(request, user)
        attributes = target.attributes
        if target.group == "user.openshift.io" and target.name == "~":
            attributes = Attributes("get", target.group, "users", name="~")
        if target.group == "project.openshift.io" and target.plural == "projects" and target.name:
            attributes = Attributes(target.verb, target.group, "projects", "", target.name, target.name)
        self.authorizer.check(user, attributes)
        resource = target.resource(self.catalogue)
        if (target.plural, target.subresource) in self.extensions:
            return self.extensions[target.plural, target.subresource](target, request, user)
        if not target.subresource and target.verb not in resource.verbs:
            raise method_not_allowed()
        if resource.group in ("project.openshift.io", "user.openshift.io"):
            return self._openshift(target, request, user)
        if target.subresource:
            return self._subresource(target, resource, request, user, cut_after)
        if target.verb == "create":
            return self._create(target, resource, request, user)
        if target.verb in ("list", "watch"):
            return self._list(target, resource, request, cut_after)
        if target.verb == "get":
            return Response(200, self.objects.get(resource, target.namespace, target.name))
        return self._write(target, resource, request, user)

    # -- documents -----------------------------------------------------------------------------------------------------

    def _document(self, request: Request, user: User) -> Response:
        path = request.path.rstrip("/") or "/"
        open_to_all = path in ("/version", "/healthz", "/livez", "/readyz")
        if not open_to_all:
            self.authorizer.check(user, Attributes("get", path=path))
        parts = path.strip("/").split("/")
        groups = self.catalogue.groups()
        if path == "/version":
            major, minor = self._version.removeprefix("v").split(".")[:2]
            return Response(200, {"major": major, "minor": minor, "gitVersion": self._version, "gitCommit": "",
                                  "gitTreeState": "clean", "buildDate": "2026-06-01T00:00:00Z", "goVersion": "go1.25",
                                  "compiler": "gc", "platform": "linux/amd64"})  # fmt: skip
        if path in ("/healthz", "/livez", "/readyz"):
            return Response(200, b"ok", {}, "text/plain; charset=utf-8")
        if path == "/api":
            return Response(
                200, {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
            )
        if path == "/apis":
            return Response(200, self.catalogue.group_list())
        if path == "/api/v1":
            return Response(200, self.catalogue.resource_list("", "v1"))
        if parts[0] == "apis" and len(parts) == 2 and parts[1] in groups:
            return Response(200, {"kind": "APIGroup", "apiVersion": "v1", **self.catalogue.group(parts[1])})
        if parts[0] == "apis" and len(parts) == 3 and parts[2] in groups.get(parts[1], []):
            return Response(200, self.catalogue.resource_list(parts[1], parts[2]))
        if path == "/openapi/v2":
            info = {"title": "Kubernetes", "version": self._version}
            return Response(200, {"swagger": "2.0", "info": info, "paths": {}, "definitions": {}})
        if path == "/openapi/v3":
            return Response(200, openapi.index(self.catalogue))
        if path.startswith("/openapi/v3/"):
            found = openapi.document(self.catalogue, path.removeprefix("/openapi/v3/"))
            if found:
                return Response(200, found)
        raise NoSuchPath

    # -- resources -----------------------------------------------------------------------------------------------------

    def _create(self, target: Target, resource: Resource, request: Request, user: User) -> Response:
        obj = decode(request)
        if not resource.stored:
            return self._ask(target, resource, obj, user)
        warnings: list[str] = []
        created = self.objects.create(resource, target.namespace, obj, user, request, warnings)
        self._note_crd(resource, created, "ADDED", request)
        return Response(201, created, warning_header(warnings))

    def _ask(self, target: Target, resource: Resource, obj: Object, user: User) -> Response:
        check_kind(resource, obj)
        if resource.plural == "processedtemplates":
            return Response(201, {**obj, "kind": "Template", "apiVersion": resource.api_version})
        return Response(201, self._reviews.answer(resource.plural, target.namespace, obj, user))

    def _list(self, target: Target, resource: Resource, request: Request, cut_after: int | None) -> Response:
        if target.verb == "watch":
            body = watch(self.store, resource, target.namespace, request,
                         stopped=self.stopping.is_set, cut_after=cut_after)  # fmt: skip
            return Response(200, body)
        return Response(200, self._lists.list(resource, target.namespace, request))

    def _write(self, target: Target, resource: Resource, request: Request, user: User) -> Response:
        warnings: list[str] = []
        where = resource, target.namespace, target.name, ""
        if target.verb == "update":
            changed, created = self.objects.update(*where, user, request, warnings), False
        elif target.verb == "patch":
            self._check_create(target, resource, request, user)
            changed, created = self.objects.patch(*where, user, request, warnings)
        elif target.verb == "deletecollection":
            return self._delete_many(target, resource, request)
        else:
            return self._delete(target, resource, request)
        self._note_crd(resource, changed, "MODIFIED", request)
        return Response(201 if created else 200, changed, warning_header(warnings))

    def _check_create(self, target: Target, resource: Resource, request: Request, user: User) -> None:
        """An apply that makes the object needs the right to create it, too."""
        apply = request.headers.get("content-type", "").startswith("application/apply-patch")
        if apply and self.store.get(self.objects.key(resource, target.namespace, target.name)) is None:
            self.authorizer.check(user, replace(target.attributes, verb="create"))

    def _note_crd(self, resource: Resource, obj: Object, change: str, request: Request) -> None:
        if resource.plural == "customresourcedefinitions" and not _dry_run(request):
            self._settle_crd(obj, change)

    def _options(self, request: Request) -> Object:
        options = load(request.body) if request.body.strip() else {}
        for name in ("propagationPolicy", "gracePeriodSeconds"):
            if request.query.get(name):
                options.setdefault(name, request.query[name])
        if request.query.get("orphanDependents") == "true":
            options.setdefault("propagationPolicy", "Orphan")
        return options

    def _delete(self, target: Target, resource: Resource, request: Request) -> Response:
        options = self._options(request)
        dry = _dry_run(request) or options.get("dryRun") == ["All"]
        headers = {}
        if resource.plural == "jobs" and not options.get("propagationPolicy"):
            headers = warning_header([_ORPHANS])
        old = self.store.get(self.objects.key(resource, target.namespace, target.name))
        answer = delete(self.objects, resource, target.namespace, target.name, options, dry=dry)
        if resource.plural == "customresourcedefinitions" and old and not dry:
            self._settle_crd(old, "DELETED")
        return Response(200, answer, headers)

    def _delete_many(self, target: Target, resource: Resource, request: Request) -> Response:
        wanted = _wanted(resource, request)
        options = self._options(request)
        found = [o for o in self.store.list(resource.group, resource.plural, target.namespace) if wanted(o)]
        for obj in found:
            with contextlib.suppress(ApiError):
                delete(self.objects, resource, target.namespace, obj["metadata"]["name"], options,
                                    dry=_dry_run(request))  # fmt: skip
        meta = {"resourceVersion": str(self.store.revision)}
        return Response(200, {"kind": f"{resource.kind}List", "apiVersion": resource.api_version, "metadata": meta,
                              "items": [as_version(resource, obj) for obj in found]})  # fmt: skip

    def _subresource(
        self, target: Target, resource: Resource, request: Request, user: User, cut_after: int | None
    ) -> Response:
        sub, name, namespace = target.subresource, target.name, target.namespace
        if sub == "token" and target.verb == "create":
            return Response(201, self._reviews.token_request(namespace, name, decode(request)))
        if resource.plural == "pods" and sub == "log" and target.verb == "get":
            return self._log(resource, namespace, name, request, cut_after)
        if sub == "scale":
            return Response(200, _scale(self.objects.get(resource, namespace, name)))
        if sub == "layers":
            raise NoSuchPath
        if sub != "status":
            raise method_not_allowed()
        warnings: list[str] = []
        if target.verb == "get":
            return Response(200, self.objects.get(resource, namespace, name))
        if target.verb == "update":
            changed = self.objects.update(resource, namespace, name, "status", user, request, warnings)
        else:
            changed, _ = self.objects.patch(resource, namespace, name, "status", user, request, warnings)
        return Response(200, changed, warning_header(warnings))

    def _log(
        self, resource: Resource, namespace: str, name: str, request: Request, cut_after: int | None
    ) -> Response:
        pod = self.objects.get(resource, namespace, name)
        key = self.objects.key(resource, namespace, name)

        def alive(container: str) -> bool:
            return not self.stopping.is_set() and running(self.store.get(key), container)

        pieces = self.logs.read(pod, request, alive)
        return Response(
            200, pieces if cut_after is None else cut(_lines(pieces), cut_after), {}, "text/plain"
        )

    def _openshift(self, target: Target, request: Request, user: User) -> Response:
        if target.plural == "users" and target.verb == "get":
            return Response(200, user_object(user, target.name))
        if target.plural == "projectrequests" and target.verb == "create":
            obj = decode(request)
            resource = self.catalogue.find(target.group, target.version, "projectrequests")
            assert resource is not None
            check_kind(resource, obj)
            from .names import check_metadata

            if errors := check_metadata(resource, obj):
                raise invalid("ProjectRequest", target.group, obj["metadata"].get("name", ""), errors)
            name = obj["metadata"]["name"]
            with self.store.lock:
                if self.store.get(("", "namespaces", "", name)):
                    raise already_exists("project", "project.openshift.io", name)
                namespace, binding = self._projects.request(obj, user)
                stored = self.store.put(("", "namespaces", "", name), namespace)
                self.store.put(("rbac.authorization.k8s.io", "rolebindings", name, "admin"), binding)
            return Response(201, project_of(stored))
        if target.plural == "projectrequests":
            return Response(200, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})
        if target.verb == "list":
            return Response(200, self._projects.list(user))
        if target.verb == "get":
            return Response(200, self._projects.get(target.name))
        if target.verb == "delete":
            namespaces = self.catalogue.of_kind("v1", "Namespace")
            assert namespaces is not None
            return self._delete(target, namespaces, request)
        raise method_not_allowed()


def _scale(obj: Object) -> Object:
    meta = {
        k: obj["metadata"].get(k)
        for k in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    }
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": meta,
        "spec": {"replicas": (obj.get("spec") or {}).get("replicas", 0)},
        "status": {"replicas": (obj.get("status") or {}).get("replicas", 0)},
    }


__all__ = ["Api", "Cut", "Recorded"]


def _lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield from piece.splitlines(keepends=True)
