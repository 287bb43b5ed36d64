"""The kinds of Kubernetes objects that this project reads or makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Resource:
    """One kind, and where its objects are in the API."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """`v1`, or `group/version`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(
        self, namespace: str | None = None, name: str | None = None, subresource: str | None = None
    ) -> str:
        """The path in the API.

        >>> PODS.path("alice", "p-0", "log")
        '/api/v1/namespaces/alice/pods/p-0/log'
        """
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"
        scope = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return "/".join(part for part in (root + scope, self.plural, name, subresource) if part)


PODS = Resource("", "v1", "pods", "Pod")
SECRETS = Resource("", "v1", "secrets", "Secret")
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
SERVICES = Resource("", "v1", "services", "Service")
CLAIMS = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
EVENTS = Resource("", "v1", "events", "Event")
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
JOBS = Resource("batch", "v1", "jobs", "Job")
ROLES = Resource("rbac.authorization.k8s.io", "v1", "roles", "Role")
ROLE_BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding")

INFERENCE_SERVICES = Resource("serving.kserve.io", "v1beta1", "inferenceservices", "InferenceService")
SERVING_RUNTIMES = Resource("serving.kserve.io", "v1alpha1", "servingruntimes", "ServingRuntime")
CLUSTER_SERVING_RUNTIMES = Resource(
    "serving.kserve.io", "v1alpha1", "clusterservingruntimes", "ClusterServingRuntime", namespaced=False
)
#: what llm-d serves; the newer version first
LLM_INFERENCE_SERVICES = tuple(
    Resource("serving.kserve.io", version, "llminferenceservices", "LLMInferenceService")
    for version in ("v1alpha2", "v1alpha1")
)

PROJECTS = Resource("project.openshift.io", "v1", "projects", "Project", namespaced=False)
USERS = Resource("user.openshift.io", "v1", "users", "User", namespaced=False)
ROUTES = Resource("route.openshift.io", "v1", "routes", "Route")
TEMPLATES = Resource("template.openshift.io", "v1", "templates", "Template")
BUILD_CONFIGS = Resource("build.openshift.io", "v1", "buildconfigs", "BuildConfig")
BUILDS = Resource("build.openshift.io", "v1", "builds", "Build")
IMAGE_STREAMS = Resource("image.openshift.io", "v1", "imagestreams", "ImageStream")

HARDWARE_PROFILES = Resource("infrastructure.opendatahub.io", "v1", "hardwareprofiles", "HardwareProfile")
DASHBOARD_CONFIGS = Resource("opendatahub.io", "v1alpha", "odhdashboardconfigs", "OdhDashboardConfig")

SELF_SUBJECT_REVIEWS = Resource(
    "authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", namespaced=False
)
SELF_SUBJECT_ACCESS_REVIEWS = Resource(
    "authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False
)

_BY_KIND = {(one.api_version, one.kind): one for one in list(globals().values()) if isinstance(one, Resource)}


def resource_of(manifest: dict[str, Any]) -> Resource:
    """The kind of an object. Raises KeyError for one that is not listed here."""
    return _BY_KIND[(manifest["apiVersion"], manifest["kind"])]
