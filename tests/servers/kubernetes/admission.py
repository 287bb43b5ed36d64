"""Admission: the webhooks of KServe and Open Data Hub, quotas, limit ranges and grants, with their texts."""

from __future__ import annotations

import copy
import re
from typing import Any

from .kinds import quantity
from .rbac import Authorizer
from .resources import Resource
from .status import FieldError, denied_by_webhook, forbidden, invalid
from .store import Store
from .users import User

Object = dict[str, Any]

_ISVC = "inferenceservices"
_KSERVE_DEFAULTER = "inferenceservice.kserve-webhook-server.defaulter"
_KSERVE_VALIDATOR = "inferenceservice.kserve-webhook-server.validator"
_ODH_DEFAULTER = "minferenceservice-v1beta1.odh-model-controller.opendatahub.io"
_ODH_VALIDATOR = "validating.isvc.odh-model-controller.opendatahub.io"
_ISVC_NAME = "[a-z]([-a-z0-9]*[a-z0-9])?"
_CONNECTION_TYPES = ("oci", "oci-v1", "uri", "uri-v1", "s3")
_PROFILE = "opendatahub.io/hardware-profile-name"

#: Go types of the fields that people get wrong, for the words of the JSON decoder
_GO_FIELDS = {
    "minReplicas": ("InferenceServiceSpec", "spec.predictor.minReplicas", "int32", int),
    "maxReplicas": ("InferenceServiceSpec", "spec.predictor.maxReplicas", "int32", int),
    "timeout": ("InferenceServiceSpec", "spec.predictor.timeout", "int64", int),
    "imagePullSecrets": (
        "InferenceServiceSpec",
        "spec.predictor.imagePullSecrets",
        "[]v1.LocalObjectReference",
        list,
    ),
    "nodeSelector": ("InferenceServiceSpec", "spec.predictor.nodeSelector", "map[string]string", dict),
    "tolerations": ("InferenceServiceSpec", "spec.predictor.tolerations", "[]v1.Toleration", list),
    "model": ("InferenceServiceSpec", "spec.predictor.model", "v1beta1.ModelSpec", dict),
}
_GO_MODEL_FIELDS = {
    "storageUri": ("InferenceServiceSpec", "spec.predictor.model.storageUri", "string", str),
    "runtime": ("InferenceServiceSpec", "spec.predictor.model.runtime", "string", str),
    "args": ("InferenceServiceSpec", "spec.predictor.model.args", "[]string", list),
    "env": ("InferenceServiceSpec", "spec.predictor.model.env", "[]v1.EnvVar", list),
    "modelFormat": ("InferenceServiceSpec", "spec.predictor.model.modelFormat", "v1beta1.ModelFormat", dict),
}


