"""What a server does to objects of single core kinds: defaults, checks, and what may not change."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from .resources import Resource
from .status import FieldError, bad_request, immutable, required

Object = dict[str, Any]

DOCKER_CONFIG = "kubernetes.io/dockerconfigjson"
SA_TOKEN = "kubernetes.io/service-account-token"


def prepare(resource: Resource, obj: Object, namespace: str) -> None:
    """Defaults of a new or changed object, in place."""
    maker = _DEFAULTS.get((resource.group, resource.plural))
    if maker:
        maker(obj, namespace)


def check(resource: Resource, obj: Object, old: Object | None) -> list[FieldError]:
    """What the kind's own validation refuses."""
    checker = _CHECKS.get((resource.group, resource.plural))
    return checker(obj, old) if checker else []


def initial_status(resource: Resource) -> Object | None:
    """The status that a new object of this kind starts with."""
    return {
        "pods": {"phase": "Pending", "qosClass": "Burstable"},
        "namespaces": {"phase": "Active"},
        "services": {"loadBalancer": {}},
        "deployments": {},
        "replicasets": {"replicas": 0},
        "jobs": {},
        "persistentvolumeclaims": {"phase": "Pending"},
        "builds": {"phase": "New", "output": {}},
        "imagestreams": {"dockerImageRepository": ""},
        "resourcequotas": {},
        "horizontalpodautoscalers": {"desiredReplicas": 0, "currentMetrics": None},
    }.get(resource.plural)


def _secret(obj: Object, _: str) -> None:
    obj.setdefault("type", "Opaque")
    plain = obj.pop("stringData", None) or {}
    if plain:
        obj["data"] = (obj.get("data") or {}) | {
            name: base64.b64encode(value.encode()).decode() for name, value in plain.items()
        }
    for value in (obj.get("data") or {}).values():
        try:
            base64.b64decode(value or "", validate=True)
        except (binascii.Error, ValueError) as error:
            raise bad_request(
                'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 0'
            ) from error


def _pod_spec(spec: Object) -> None:
    for container in [*spec.get("containers", []), *spec.get("initContainers", [])]:
        image = container.get("image", "")
        pull = (
            "Always" if image.endswith(":latest") or ":" not in image.rsplit("/", 1)[-1] else "IfNotPresent"
        )
        container.setdefault("imagePullPolicy", pull)
        container.setdefault("terminationMessagePath", "/dev/termination-log")
        container.setdefault("terminationMessagePolicy", "File")
        container.setdefault("resources", {})
        for port in container.get("ports") or []:
            port.setdefault("protocol", "TCP")
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("securityContext", {})


def _pod(obj: Object, _: str) -> None:
    spec = obj.setdefault("spec", {})
    _pod_spec(spec)
    spec.setdefault("serviceAccountName", "default")
    spec.setdefault("serviceAccount", spec["serviceAccountName"])
    spec.setdefault("enableServiceLinks", True)


def _deployment(obj: Object, _: str) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    spec.setdefault("progressDeadlineSeconds", 600)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault(
        "strategy", {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}
    )
    _pod_spec(spec.setdefault("template", {}).setdefault("spec", {}))


def _job(obj: Object, _: str) -> None:
    spec = obj.setdefault("spec", {})
    for name, value in (("parallelism", 1), ("completions", 1), ("backoffLimit", 6), ("suspend", False),
                        ("completionMode", "NonIndexed"), ("podReplacementPolicy", "TerminatingOrFailed"),
                        ("manualSelector", None)):  # fmt: skip
        if value is not None:
            spec.setdefault(name, value)
    template = spec.setdefault("template", {})
    _pod_spec(template.setdefault("spec", {}))
    meta = obj["metadata"]
    if "selector" not in spec and meta.get("uid"):
        own = {"batch.kubernetes.io/controller-uid": meta["uid"]}
        spec["selector"] = {"matchLabels": own}
        labels = template.setdefault("metadata", {}).setdefault("labels", {})
        labels |= own | {"batch.kubernetes.io/job-name": meta["name"], "controller-uid": meta["uid"],
                         "job-name": meta["name"]}  # fmt: skip


def _cron_job(obj: Object, _: str) -> None:
    spec = obj.setdefault("spec", {})
    for name, value in (("concurrencyPolicy", "Allow"), ("suspend", False), ("successfulJobsHistoryLimit", 3),
                        ("failedJobsHistoryLimit", 1)):  # fmt: skip
        spec.setdefault(name, value)
    _pod_spec(spec["jobTemplate"].setdefault("spec", {}).setdefault("template", {}).setdefault("spec", {}))


