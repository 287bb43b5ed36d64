"""The cluster roles a real OpenShift with Open Data Hub grants, as API objects."""

from __future__ import annotations

from typing import Any

Rule = dict[str, Any]
_READ = ["get", "list", "watch"]
_WRITE = ["create", "delete", "deletecollection", "patch", "update"]
_RBAC = "rbac.authorization.k8s.io"


def _rule(groups: str, resources: str, verbs: list[str]) -> Rule:
    """Groups and resources separated by blanks; `core` is the group without a name."""
    return {
        "apiGroups": ["" if g == "core" else g for g in groups.split()],
        "resources": resources.split(),
        "verbs": verbs,
    }


_VIEW = [
    _rule("core", "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers "
          "replicationcontrollers/scale serviceaccounts services services/status", _READ),
    _rule("core", "bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status "
          "resourcequotas resourcequotas/status", _READ),
    _rule("core", "namespaces", _READ),
    _rule("discovery.k8s.io", "endpointslices", _READ),
    _rule("apps", "controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status "
          "replicasets replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status", _READ),
    _rule("autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status", _READ),
    _rule("batch", "cronjobs cronjobs/status jobs jobs/status", _READ),
    _rule("networking.k8s.io", "ingresses ingresses/status networkpolicies", _READ),
    _rule("policy", "poddisruptionbudgets poddisruptionbudgets/status", _READ),
]  # fmt: skip

_EDIT = [
    _rule("core", "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy", _READ),
    _rule("core", "serviceaccounts", ["impersonate"]),
    _rule("core", "pods pods/attach pods/exec pods/portforward pods/proxy", _WRITE),
    _rule("core", "pods/eviction", ["create"]),
    _rule("core", "configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets "
          "serviceaccounts services services/proxy", _WRITE),
    _rule("core", "serviceaccounts/token", ["create"]),
    _rule("apps", "daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale "
          "statefulsets statefulsets/scale", _WRITE),
    _rule("autoscaling", "horizontalpodautoscalers", _WRITE),
    _rule("batch", "cronjobs jobs", _WRITE),
    _rule("networking.k8s.io", "ingresses networkpolicies", _WRITE),
    _rule("policy", "poddisruptionbudgets", _WRITE),
]  # fmt: skip

_ADMIN = [
    _rule("authorization.k8s.io", "localsubjectaccessreviews", ["create"]),
    _rule(_RBAC, "rolebindings roles", [*_WRITE, *_READ]),
]

_OPENSHIFT_VIEW = [
    _rule("build.openshift.io", "buildconfigs buildconfigs/webhooks builds builds/log", _READ),
    _rule("image.openshift.io", "imagestreamimages imagestreammappings imagestreams imagestreamtags imagetags "
          "imagestreams/status", _READ),
    _rule("project.openshift.io", "projects", ["get"]),
    _rule("route.openshift.io", "routes routes/status", _READ),
    _rule("template.openshift.io", "processedtemplates templateconfigs templateinstances templates", _READ),
]  # fmt: skip

_OPENSHIFT_EDIT = [
    _rule("build.openshift.io", "buildconfigs buildconfigs/webhooks builds", _WRITE),
    _rule("build.openshift.io", "buildconfigs/instantiate buildconfigs/instantiatebinary builds/clone", ["create"]),
    _rule("build.openshift.io", "builds/details", ["update"]),
    _rule("image.openshift.io", "imagestreamimages imagestreammappings imagestreams imagestreams/secrets "
          "imagestreamtags imagetags", [*_WRITE, *_READ]),
    _rule("image.openshift.io", "imagestreams/layers", ["get", "update"]),
    _rule("image.openshift.io", "imagestreamimports", ["create"]),
    _rule("route.openshift.io", "routes", _WRITE),
    _rule("route.openshift.io", "routes/custom-host", ["create"]),
    _rule("template.openshift.io", "processedtemplates templateconfigs templateinstances templates", _WRITE),
]  # fmt: skip

_OPENSHIFT_ADMIN = [_rule("project.openshift.io", "projects", ["delete", "get", "patch", "update"])]

#: `serving.kserve.io` as Open Data Hub's kserve aggregates it to edit and view
_KSERVE_EDIT = [
    _rule("serving.kserve.io", "inferenceservices llminferenceserviceconfigs llminferenceservices servingruntimes",
          ["create", "delete", "get", "list", "patch", "update", "watch"]),
]  # fmt: skip
_KSERVE_VIEW = [
    _rule("serving.kserve.io", " ".join(
        f"{plural}{sub}"
        for plural in ("inferenceservices", "servingruntimes", "llminferenceservices", "llminferenceserviceconfigs")
        for sub in ("", "/status", "/finalizers")
    ), _READ),
]  # fmt: skip

_DISCOVERY = [
    {
        "nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*",
                            "/readyz", "/version", "/version/"],
        "verbs": ["get"],
    },
]  # fmt: skip
_BASIC = [
    _rule("authorization.k8s.io", "selfsubjectaccessreviews selfsubjectrulesreviews", ["create"]),
    _rule("authentication.k8s.io", "selfsubjectreviews", ["create"]),
]
_OPENSHIFT_BASIC = [
    {"apiGroups": ["user.openshift.io"], "resources": ["users"], "resourceNames": ["~"], "verbs": ["get"]},
    _rule("project.openshift.io", "projectrequests", ["list"]),
    _rule("project.openshift.io", "projects", ["list", "watch"]),
    _rule(_RBAC, "clusterroles", _READ),
]


def cluster_roles(*, openshift: bool, builds: bool, kserve: bool) -> dict[str, list[Rule]]:
    """The cluster roles of such a cluster by name."""
    view = _VIEW + (_OPENSHIFT_VIEW if openshift else []) + (_KSERVE_VIEW if kserve else [])
    edit = view + _EDIT + (_OPENSHIFT_EDIT if openshift else []) + (_KSERVE_EDIT if kserve else [])
    roles: dict[str, list[Rule]] = {
        "cluster-admin": [
            {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
            {"nonResourceURLs": ["*"], "verbs": ["*"]},
        ],
        "admin": edit + _ADMIN + (_OPENSHIFT_ADMIN if openshift else []),
        "edit": edit,
        "view": view,
        "system:discovery": _DISCOVERY,
        "system:basic-user": _BASIC + (_OPENSHIFT_BASIC if openshift else []),
        "system:auth-delegator": [
            _rule("authentication.k8s.io", "tokenreviews", ["create"]),
            _rule("authorization.k8s.io", "subjectaccessreviews", ["create"]),
        ],
        "system:image-puller": [_rule("image.openshift.io", "imagestreams/layers", ["get"])],
        "system:image-builder": [_rule("image.openshift.io", "imagestreams/layers", ["get", "update"])],
        "self-provisioner": [_rule("project.openshift.io", "projectrequests", ["create"])],
    }
    if builds:
        roles["system:build-strategy-docker"] = [
            _rule("build.openshift.io", "builds/docker builds/optimizeddocker", ["create"])
        ]
    return roles


#: cluster roles of every authenticated identity
EVERYBODY = ("system:discovery", "system:basic-user")
EVERYBODY_ON_OPENSHIFT = ("self-provisioner", "system:build-strategy-docker")