class Admission:
    """`kserve` turns on the webhooks of KServe and of odh-model-controller."""

    def __init__(self, store: Store, authorizer: Authorizer, *, kserve: bool, applications: str) -> None:
        self._store = store
        self._authorizer = authorizer
        self._kserve = kserve
        #: the namespace of Open Data Hub itself
        self._applications = applications

    def mutate(
        self, resource: Resource, obj: Object, old: Object | None, namespace: str, warnings: list[str]
    ) -> Object:
        if self._kserve and resource.plural == _ISVC and not obj["metadata"].get("deletionTimestamp"):
            obj = copy.deepcopy(obj)
            _check_types(obj)
            _kserve_defaults(obj)
            self._connections(obj, old, namespace)
            self._hardware_profile(obj, namespace)
        if resource.group == "" and resource.plural == "pods" and old is None:
            self._limit_range_defaults(obj, namespace)
            self._service_account(obj, namespace)
        return obj

    def validate(
        self, resource: Resource, obj: Object, old: Object | None, namespace: str, user: User
    ) -> None:
        if self._kserve and resource.plural == _ISVC and not obj["metadata"].get("deletionTimestamp"):
            self._validate_service(obj, old, namespace)
        if resource.group == "rbac.authorization.k8s.io":
            self._validate_grant(resource, obj, old, user)
        if resource.plural == "pods" and old is None:
            self._limit_range_limits(obj, namespace)
        if old is None and resource.namespaced:
            self._quota(resource, obj, namespace)

    # -- KServe and Open Data Hub ------------------------------------------------------------------------------------

    def _connections(self, obj: Object, old: Object | None, namespace: str) -> None:
        """The Secret named by the annotation becomes a pull secret; the one named before is taken out."""
        annotation = "opendatahub.io/connections"
        name = (obj["metadata"].get("annotations") or {}).get(annotation, "")
        before = ((old or {"metadata": {}})["metadata"].get("annotations") or {}).get(annotation, "")
        predictor = obj["spec"]["predictor"]
        secret = None
        if name:
            secret = self._store.get(("", "secrets", namespace, name))
            if secret is None:
                why = f'connection "{name}" referenced by annotation "{annotation}" not found in namespace "{namespace}"'
                raise denied_by_webhook(_ODH_DEFAULTER, why)
        if before and before != name:
            kept = [ref for ref in predictor.get("imagePullSecrets") or [] if ref.get("name") != before]
            predictor.pop("imagePullSecrets", None)
            if kept:
                predictor["imagePullSecrets"] = kept
        if secret is None or before == name:
            return
        notes = secret["metadata"].get("annotations") or {}
        kind = notes.get("opendatahub.io/connection-type-protocol") or notes.get(
            "opendatahub.io/connection-type-ref"
        )
        if kind in ("oci", "oci-v1"):
            refs = predictor.setdefault("imagePullSecrets", [])
            if {"name": name} not in refs:
                refs.append({"name": name})

    def _hardware_profile(self, obj: Object, namespace: str) -> None:
        annotations = obj["metadata"].get("annotations") or {}
        name = annotations.get(_PROFILE)
        if not name:
            return
        where = annotations.get("opendatahub.io/hardware-profile-namespace") or namespace
        profile = self._store.get(("infrastructure.opendatahub.io", "hardwareprofiles", where, name))
        if profile is None:
            raise denied_by_webhook(
                _ODH_DEFAULTER, f'hardware profile "{name}" not found in namespace "{where}"'
            )
        spec = profile.get("spec") or {}
        predictor = obj["spec"]["predictor"]
        if predictor.get("model") is not None:
            resources = predictor["model"].setdefault("resources", {})
            for identifier in spec.get("identifiers") or []:
                requests = resources.setdefault("requests", {})
                asked = requests.setdefault(identifier["identifier"], str(identifier["defaultCount"]))
                resources.setdefault("limits", {}).setdefault(identifier["identifier"], asked)
        scheduling = spec.get("scheduling") or {}
        queue = (scheduling.get("kueue") or {}).get("localQueueName")
        if queue:
            obj["metadata"].setdefault("labels", {})["kueue.x-k8s.io/queue-name"] = queue
            return
        node = scheduling.get("node") or {}
        if node.get("nodeSelector"):
            predictor["nodeSelector"] = {**(predictor.get("nodeSelector") or {}), **node["nodeSelector"]}
        if node.get("tolerations"):
            others = [t for t in predictor.get("tolerations") or [] if t not in node["tolerations"]]
            predictor["tolerations"] = [*node["tolerations"], *others]

    def _validate_service(self, obj: Object, old: Object | None, namespace: str) -> None:
        name = obj["metadata"]["name"]
        if not re.fullmatch(_ISVC_NAME, name):
            why = (
                f'the InferenceService "{name}" is invalid: a InferenceService name must consist of lower case '
                "alphanumeric characters or '-', and must start with alphabetical character. "
                f'(e.g. "my-name" or "abc-123", regex used for validation is \'{_ISVC_NAME}\')'
            )
            raise denied_by_webhook(_KSERVE_VALIDATOR, why)
        predictor = obj["spec"]["predictor"]
        if (predictor.get("model") or {}).get("storageUri") is not None and predictor.get("storageUris"):
            why = "Setting both StorageURI and StorageURIs is not supported."
            raise denied_by_webhook(_KSERVE_VALIDATOR, why)
        low, high = predictor.get("minReplicas"), predictor.get("maxReplicas") or 0
        if low is not None and low < 0:
            raise denied_by_webhook(_KSERVE_VALIDATOR, "MinReplicas cannot be less than 0")
        if high < 0:
            raise denied_by_webhook(_KSERVE_VALIDATOR, "MaxReplicas cannot be less than 0")
        if low is not None and high and low > high:
            raise denied_by_webhook(_KSERVE_VALIDATOR, "MinReplicas cannot be greater than MaxReplicas")
        if old is not None:
            was = (old.get("status") or {}).get("deploymentMode")
            mode = (obj["metadata"].get("annotations") or {}).get("serving.kserve.io/deploymentMode")
            if was and mode and mode != was:
                why = f"update rejected: deploymentMode cannot be changed from '{was}' to '{mode}'"
                raise denied_by_webhook(_KSERVE_VALIDATOR, why)
            return
        error = None
        if len(name) > 53:
            error = FieldError(
                "metadata.name",
                f'Invalid value: "{name}": InferenceService name is too long. The name exceeds the maximum length of '
                f"53 characters (current length: {len(name)})",
            )
        elif namespace == self._applications:
            error = FieldError(
                "metadata.namespace", f'Invalid value: "{namespace}": specified namespace is protected'
            )
        if error:
            refused = invalid("InferenceService", "serving.kserve.io", name, [error])
            refused.message = f'admission webhook "{_ODH_VALIDATOR}" denied the request: {refused.message}'
            raise refused

    # -- core --------------------------------------------------------------------------------------------------------

    def _service_account(self, obj: Object, namespace: str) -> None:
        """The account must exist; its pull secrets are taken only when the pod names none."""
        spec = obj.setdefault("spec", {})
        name = spec.get("serviceAccountName") or "default"
        account = self._store.get(("", "serviceaccounts", namespace, name))
        if account is None:
            why = f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'
            raise forbidden("pods", "", obj["metadata"].get("name", ""), why)
        if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
            spec["imagePullSecrets"] = copy.deepcopy(account["imagePullSecrets"])

    def _validate_grant(self, resource: Resource, obj: Object, old: Object | None, user: User) -> None:
        if user.name.startswith("system:") and not user.name.startswith("system:serviceaccount:"):
            return
        if resource.plural in ("roles", "clusterroles"):
            if old is None or old.get("rules") != obj.get("rules"):
                self._authorizer.check_grant(user, obj, obj.get("rules") or [], resource.plural)
        elif old is None:
            ref = obj.get("roleRef") or {}
            plural = "clusterroles" if ref.get("kind") == "ClusterRole" else "roles"
            where = "" if plural == "clusterroles" else obj["metadata"].get("namespace", "")
            role = self._store.get(("rbac.authorization.k8s.io", plural, where, ref.get("name", "")))
            self._authorizer.check_grant(user, obj, (role or {}).get("rules") or [], resource.plural)

    def _limit_range_defaults(self, obj: Object, namespace: str) -> None:
        for limits in self._store.list("", "limitranges", namespace):
            for entry in limits["spec"].get("limits") or []:
                if entry.get("type") != "Container":
                    continue
                for container in _containers(obj):
                    resources = container.setdefault("resources", {})
                    for name, value in (entry.get("default") or {}).items():
                        resources.setdefault("limits", {}).setdefault(name, value)
                    for name, value in (entry.get("defaultRequest") or entry.get("default") or {}).items():
                        resources.setdefault("requests", {}).setdefault(name, value)

    def _limit_range_limits(self, obj: Object, namespace: str) -> None:
        wrong = []
        for limits in self._store.list("", "limitranges", namespace):
            for entry in limits["spec"].get("limits") or []:
                if entry.get("type") != "Container":
                    continue
                for container in _containers(obj):
                    wrong += _outside(entry, container.get("resources") or {})
        if wrong:
            text = wrong[0] if len(wrong) == 1 else f"[{', '.join(wrong)}]"
            raise forbidden("pods", "", obj["metadata"].get("name", ""), text)

    def _quota(self, resource: Resource, obj: Object, namespace: str) -> None:
        for quota in self._store.list("", "resourcequotas", namespace):
            hard = quota["spec"].get("hard") or {}
            asked = {name: value for name, value in _usage(resource, obj).items() if name in hard}
            name = quota["metadata"]["name"]
            if resource.plural == "pods":
                missing = _without(obj, hard)
                if missing:
                    why = f"failed quota: {name}: must specify {missing}"
                    raise forbidden("pods", "", obj["metadata"].get("name", ""), why)
            used = self.used(quota, namespace)
            over = sorted(n for n, value in asked.items() if value and used[n] + value > quantity(hard[n]))
            if over:
                shown = [",".join(f"{n}={_amount(n, v)}" for n, v in part) for part in (
                    [(n, asked[n]) for n in over], [(n, used[n]) for n in over])]  # fmt: skip
                limited = ",".join(f"{n}={hard[n]}" for n in over)
                why = f"exceeded quota: {name}, requested: {shown[0]}, used: {shown[1]}, limited: {limited}"
                raise forbidden(resource.plural, resource.group, obj["metadata"].get("name", ""), why)

    def used(self, quota: Object, namespace: str) -> dict[str, float]:
        """What is used of a quota now."""
        used = dict.fromkeys(quota["spec"].get("hard") or {}, 0.0)
        for (group, plural, where, _), obj in self._store.all():
            if where == namespace and not (
                plural == "pods" and (obj.get("status") or {}).get("phase") in ("Succeeded", "Failed")
            ):
                for name, value in _usage(Resource(group, "", plural, ""), obj).items():
                    if name in used:
                        used[name] += value
        return used