def _service(obj: Object, _: str) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    spec.setdefault("clusterIP", f"10.96.{sum(obj['metadata']['name'].encode()) % 250}.10")
    spec.setdefault("clusterIPs", [spec["clusterIP"]])
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    spec.setdefault("internalTrafficPolicy", "Cluster")
    for port in spec.get("ports") or []:
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port.get("port"))


def _role_binding(obj: Object, _: str) -> None:
    obj.get("roleRef", {}).setdefault("apiGroup", "rbac.authorization.k8s.io")
    for subject in obj.get("subjects") or []:
        if subject.get("kind") != "ServiceAccount":
            subject.setdefault("apiGroup", "rbac.authorization.k8s.io")


def _route(obj: Object, namespace: str) -> None:
    spec = obj.setdefault("spec", {})
    meta = obj["metadata"]
    if not spec.get("host"):
        spec["host"] = f"{meta['name']}-{namespace}.apps.example.test"
        meta["annotations"] = {**(meta.get("annotations") or {}), "openshift.io/host.generated": "true"}
    spec.setdefault("wildcardPolicy", "None")
    spec.setdefault("to", {}).setdefault("weight", 100)


def _namespace(obj: Object, _: str) -> None:
    labels = obj["metadata"].setdefault("labels", {})
    labels["kubernetes.io/metadata.name"] = obj["metadata"]["name"]
    obj.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])


def _build_config(obj: Object, _: str) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("runPolicy", "Serial")
    spec.setdefault("successfulBuildsHistoryLimit", 5)
    spec.setdefault("failedBuildsHistoryLimit", 5)
    spec.setdefault("resources", {})
    spec.setdefault("postCommit", {})
    spec.setdefault("nodeSelector", None)
    obj.setdefault("status", {"lastVersion": 0})


_DEFAULTS = {
    ("", "secrets"): _secret,
    ("", "pods"): _pod,
    ("", "services"): _service,
    ("", "namespaces"): _namespace,
    ("apps", "deployments"): _deployment,
    ("batch", "jobs"): _job,
    ("batch", "cronjobs"): _cron_job,
    ("rbac.authorization.k8s.io", "rolebindings"): _role_binding,
    ("rbac.authorization.k8s.io", "clusterrolebindings"): _role_binding,
    ("route.openshift.io", "routes"): _route,
    ("build.openshift.io", "buildconfigs"): _build_config,
}


def _check_secret(obj: Object, old: Object | None) -> list[FieldError]:
    errors = []
    if old and old.get("type") != obj.get("type"):
        errors.append(immutable("type", str(obj.get("type"))))
    data = obj.get("data") or {}
    if obj.get("type") == DOCKER_CONFIG:
        field = "data[.dockerconfigjson]"
        if ".dockerconfigjson" not in data:
            errors.append(required(field))
        else:
            try:
                json.loads(base64.b64decode(data[".dockerconfigjson"] or ""))
            except ValueError:
                why = "invalid character looking for beginning of value"
                errors.append(FieldError(field, f'Invalid value: "<secret contents redacted>": {why}'))
    if obj.get("type") == SA_TOKEN and not (obj["metadata"].get("annotations") or {}).get(
        "kubernetes.io/service-account.name"
    ):
        errors.append(required("metadata.annotations[kubernetes.io/service-account.name]"))
    if old and old.get("immutable") and data != (old.get("data") or {}):
        errors.append(
            FieldError("data", "Forbidden: field is immutable when `immutable` is set", "FieldValueForbidden")
        )
    return errors


def _check_containers(spec: Object, path: str) -> list[FieldError]:
    errors = [] if spec.get("containers") else [required(f"{path}.containers")]
    for i, container in enumerate(spec.get("containers") or []):
        at = f"{path}.containers[{i}]"
        errors += [required(f"{at}.{part}") for part in ("name", "image") if not container.get(part)]
        resources = container.get("resources") or {}
        for name, asked in (resources.get("requests") or {}).items():
            limit = (resources.get("limits") or {}).get(name)
            if limit is not None and quantity(asked) > quantity(limit):
                why = f"must be less than or equal to {name} limit of {limit}"
                errors.append(FieldError(f"{at}.resources.requests", f'Invalid value: "{asked}": {why}'))
    return errors


def _check_pod(obj: Object, _: Object | None) -> list[FieldError]:
    return _check_containers(obj.get("spec") or {}, "spec")


