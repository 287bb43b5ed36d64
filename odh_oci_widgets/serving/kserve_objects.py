"""The objects of a service in a project, as the dashboard would have made them: ServingRuntime and InferenceService."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .errors import OptionInvalid
from .resources import accelerator_of, resources_of
from .runtimes import Runtime, RuntimeSource
from .spec import ServiceSpec

#: Who made it: on every object of ours, and the field manager of every apply.
MANAGER = "odh-oci-widgets"
MANAGED_BY = "app.kubernetes.io/managed-by"
#: The service that an object belongs to; deleting the service deletes what carries it.
SERVICE_LABEL = "odh-oci.org/service"
#: The image as asked for, with its tag; `storageUri` has the digest only.
IMAGE_ANNOTATION = "odh-oci.org/image"

#: A completion may take minutes; a route's own limit is 30 seconds.
ROUTE_TIMEOUT = "5m"

#: What MLServer's runtime wants to be told about a format, in the label `modelClass`.
_MODEL_CLASSES = {
    "sklearn": "mlserver_sklearn.SKLearnModel",
    "xgboost": "mlserver_xgboost.XGBoostModel",
    "lightgbm": "mlserver_lightgbm.LightGBMModel",
}


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What deploying would apply, and what is to know about it."""

    spec: ServiceSpec
    runtime: Runtime
    objects: tuple[dict[str, Any], ...]
    #: sentences for people: which runtime and why, what could not be read, what is exposed
    notes: tuple[str, ...] = ()

    def to_yaml(self) -> str:
        """All objects as `oc apply -f -` takes them."""
        return to_yaml(self.objects)

    def to_python(self) -> str:
        """The call that does the same."""
        return self.spec.to_python()


def preview_of(
    spec: ServiceSpec, runtime: Runtime, *, namespace: str | None = None, notes: Iterable[str] = ()
) -> Preview:
    """The objects for `spec` on `runtime`; without a namespace they go where `oc apply` is told to."""
    said = [note for note in (runtime.why, *notes) if note]
    if spec.external and not spec.token_auth:
        said.append(
            "Anyone who knows the address can use this service: it has a route and asks for no token."
        )
    return Preview(
        spec=spec,
        runtime=runtime,
        objects=(serving_runtime(spec, runtime, namespace), inference_service(spec, runtime, namespace)),
        notes=tuple(said),
    )


def serving_runtime(spec: ServiceSpec, runtime: Runtime, namespace: str | None = None) -> dict[str, Any]:
    """The private copy of the runtime, named as the service."""
    source = copy.deepcopy(dict(runtime.manifest))
    metadata = source.get("metadata") or {}
    annotations = {
        key: value
        for key, value in (metadata.get("annotations") or {}).items()
        if not key.startswith(("kubectl.kubernetes.io/", "meta.helm.sh/"))
    }
    annotations["openshift.io/display-name"] = runtime.display_name
    annotations.setdefault("opendatahub.io/apiProtocol", "REST")
    if runtime.template:
        annotations["opendatahub.io/template-name"] = runtime.template
        annotations["opendatahub.io/template-display-name"] = (
            runtime.template_display_name or runtime.display_name
        )
    annotations["opendatahub.io/serving-runtime-scope"] = (
        "project" if runtime.source in {RuntimeSource.PROJECT, RuntimeSource.COPY} else "global"
    )
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ServingRuntime",
        "metadata": _metadata(
            spec,
            namespace,
            labels={"opendatahub.io/dashboard": "true"},
            annotations=annotations,
        ),
        "spec": source["spec"],
    }


def inference_service(spec: ServiceSpec, runtime: Runtime, namespace: str | None = None) -> dict[str, Any]:
    """The InferenceService. Raises OptionInvalid when the runtime cannot take the format."""
    model_format = _model_format(spec, runtime)
    labels = {"opendatahub.io/dashboard": "true"}
    annotations = {
        "openshift.io/display-name": spec.display_name or spec.name,
        "opendatahub.io/model-type": "generative" if runtime.generative else "predictive",
        "security.opendatahub.io/enable-auth": "true" if spec.token_auth else "false",
        IMAGE_ANNOTATION: spec.image,
    }
    if spec.external:
        labels["networking.kserve.io/visibility"] = "exposed"
        annotations["haproxy.router.openshift.io/timeout"] = ROUTE_TIMEOUT
    if spec.connection:
        annotations["opendatahub.io/connections"] = spec.connection
    if "{{.Labels.modelClass}}" in json.dumps(runtime.manifest["spec"]):
        model_class = _MODEL_CLASSES.get(model_format["name"])
        if model_class:
            labels["modelClass"] = model_class
    model: dict[str, Any] = {
        "runtime": spec.name,
        "modelFormat": model_format,
        "storageUri": spec.storage_uri,
        "resources": resources_of(spec, runtime),
    }
    if spec.args:
        model["args"] = list(spec.args)
    predictor: dict[str, Any] = {
        "minReplicas": spec.replicas,
        "maxReplicas": max(spec.replicas, 1),
        "model": model,
    }
    if spec.pull_secrets:
        predictor["imagePullSecrets"] = [{"name": name} for name in spec.pull_secrets]
    if spec.gpu:
        predictor["tolerations"] = [
            {"key": accelerator_of(spec, runtime), "operator": "Exists", "effect": "NoSchedule"}
        ]
        # a new pod next to the old one would wait for a second GPU
        predictor["deploymentStrategy"] = {"type": "Recreate"}
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": _metadata(spec, namespace, labels=labels, annotations=annotations),
        "spec": {"predictor": predictor},
    }


def _model_format(spec: ServiceSpec, runtime: Runtime) -> dict[str, str]:
    if spec.format is None:
        if not runtime.formats:
            raise OptionInvalid(
                f"The runtime `{runtime.name}` does not say which formats it takes.",
                hint="Name the model's format.",
            )
        name, version = runtime.formats[0]
    else:
        taken = runtime.format_for(spec.format)
        if taken is None:
            names = ", ".join(dict.fromkeys(name for name, _ in runtime.formats)) or "no format at all"
            raise OptionInvalid(
                f"The runtime `{runtime.name}` does not take the format `{spec.format}`.",
                hint=f"It takes {names}. Choose another runtime or format.",
            )
        name, version = taken
    return {"name": name} | ({"version": version} if version else {})


def _metadata(
    spec: ServiceSpec, namespace: str | None, *, labels: dict[str, str], annotations: dict[str, str]
) -> dict[str, Any]:
    labels = labels | {MANAGED_BY: MANAGER, SERVICE_LABEL: spec.name}
    metadata: dict[str, Any] = {"name": spec.name, "labels": labels, "annotations": annotations}
    if namespace:
        metadata["namespace"] = namespace
    return metadata


def to_yaml(objects: Iterable[dict[str, Any]]) -> str:
    """YAML documents, as people write them: keys in our order, no aliases."""
    import yaml

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - yaml's own signature
            return True

    return "---\n".join(
        yaml.dump(one, Dumper=Plain, sort_keys=False, allow_unicode=True, default_flow_style=False, width=100)
        for one in objects
    )