def _containers(pod: Object) -> list[Object]:
    spec = pod.get("spec") or {}
    return [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]


def _usage(resource: Resource, obj: Object) -> dict[str, float]:
    full = f"count/{resource.plural}" + (f".{resource.group}" if resource.group else "")
    used: dict[str, float] = {full: 1}
    if resource.group == "" and resource.plural in (
        "pods", "secrets", "configmaps", "services", "persistentvolumeclaims", "resourcequotas"
    ):  # fmt: skip
        used[resource.plural] = 1
    if resource.group == "" and resource.plural == "pods":
        for container in (obj.get("spec") or {}).get("containers") or []:
            for kind in ("requests", "limits"):
                for name, value in ((container.get("resources") or {}).get(kind) or {}).items():
                    keys = [f"{kind}.{name}"] + ([name] if kind == "requests" and "/" not in name else [])
                    for key in keys:
                        used[key] = used.get(key, 0) + quantity(value)
    return used


def _without(pod: Object, hard: Object) -> str:
    """Which compute resources a quota wants that containers do not set."""
    missing: dict[str, list[str]] = {}
    for name in hard:
        kind, _, what = name.partition(".")
        if kind not in ("requests", "limits") or "/" in what:
            continue
        for container in (pod.get("spec") or {}).get("containers") or []:
            if what not in ((container.get("resources") or {}).get(kind) or {}):
                missing.setdefault(name, []).append(container.get("name", ""))
    return "; ".join(f"{name} for: {','.join(who)}" for name, who in sorted(missing.items()))