def _check_deployment(obj: Object, old: Object | None) -> list[FieldError]:
    spec = obj["spec"]
    errors = _check_containers(spec["template"]["spec"], "spec.template.spec")
    selector = (spec.get("selector") or {}).get("matchLabels") or {}
    labels = (spec["template"].get("metadata") or {}).get("labels") or {}
    if not spec.get("selector"):
        errors.append(required("spec.selector"))
    elif any(labels.get(key) != value for key, value in selector.items()):
        shown = f"map[string]string{json.dumps(labels)}"
        why = "`selector` does not match template `labels`"
        errors.append(FieldError("spec.template.metadata.labels", f"Invalid value: {shown}: {why}"))
    if old and old["spec"].get("selector") != spec.get("selector"):
        errors.append(immutable("spec.selector", json.dumps(spec.get("selector"))))
    return errors


def _check_job(obj: Object, old: Object | None) -> list[FieldError]:
    spec = obj["spec"]
    errors = _check_containers(spec["template"]["spec"], "spec.template.spec")
    restart = spec["template"]["spec"].get("restartPolicy")
    if restart not in ("OnFailure", "Never"):
        errors.append(
            FieldError("spec.template.spec.restartPolicy",
                       f'Unsupported value: "{restart}": supported values: "OnFailure", "Never"',
                       "FieldValueNotSupported")
        )  # fmt: skip
    if old and old["spec"].get("template") != spec.get("template"):
        errors.append(immutable("spec.template", "core.PodTemplateSpec{...}"))
    return errors


def _check_cron_job(obj: Object, _: Object | None) -> list[FieldError]:
    spec = obj["spec"]
    schedule = str(spec.get("schedule") or "")
    errors = [] if schedule else [required("spec.schedule")]
    if schedule and not schedule.startswith("@") and len(schedule.split()) != 5:
        why = f"expected exactly 5 fields, found {len(schedule.split())}: [{schedule}]"
        errors.append(FieldError("spec.schedule", f'Invalid value: "{schedule}": {why}'))
    job = _check_job({"spec": spec["jobTemplate"]["spec"]}, None)
    return errors + [FieldError(f"spec.jobTemplate.{e.field}", e.message, e.reason) for e in job]


def _check_binding(obj: Object, old: Object | None) -> list[FieldError]:
    if old and old.get("roleRef") != obj.get("roleRef"):
        ref = obj.get("roleRef") or {}
        shown = (
            f'rbac.RoleRef{{APIGroup:"{ref.get("apiGroup", "")}", Kind:"{ref.get("kind", "")}", '
            f'Name:"{ref.get("name", "")}"}}'
        )
        return [FieldError("roleRef", f"Invalid value: {shown}: cannot change roleRef")]
    return [required(f"roleRef.{part}") for part in ("name",) if not (obj.get("roleRef") or {}).get(part)]


def _check_config_map(obj: Object, old: Object | None) -> list[FieldError]:
    if old and old.get("immutable") and obj.get("data") != old.get("data"):
        return [
            FieldError("data", "Forbidden: field is immutable when `immutable` is set", "FieldValueForbidden")
        ]
    return []


def _check_build_config(obj: Object, _: Object | None) -> list[FieldError]:
    source = (obj.get("spec") or {}).get("source") or {}
    if not any(source.get(kind) is not None for kind in ("git", "binary", "dockerfile", "images")):
        why = 'Invalid value: "": must provide a value for at least one source input(git, binary, dockerfile, images).'
        return [FieldError("spec.source", why)]
    return []


_CHECKS = {
    ("", "secrets"): _check_secret,
    ("", "configmaps"): _check_config_map,
    ("", "pods"): _check_pod,
    ("apps", "deployments"): _check_deployment,
    ("batch", "jobs"): _check_job,
    ("batch", "cronjobs"): _check_cron_job,
    ("rbac.authorization.k8s.io", "rolebindings"): _check_binding,
    ("rbac.authorization.k8s.io", "clusterrolebindings"): _check_binding,
    ("build.openshift.io", "buildconfigs"): _check_build_config,
}

_SUFFIXES = {
    "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15,
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50,
}  # fmt: skip


def quantity(text: Any) -> float:
    """A resource quantity as a number: `100m` is 0.1, `2Gi` is 2147483648."""
    text = str(text)
    for suffix in sorted(_SUFFIXES, key=len, reverse=True):
        if text.endswith(suffix):
            return float(text.removesuffix(suffix)) * _SUFFIXES[suffix]
    return float(text)
