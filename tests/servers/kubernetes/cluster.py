"""A cluster to test against: the API server, its users, and what stands in it from the start."""

from __future__ import annotations

import contextlib
import copy
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import access, furniture, kinds
from .admission import Admission
from .api import Api, Recorded
from .certificates import Authority
from .controllers import Controllers
from .custom import add_custom, follow_definition
from .faults import Fault
from .objects import Objects
from .openshift import role_binding
from .rbac import Authorizer
from .resources import BUILDS, KUBERNETES, OPENSHIFT, Catalogue, Resource
from .server import HttpServer
from .store import Store
from .users import Tokens, User

Object = dict[str, Any]


class KubernetesApi:
    """A Kubernetes API server on the loopback interface that behaves like a real one.

    Flags choose what cluster it is: `openshift` (projects, routes, templates, users), `builds` (the Build capability
    of OpenShift), `kserve` (its kinds and webhooks), `odh` (Open Data Hub's namespace `opendatahub` with templates,
    hardware profiles and settings), `templates_readable` (everybody may list them there, as the dashboard's own roles
    grant; without it `edit` may not). `schemas` is the shared folder with the real definitions.

    >>> api = KubernetesApi(tmp_path, schemas=shared / "schemas")
    >>> api.namespace("demo"); alice = api.user("alice", edit="demo")
    >>> kubernetes.config.load_kube_config(str(api.kubeconfig(alice, "demo")))
    """

    APPLICATIONS = "opendatahub"

    def __init__(
        self,
        folder: Path,
        *,
        schemas: Path | None = None,
        openshift: bool = True,
        builds: bool = True,
        kserve: bool = True,
        odh: bool = True,
        templates_readable: bool = True,
        tls: bool = True,
        version: str = "v1.36.2",
    ) -> None:
        self.folder = folder
        self.authority: Path | None = None
        certificate = None
        if tls:
            self.certificates = Authority(folder / "tls")
            self.authority = self.certificates.certificate
            certificate = self.certificates.issue()
        self.store = Store()
        self.catalogue = Catalogue(
            KUBERNETES + (OPENSHIFT if openshift else ()) + (BUILDS if openshift and builds else ())
        )
        add_custom(self.catalogue, schemas=schemas, kserve=kserve, odh=odh)
        self.tokens = Tokens()
        authorizer = Authorizer(self.store)
        admission = Admission(
            self.store, authorizer, kserve=kserve, applications=self.APPLICATIONS if odh else ""
        )
        self._objects = objects = Objects(self.store, self.catalogue, admission, schemas)
        self.api = Api(
            store=self.store,
            catalogue=self.catalogue,
            objects=objects,
            authorizer=authorizer,
            tokens=self.tokens,
            version=version,
            settle_crd=lambda definition, change: follow_definition(self.catalogue, definition, change),
        )
        authority = self.authority.read_text() if self.authority else ""
        self._controllers = Controllers(
            self.store, objects, self.catalogue, self.tokens, openshift=openshift, authority=authority
        )
        self._controllers.start()
        self._furnish(schemas, openshift=openshift, builds=builds, kserve=kserve, odh=odh,
                      templates_readable=templates_readable)  # fmt: skip
        self._server = HttpServer(self.api.answer, certificate=certificate)
        self.url = self._server.url
        self.port = self._server.port
        self._kubeconfigs = 0
        self._lock = threading.Lock()

    def _furnish(self, schemas: Path | None, *, openshift: bool, builds: bool, kserve: bool, odh: bool,
                 templates_readable: bool) -> None:  # fmt: skip
        found = furniture.rbac_objects(openshift=openshift, builds=openshift and builds, kserve=kserve)
        found += furniture.nodes()
        for name in ("default", "kube-system", *((self.APPLICATIONS,) if odh else ())):
            self.namespace(name)
        if odh:
            found += furniture.odh_objects(self.APPLICATIONS)
            if openshift and kserve:
                found += furniture.templates(schemas, self.APPLICATIONS)
            if templates_readable:
                found += furniture.all_users_role(self.APPLICATIONS)
        for obj in found:
            self.put(obj)

    def stop(self) -> None:
        self.api.stopping.set()
        self._controllers.stop()
        self.api.logs.wake()
        self._server.stop()

    # -- the test's own hand: no authorization, no admission ---------------------------------------------------------

    def resource(self, obj: Object) -> Resource:
        found = self.catalogue.of_kind(obj["apiVersion"], obj["kind"])
        if found is None:
            raise LookupError(f"this cluster has no {obj['apiVersion']} {obj['kind']}")
        return found

    def put(self, obj: Object) -> Object:
        """Store an object as it is (a template, a profile, a status): what a controller or an administrator did.

        Status and metadata go in as given; uid, creationTimestamp and resourceVersion are kept or made.
        """
        resource = self.resource(obj)
        obj = copy.deepcopy(obj)
        meta = obj["metadata"]
        if resource.namespaced and not meta.get("namespace"):
            raise LookupError(f"{obj['kind']} {meta['name']} needs a namespace")
        kinds.prepare(resource, obj, meta.get("namespace", ""))
        key = (
            resource.group,
            resource.plural,
            meta.get("namespace", "") if resource.namespaced else "",
            meta["name"],
        )
        with self.store.lock:
            old = self.store.get(key)
            for name in ("uid", "creationTimestamp", "managedFields"):
                if old and name in old["metadata"]:
                    meta.setdefault(name, old["metadata"][name])
            if resource.generation or resource.custom:
                meta.setdefault("generation", old["metadata"].get("generation", 1) if old else 1)
            return copy.deepcopy(self.store.put(key, obj))

    def find(self, plural: str, namespace: str = "", group: str | None = None) -> list[Object]:
        """All objects of a kind, as copies."""
        resource = self.catalogue.by_plural(plural, group)
        if resource is None:
            raise LookupError(f"this cluster has no {plural}")
        return copy.deepcopy(self.store.list(resource.group, plural, namespace))

    def get(self, plural: str, name: str, namespace: str = "", group: str | None = None) -> Object | None:
        """One object as a copy, or None."""
        return next((o for o in self.find(plural, namespace, group) if o["metadata"]["name"] == name), None)

    def admit(self, obj: Object, namespace: str) -> None:
        """Raise what admission (quotas, limit ranges) would refuse a new object with."""
        self._objects.admission.validate(self.resource(obj), obj, None, namespace, User("system:controller"))

    def remove(self, plural: str, name: str, namespace: str = "", group: str | None = None) -> None:
        """Take an object away at once, finalizers or not."""
        resource = self.catalogue.by_plural(plural, group)
        assert resource is not None
        self.store.remove((resource.group, plural, namespace if resource.namespaced else "", name))

    def settle(self) -> None:
        """Wait until garbage collection and the like have caught up."""
        self._controllers.settle()

    # -- projects and people -----------------------------------------------------------------------------------------

    def namespace(self, name: str, *, display_name: str = "") -> str:
        """A namespace with its accounts; there when this returns."""
        if self.store.get(("", "namespaces", "", name)) is None:
            notes = {"openshift.io/display-name": display_name} if display_name else {}
            self.put({
                "kind": "Namespace", "apiVersion": "v1",
                "metadata": {"name": name, "annotations": notes}, "status": {"phase": "Active"},
            })  # fmt: skip
            self.settle()
        return name

    def user(
        self,
        name: str,
        *,
        admin: str | tuple[str, ...] = (),
        edit: str | tuple[str, ...] = (),
        view: str | tuple[str, ...] = (),
        cluster_admin: bool = False,
        expires_in: float | None = None,
    ) -> User:
        """A person with roles in namespaces; without any, somebody who may do next to nothing."""
        groups = ("system:cluster-admins", "system:masters") if cluster_admin else ()
        user = self.tokens.issue(name, groups, seconds=expires_in)
        self._bind_all(user, admin=admin, edit=edit, view=view)
        return user

    def service_account(
        self,
        namespace: str,
        name: str,
        *,
        admin: str | tuple[str, ...] = (),
        edit: str | tuple[str, ...] = (),
        view: str | tuple[str, ...] = (),
        expires_in: float | None = None,
    ) -> User:
        """A service account, made if need be (a workbench's: nothing but `system:auth-delegator` without roles)."""
        self.namespace(namespace)
        if self.get("serviceaccounts", name, namespace) is None:
            self.put(
                {
                    "kind": "ServiceAccount",
                    "apiVersion": "v1",
                    "metadata": {"name": name, "namespace": namespace},
                }
            )
        user = self.tokens.issue_service_account(namespace, name, seconds=expires_in)
        self._bind_all(user, admin=admin, edit=edit, view=view)
        return user

    def _bind_all(self, user: User, **roles: str | tuple[str, ...]) -> None:
        for role, namespaces in roles.items():
            for namespace in (namespaces,) if isinstance(namespaces, str) else namespaces:
                self.bind(user, role, namespace)

    def bind(self, user: User, role: str, namespace: str) -> None:
        """Give a cluster role in a namespace, as `oc policy add-role-to-user` does."""
        self.namespace(namespace)
        name = f"{role}-{user.name.replace(':', '-')}"
        self.put(role_binding(name, namespace, role, user))

    def unbind(self, user: User, role: str, namespace: str) -> None:
        self.remove("rolebindings", f"{role}-{user.name.replace(':', '-')}", namespace)

    def grant(self, user: User, namespace: str, name: str, rules: list[Object]) -> None:
        """A Role of one's own making and its binding."""
        meta = {"name": name, "namespace": namespace}
        self.put(
            {"kind": "Role", "apiVersion": "rbac.authorization.k8s.io/v1", "metadata": meta, "rules": rules}
        )
        self.put(role_binding(name, namespace, name, user, kind="Role"))

    def expire(self, user: User) -> None:
        """The user's token is no longer good: 401."""
        self.tokens.expire(user.token)

    # -- how clients get in ------------------------------------------------------------------------------------------

    def kubeconfig(
        self, user: User, namespace: str = "", *, insecure: bool = False, server: str = ""
    ) -> Path:
        """Path of a new kubeconfig for a user, its context's namespace set."""
        with self._lock:
            self._kubeconfigs += 1
            path = self.folder / "kubeconfigs" / f"config-{self._kubeconfigs}"
        return access.write_kubeconfig(path, server=server or self.url, authority=self.authority, token=user.token,
                                       user=user.name, namespace=namespace, insecure=insecure)  # fmt: skip

    def in_cluster(self, account: User, folder: Path) -> tuple[dict[str, str], Path]:
        """Environment variables and the account folder (token, ca.crt, namespace) that a pod of this account sees."""
        namespace = account.name.split(":")[2]
        access.write_account(folder, token=account.token, namespace=namespace, authority=self.authority)
        return {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(self.port)}, folder

    # -- trouble -----------------------------------------------------------------------------------------------------

    def fail(
        self,
        status: int,
        *,
        method: str = ".*",
        path: str = ".*",
        times: int = 1,
        reason: str = "",
        message: str = "",
        retry_after: int | None = None,
    ) -> Fault:
        """The next `times` requests whose method and path match (regular expressions) are answered with `status`."""
        return self.api.faults.add(Fault(method, path, times, status, reason, message, retry_after))

    def slow(self, seconds: float, *, method: str = ".*", path: str = ".*", times: int = 1) -> Fault:
        return self.api.faults.add(Fault(method, path, times, seconds=seconds))

    def cut(
        self, *, method: str = ".*", path: str = ".*", times: int = 1, after_events: int | None = None
    ) -> Fault:
        """The connection ends: at once, or within a watch or a log after so many lines."""
        fault = Fault(method, path, times, cut=after_events is None, after_events=after_events)
        return self.api.faults.add(fault)

    def heal(self) -> None:
        """Forget all scripted trouble."""
        self.api.faults.clear()

    def compact(self) -> None:
        """Forget the history: watches and list pages from before get 410."""
        self.settle()
        self.store.compact()

    # -- looking back ------------------------------------------------------------------------------------------------

    @property
    def requests(self) -> list[Recorded]:
        """What was asked so far: method, path, query, user, status."""
        return list(self.api.requests)

    @contextlib.contextmanager
    def recorded(self) -> Iterator[list[Recorded]]:
        """The requests made inside the block (filled when it ends)."""
        start = len(self.api.requests)
        found: list[Recorded] = []
        try:
            yield found
        finally:
            found += self.api.requests[start:]

    def logs(self, namespace: str, pod: str, container: str, *lines: str, previous: bool = False) -> None:
        """Let a container print lines."""
        self.api.logs.write(namespace, pod, container, *lines, previous=previous)
