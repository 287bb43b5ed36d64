"""The kinds a server offers, and what discovery says about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

ALL = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
READ = ("get", "list", "watch")


@dataclass(frozen=True)
class Resource:
    """One kind in one version of one group. `generation`: a change of the spec is counted."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    verbs: tuple[str, ...] = ALL
    subresources: tuple[str, ...] = ()
    short: tuple[str, ...] = ()
    generation: bool = False
    #: from a CustomResourceDefinition: validated by `schema`, unknown fields dropped
    custom: bool = False
    schema: dict[str, Any] | None = field(default=None, hash=False, compare=False)

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def stored(self) -> bool:
        return "get" in self.verbs or "list" in self.verbs


def _core(plural: str, kind: str, **more: Any) -> Resource:
    return Resource("", "v1", plural, kind, **more)


_RBAC = "rbac.authorization.k8s.io"
_CREATE = ("create",)

KUBERNETES = (
    _core("namespaces", "Namespace", namespaced=False, subresources=("status", "finalize"), short=("ns",)),
    _core("nodes", "Node", namespaced=False, subresources=("status",), short=("no",)),
    _core("pods", "Pod", subresources=("status", "log", "eviction"), short=("po",), generation=True),
    _core("secrets", "Secret"),
    _core("configmaps", "ConfigMap", short=("cm",)),
    _core("services", "Service", subresources=("status",), short=("svc",)),
    _core("endpoints", "Endpoints", short=("ep",)),
    _core("serviceaccounts", "ServiceAccount", subresources=("token",), short=("sa",)),
    _core("events", "Event", short=("ev",)),
    _core("resourcequotas", "ResourceQuota", subresources=("status",), short=("quota",)),
    _core("limitranges", "LimitRange", short=("limits",)),
    _core("persistentvolumeclaims", "PersistentVolumeClaim", subresources=("status",), short=("pvc",)),
    Resource("apps", "v1", "deployments", "Deployment", subresources=("status", "scale"), short=("deploy",), generation=True),
    Resource("apps", "v1", "replicasets", "ReplicaSet", subresources=("status", "scale"), short=("rs",), generation=True),
    Resource("batch", "v1", "cronjobs", "CronJob", subresources=("status",), short=("cj",), generation=True),
    Resource("batch", "v1", "jobs", "Job", subresources=("status",), generation=True),
    Resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", subresources=("status",), short=("hpa",)),
    Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", short=("netpol",), generation=True),
    Resource("networking.k8s.io", "v1", "ingresses", "Ingress", subresources=("status",), short=("ing",), generation=True),
    Resource(_RBAC, "v1", "roles", "Role"),
    Resource(_RBAC, "v1", "rolebindings", "RoleBinding"),
    Resource(_RBAC, "v1", "clusterroles", "ClusterRole", namespaced=False),
    Resource(_RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False),
    Resource("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", namespaced=False, verbs=_CREATE),
    Resource("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", namespaced=False, verbs=_CREATE),
    Resource("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False, verbs=_CREATE),
    Resource("authorization.k8s.io", "v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview", namespaced=False, verbs=_CREATE),
    Resource("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", namespaced=False, verbs=_CREATE),
    Resource("authorization.k8s.io", "v1", "localsubjectaccessreviews", "LocalSubjectAccessReview", verbs=_CREATE),
    Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False, subresources=("status",), short=("crd", "crds")),
)  # fmt: skip

OPENSHIFT = (
    Resource("project.openshift.io", "v1", "projects", "Project", namespaced=False),
    Resource("project.openshift.io", "v1", "projectrequests", "ProjectRequest", namespaced=False, verbs=("create", "list")),
    Resource("route.openshift.io", "v1", "routes", "Route", subresources=("status",)),
    Resource("template.openshift.io", "v1", "templates", "Template"),
    Resource("template.openshift.io", "v1", "processedtemplates", "Template", verbs=_CREATE),
    Resource("user.openshift.io", "v1", "users", "User", namespaced=False),
    Resource("image.openshift.io", "v1", "imagestreams", "ImageStream", subresources=("status", "layers"), short=("is",), generation=True),
    Resource("image.openshift.io", "v1", "imagestreamtags", "ImageStreamTag", short=("istag",)),
    Resource("config.openshift.io", "v1", "clusterversions", "ClusterVersion", namespaced=False, subresources=("status",)),
    Resource("config.openshift.io", "v1", "ingresses", "Ingress", namespaced=False, subresources=("status",)),
)  # fmt: skip

