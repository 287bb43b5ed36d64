"""What OpenShift shows over Kubernetes objects: projects over namespaces, `users/~`, processed templates."""

from __future__ import annotations

from typing import Any

from .rbac import Attributes, Authorizer
from .status import forbidden, not_found
from .store import Store
from .users import User

Object = dict[str, Any]


def project_of(namespace: Object) -> Object:
    return {
        "kind": "Project",
        "apiVersion": "project.openshift.io/v1",
        "metadata": {k: v for k, v in namespace["metadata"].items() if k != "managedFields"},
        "spec": {"finalizers": ["kubernetes"]},
        "status": namespace.get("status") or {"phase": "Active"},
    }


class Projects:
    """A user sees the projects whose namespace they may get."""

    def __init__(self, store: Store, authorizer: Authorizer) -> None:
        self._store = store
        self._authorizer = authorizer

    def list(self, user: User) -> Object:
        items = [
            project_of(namespace)
            for namespace in self._store.list("", "namespaces")
            if self._authorizer.allowed(
                user,
                Attributes(
                    "get", "", "namespaces", "", namespace["metadata"]["name"], namespace["metadata"]["name"]
                ),
            )
        ]
        meta = {"resourceVersion": str(self._store.revision)}
        return {
            "kind": "ProjectList",
            "apiVersion": "project.openshift.io/v1",
            "metadata": meta,
            "items": items,
        }

    def get(self, name: str) -> Object:
        namespace = self._store.get(("", "namespaces", "", name))
        if namespace is None:
            raise not_found("projects", "project.openshift.io", name)
        return project_of(namespace)

    def request(self, obj: Object, user: User) -> tuple[Object, Object]:
        """The namespace and the admin binding that a ProjectRequest makes."""
        name = obj["metadata"]["name"]
        annotations = {
            "openshift.io/description": obj.get("description", ""),
            "openshift.io/display-name": obj.get("displayName", ""),
            "openshift.io/requester": user.name,
        }
        namespace = {
            "kind": "Namespace",
            "apiVersion": "v1",
            "metadata": {
                "name": name,
                "annotations": annotations,
                "labels": {"kubernetes.io/metadata.name": name},
            },
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        }
        binding = role_binding("admin", name, "admin", user)
        return namespace, binding


def role_binding(name: str, namespace: str, role: str, user: User, *, kind: str = "ClusterRole") -> Object:
    """A binding of a role to a person or a service account."""
    subject: Object = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": user.name}
    if user.name.startswith("system:serviceaccount:"):
        _, _, where, account = user.name.split(":")
        subject = {"kind": "ServiceAccount", "namespace": where, "name": account}
    return {
        "kind": "RoleBinding",
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
        "subjects": [subject],
    }


def user_object(user: User, name: str) -> Object:
    """`users/~` is oneself; OpenShift knows service accounts too."""
    if name != "~":
        raise forbidden("users", "user.openshift.io", name, f'User "{user.name}" cannot get resource "users" in API group '
                        '"user.openshift.io" at the cluster scope')  # fmt: skip
    groups = [group for group in user.groups if group.startswith("system:")]
    return {
        "kind": "User",
        "apiVersion": "user.openshift.io/v1",
        "metadata": {"name": user.name, "creationTimestamp": None},
        "identities": None,
        "groups": groups,
    }