def _outside(entry: Object, resources: Object) -> list[str]:
    wrong = []
    for name, least in (entry.get("min") or {}).items():
        asked = (resources.get("requests") or {}).get(name)
        if asked is not None and quantity(asked) < quantity(least):
            wrong.append(f"minimum {name} usage per Container is {least}, but request is {asked}")
    for name, most in (entry.get("max") or {}).items():
        limit = (resources.get("limits") or {}).get(name)
        if limit is None:
            wrong.append(f"maximum {name} usage per Container is {most}.  No limit is specified")
        elif quantity(limit) > quantity(most):
            wrong.append(f"maximum {name} usage per Container is {most}, but limit is {limit}")
    return wrong


def _amount(name: str, value: float) -> str:
    if "memory" in name or "storage" in name:
        for suffix, size in (("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10)):
            if value and value % size == 0:
                return f"{int(value // size)}{suffix}"
        return str(int(value))
    return str(int(value)) if value == int(value) else f"{round(value * 1000)}m"


def _go_name(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, list):
        return "array"
    return {str: "string", dict: "object"}.get(type(value), "number")


def _check_types(obj: Object) -> None:
    """KServe's webhook decodes before the schema is looked at: a wrong type is its 400."""
    predictor = (obj.get("spec") or {}).get("predictor")
    if not isinstance(predictor, dict):
        obj.setdefault("spec", {})["predictor"] = predictor = {}
    for fields, values in ((_GO_FIELDS, predictor), (_GO_MODEL_FIELDS, predictor.get("model") or {})):
        for name, (struct, path, kind, wanted) in fields.items():
            value = values.get(name) if isinstance(values, dict) else None
            if value is not None and (
                not isinstance(value, wanted) or (wanted is int and isinstance(value, bool))
            ):
                why = f"json: cannot unmarshal {_go_name(value)} into Go struct field {struct}.{path} of type {kind}"
                raise denied_by_webhook(_KSERVE_DEFAULTER, why, 400)


def _kserve_defaults(obj: Object) -> None:
    annotations = obj["metadata"].setdefault("annotations", {}) or {}
    obj["metadata"]["annotations"] = annotations
    mode = annotations.get("serving.kserve.io/deploymentMode", "Standard")
    annotations["serving.kserve.io/deploymentMode"] = {
        "RawDeployment": "Standard",
        "Serverless": "Knative",
    }.get(mode, mode)
    predictor = obj["spec"]["predictor"]
    predictor.setdefault("automountServiceAccountToken", False)
    model = predictor.get("model")
    if model is not None:
        model.setdefault("name", "")
        model.setdefault("resources", {})
        if (model.get("modelFormat") or {}).get("name"):
            annotations.setdefault("modelFormat", model["modelFormat"]["name"])