BUILDS = (
    Resource("build.openshift.io", "v1", "buildconfigs", "BuildConfig", subresources=("instantiate", "instantiatebinary"), short=("bc",), generation=True),
    Resource("build.openshift.io", "v1", "builds", "Build", subresources=("log", "clone", "details"), generation=True),
)  # fmt: skip


class Catalogue:
    """The kinds of one server; grows when a CustomResourceDefinition arrives."""

    def __init__(self, resources: tuple[Resource, ...]) -> None:
        self._resources = list(resources)

    def add(self, resource: Resource) -> None:
        self.remove(resource.group, resource.version, resource.plural)
        self._resources.append(resource)

    def remove(self, group: str, version: str, plural: str) -> None:
        self._resources = [
            r for r in self._resources if (r.group, r.version, r.plural) != (group, version, plural)
        ]

    def __iter__(self) -> Any:
        return iter(list(self._resources))

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        for resource in self._resources:
            if (resource.group, resource.version, resource.plural) == (group, version, plural):
                return resource
        return None

    def of_kind(self, api_version: str, kind: str) -> Resource | None:
        for resource in self._resources:
            if (resource.api_version, resource.kind) == (api_version, kind) and resource.stored:
                return resource
        return None

    def by_plural(self, plural: str, group: str | None = None) -> Resource | None:
        for resource in self._resources:
            if resource.plural == plural and group in (None, resource.group):
                return resource
        return None

    def groups(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for resource in self._resources:
            versions = found.setdefault(resource.group, [])
            if resource.version not in versions:
                versions.append(resource.version)
        # the preferred version comes first: v1 before v1beta1 before v1alpha2 before v1alpha1
        for versions in found.values():
            versions.sort(key=_maturity, reverse=True)
        return found

    def group(self, name: str) -> dict[str, Any]:
        versions = [
            {"groupVersion": f"{name}/{version}", "version": version} for version in self.groups()[name]
        ]
        return {"name": name, "versions": versions, "preferredVersion": versions[0]}

    def group_list(self) -> dict[str, Any]:
        groups = [self.group(name) for name in self.groups() if name]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}

    def resource_list(self, group: str, version: str) -> dict[str, Any]:
        items: list[dict[str, Any]] = []
        for resource in self._resources:
            if (resource.group, resource.version) != (group, version):
                continue
            singular = resource.kind.lower()
            base: dict[str, Any] = {"namespaced": resource.namespaced, "kind": resource.kind}
            items.append(
                {"name": resource.plural, "singularName": singular, **base, "verbs": list(resource.verbs)}
            )
            if resource.short:
                items[-1]["shortNames"] = list(resource.short)
            for sub in resource.subresources:
                verbs = {
                    "status": ["get", "patch", "update"],
                    "log": ["get"],
                    "scale": ["get", "patch", "update"],
                }
                kind = {"token": "TokenRequest", "scale": "Scale", "instantiate": "BuildRequest"}.get(
                    sub, resource.kind
                )
                items.append(
                    {
                        **base,
                        "name": f"{resource.plural}/{sub}",
                        "singularName": "",
                        "kind": kind,
                        "verbs": verbs.get(sub, ["create"]),
                    }
                )
        group_version = f"{group}/{version}" if group else version
        return {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": group_version,
            "resources": items,
        }


def _maturity(version: str) -> tuple[int, int, int]:
    for stage, rank in (("alpha", 0), ("beta", 1)):
        if stage in version:
            major, minor = version.removeprefix("v").split(stage)
            return rank, int(major), int(minor or 0)
    return 2, int(version.removeprefix("v")), 0
