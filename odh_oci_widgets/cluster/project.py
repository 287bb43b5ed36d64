"""The project: the namespace a user works in, as who they are, with the verbs that the other rooms need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .api import APPLY, JSON, MERGE, Api
from .connection import (
    Connection,
    kubeconfig_connection,
    service_account_connection,
    workbench_namespace,
)
from .errors import ClusterError, Conflict, KindNotFound, NoCluster, NotAllowed, ObjectNotFound
from .resources import PODS, SELF_SUBJECT_REVIEWS, SERVICE_ACCOUNTS, USERS, Resource, resource_of
from .watch import Change, Watch

#: Field manager of every apply, so that the cluster knows which fields are ours.
FIELD_MANAGER = "odh-oci-widgets"

_PAGE = 500

Manifest = dict[str, Any]
Manifests = list[Manifest]


class Project:
    """A namespace of a cluster, as one identity. Cheap to make; safe to use from several threads.

    >>> from odh_oci_widgets import connect
    >>> project = connect()
    >>> project.namespace, project.user
    ('alice', 'alice')
    """

    def __init__(self, api: Api, namespace: str) -> None:
        self.api = api
        self.namespace = namespace
        self._user: tuple[str, tuple[str, ...]] | None = None

    def __repr__(self) -> str:
        return f"Project({self.namespace!r} of {self.host})"

    @property
    def host(self) -> str:
        """The address of the cluster's API."""
        return self.api.connection.host

    @property
    def connection(self) -> Connection:
        """Where the login was found."""
        return self.api.connection

    @property
    def user(self) -> str:
        """Who the cluster says we are; `unknown` where it does not say."""
        return self._identity()[0]

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups the cluster counts us to."""
        return self._identity()[1]

    def _identity(self) -> tuple[str, tuple[str, ...]]:
        if self._user is None:
            self._user = _whoami(self.api)
        return self._user

    def switched(self, namespace: str) -> Project:
        """The same login in another project."""
        return Project(self.api, namespace)

    # -- reading

    def get(self, resource: Resource, name: str, *, namespace: str | None = None) -> Manifest:
        """One object. Raises ObjectNotFound."""
        path = resource.path(namespace or self.namespace, name)
        return dict(self.api.request("GET", path, what=f"read {_named(resource, name)}"))

    def find(self, resource: Resource, name: str, *, namespace: str | None = None) -> Manifest | None:
        """One object, or None when it (or its kind) does not exist."""
        try:
            return self.get(resource, name, namespace=namespace)
        except (ObjectNotFound, KindNotFound):
            return None

    def list(
        self, resource: Resource, *, labels: str = "", fields: str = "", namespace: str | None = None
    ) -> Manifests:
        """All objects that match the selectors, page by page."""
        return self._list(resource, _selectors(labels, fields), namespace)[0]

    def watch(
        self,
        resource: Resource,
        *,
        labels: str = "",
        fields: str = "",
        namespace: str | None = None,
        timeout: float = 300.0,
    ) -> Iterator[Change]:
        """Every change from now on, for `timeout` seconds; first the objects that there are, as ADDED.

        A broken connection is taken up where it broke; after a break too long to resume, the objects are read again
        and the differences reported.
        """
        selectors = _selectors(labels, fields)
        return Watch(
            api=self.api,
            path=resource.path(namespace or self.namespace),
            plural=resource.plural,
            selectors=selectors,
            read=lambda: self._list(resource, selectors, namespace),
        ).changes(timeout)

    def logs(
        self,
        pod: str,
        container: str,
        *,
        tail: int | None = None,
        follow: bool = False,
        previous: bool = False,
        quiet: float = 3600.0,
        whole: bool = False,
    ) -> Iterator[str]:
        """Lines of a container's log. Raises Refused when the container has not started.

        With `follow` it ends when the container does, or after `quiet` seconds without a line. `whole`: a last line
        that was cut is not given.
        """
        query: dict[str, Any] = {"container": container}
        if tail is not None:
            query["tailLines"] = tail
        if follow:
            query["follow"] = "true"
        if previous:
            query["previous"] = "true"
        path = PODS.path(self.namespace, pod, "log")
        what = f"read the log of `{container}`"
        with self.api.stream(
            path, what=what, query=query, read_timeout=quiet if follow else 30, whole=whole
        ) as lines:
            for line in lines:
                yield line.decode(errors="replace").rstrip("\r")

    def token(self, service_account: str, *, seconds: int) -> str:
        """A new token of a service account of the project. Raises NotAllowed, ObjectNotFound."""
        path = SERVICE_ACCOUNTS.path(self.namespace, service_account, "token")
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        what = f"make a token of the service account `{service_account}`"
        return str(self.api.request("POST", path, what=what, body=request)["status"]["token"])

    # -- writing

    def create(self, manifest: Manifest, *, dry_run: bool = False, namespace: str | None = None) -> Manifest:
        """The object as the cluster made it. Raises Conflict when it exists."""
        resource = resource_of(manifest)
        what = f"create {_named(resource, manifest['metadata'].get('name', ''))}"
        path = resource.path(namespace or self.namespace)
        query = _dry(dry_run) | {"fieldManager": FIELD_MANAGER}
        return dict(self.api.request("POST", path, what=what, body=manifest, query=query))

    def apply(self, manifest: Manifest, *, dry_run: bool = False, force: bool = False) -> Manifest:
        """Server-side apply. Raises Conflict when another owner set a field otherwise, unless `force`."""
        resource = resource_of(manifest)
        name = manifest["metadata"]["name"]
        path = resource.path(self.namespace, name)
        what = f"{'check' if dry_run else 'apply'} {_named(resource, name)}"
        query = _dry(dry_run) | {"fieldManager": FIELD_MANAGER, "force": "true" if force else "false"}
        try:
            return dict(
                self.api.request("PATCH", path, what=what, body=manifest, query=query, content_type=APPLY)
            )
        except Conflict as conflict:
            if conflict.owners != {FIELD_MANAGER}:
                raise
        # our own `patch` of before counts as another owner
        return self.apply(manifest, dry_run=dry_run, force=True)

    def patch(self, resource: Resource, name: str, change: Mapping[str, Any]) -> Manifest:
        """Merge `change` into an object; null removes."""
        path = resource.path(self.namespace, name)
        query = {"fieldManager": FIELD_MANAGER}
        what = f"change {_named(resource, name)}"
        return dict(self.api.request("PATCH", path, what=what, body=change, query=query, content_type=MERGE))

    def replace(self, manifest: Manifest) -> Manifest:
        """Put the whole object. Raises Conflict when it changed meanwhile."""
        resource = resource_of(manifest)
        name = manifest["metadata"]["name"]
        path = resource.path(self.namespace, name)
        return dict(
            self.api.request(
                "PUT", path, what=f"change {_named(resource, name)}", body=manifest, content_type=JSON
            )
        )

    def delete(self, resource: Resource, name: str, *, dry_run: bool = False) -> bool:
        """Whether there was one to delete; what it owns goes with it."""
        path = resource.path(self.namespace, name)
        query = _dry(dry_run) | {"propagationPolicy": "Background"}
        try:
            self.api.request("DELETE", path, what=f"delete {_named(resource, name)}", query=query)
        except (ObjectNotFound, KindNotFound):
            return False
        return True

    def _list(
        self, resource: Resource, selectors: dict[str, str], namespace: str | None = None
    ) -> tuple[Manifests, str]:
        """All objects, and the version of the list, from which a watch goes on."""
        path = resource.path(namespace or self.namespace)
        found: Manifests = []
        query: dict[str, Any] = selectors | {"limit": _PAGE}
        while True:
            try:
                page = self.api.request("GET", path, what=f"list {resource.plural}", query=query)
            except ClusterError as error:
                if error.status != 410 or "continue" not in query:
                    raise
                found, query = (
                    [],
                    dict(selectors),
                )  # the list grew too old between two pages: once more, in one page
                continue
            for item in page.get("items") or ():
                # items of a list do not say what they are
                found.append({"apiVersion": resource.api_version, "kind": resource.kind} | item)
            metadata = page.get("metadata") or {}
            if not metadata.get("continue"):
                return found, str(metadata.get("resourceVersion") or "")
            query = query | {"continue": metadata["continue"]}


_session: Project | None = None


def connect(
    *, kubeconfig: str | None = None, context: str | None = None, namespace: str | None = None
) -> Project:
    """The project we work in: of the arguments, else of `use()`, a kubeconfig (`oc login`), or the pod's own account.

    `namespace`: default is the context's, then the workbench's, then `default`. Nothing is asked of the cluster yet.
    Raises NoCluster, KubeconfigInvalid.

    >>> from odh_oci_widgets import connect
    >>> connect().namespace
    'alice'
    """
    if _session is not None and kubeconfig is None and context is None:
        return _session.switched(namespace) if namespace else _session
    connection = kubeconfig_connection(kubeconfig, context) or service_account_connection()
    if connection is None:
        raise NoCluster(
            "No cluster is known here: there is no kubeconfig, and this is not a pod of a cluster.",
            hint="Log in with `oc login --token=… --server=…` (the console has the line under “Copy login command”), "
            'or deploy to the sandbox (`--target sandbox`, `target="sandbox"`).',
        )
    return Project(Api(connection), namespace or connection.namespace or workbench_namespace() or "default")


def use(project: Project | None) -> None:
    """Make `connect()` without arguments give this project, until this process ends; None: look again.

    >>> from odh_oci_widgets import connect
    >>> from odh_oci_widgets.cluster import use
    >>> use(connect())
    >>> connect().namespace
    'alice'
    >>> use(None)
    """
    global _session  # noqa: PLW0603 - one login of one process, in memory only
    _session = project


def _whoami(api: Api) -> tuple[str, tuple[str, ...]]:
    review = {"apiVersion": SELF_SUBJECT_REVIEWS.api_version, "kind": SELF_SUBJECT_REVIEWS.kind}
    try:
        info = api.request("POST", SELF_SUBJECT_REVIEWS.path(), what="ask who we are", body=review)["status"][
            "userInfo"
        ]
        return str(info.get("username", "unknown")), tuple(info.get("groups") or ())
    except (KindNotFound, NotAllowed):
        pass
    try:  # before Kubernetes 1.28 only OpenShift says it
        me = api.request("GET", USERS.path(name="~"), what="ask who we are")
    except (KindNotFound, ObjectNotFound, NotAllowed):
        return "unknown", ()
    return str(me["metadata"]["name"]), tuple(me.get("groups") or ())


def _named(resource: Resource, name: str) -> str:
    return f"{resource.kind} `{name}`" if name else f"a {resource.kind}"


def _selectors(labels: str, fields: str) -> dict[str, str]:
    return ({"labelSelector": labels} if labels else {}) | ({"fieldSelector": fields} if fields else {})


def _dry(dry_run: bool) -> dict[str, Any]:
    return {"dryRun": "All"} if dry_run else {}
