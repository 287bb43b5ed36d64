"""The reference of labels and annotations: which the code knows, and what they mean."""

from __future__ import annotations

import ast
import re
from functools import cache

from .source import trees
from .words import page, table

_KEY = re.compile(
    r"(?:[a-z0-9-]+\.)+(?:io|org|com|ai)/[a-zA-Z0-9._-]+|org\.(?:odh-oci|opencontainers)\.[a-z0-9.-]+"
)
#: looks like a key and is none: versions of the API, resources, types of Secrets, examples
_OTHER = re.compile(
    r".*/v\d\w*|nvidia\.com/gpu|kubernetes\.io/dockerconfigjson|quay\.io/.*|registry\..*|docker\.io/.*"
)

OURS_IN_PROJECT = {
    "app.kubernetes.io/managed-by": "`odh-oci-widgets` on every object that we make",
    "app.kubernetes.io/component": "`build` on the objects of a build",
    "odh-oci.org/service": "label: the service that an object belongs to; deleting the service deletes what carries it",
    "odh-oci.org/image": "annotation: the image as it was asked for, with its tag",
    "odh-oci.org/build": "label: the id of a build, on all of its objects",
    "odh-oci.org/destination": "label: a hash of the image's name, by which two builds of one image find each other",
    "odh-oci.org/plan-sha256": "annotation: the hash of the plan that a build runs",
}
OURS_IN_IMAGES = {
    "org.odh-oci.model-format": "the model's format: `onnx`, `huggingface`, …; `deploy` chooses the runtime by it",
    "org.odh-oci.model-name": "the model's name, without its owner",
    "org.odh-oci.files.1": "on a layer: paths, sizes and sha256 of its files, by which a later build finds it again",
    "org.opencontainers.image.title": "the model's name; on a layer what it holds",
    "org.opencontainers.image.source": "where the model came from",
    "org.opencontainers.image.revision": "the commit of the model",
    "org.opencontainers.image.licenses": "the model's licence",
    "org.opencontainers.image.created": "SOURCE_DATE_EPOCH, or 1970: the same input gives the same digest",
    "org.opencontainers.image.base.name": "the base image",
    "org.opencontainers.image.base.digest": "its digest",
    "org.opencontainers.image.ref.name": "the tag, in the index of an OCI layout",
}
PLATFORM = {
    "amd.com/gpu.product-name": "read on nodes: the name of AMD's GPU",
    "amd.com/gpu.vram": "read on nodes: memory of AMD's GPU",
    "haproxy.router.openshift.io/timeout": "set on a service with a route: how long an answer may take",
    "kubernetes.io/arch": "read on nodes: their processor",
    "kubernetes.io/os": "read on nodes",
    "networking.kserve.io/visibility": "set to `exposed` for an external route",
    "nvidia.com/gpu.compute.major": "read on nodes: the GPU's compute capability",
    "nvidia.com/gpu.compute.minor": "read on nodes: the GPU's compute capability",
    "nvidia.com/gpu.memory": "read on nodes: memory of a GPU in MiB",
    "nvidia.com/gpu.product": "read on nodes: the GPU's name",
    "opendatahub.io/apiProtocol": "of a runtime: `REST`",
    "opendatahub.io/connection-type-protocol": "of a Secret that is a connection: `oci`, `s3`, `uri`",
    "opendatahub.io/connection-type-ref": "of a Secret that is a connection: the type that the dashboard shows",
    "opendatahub.io/connections": "set on a service: the connection that it pulls with",
    "opendatahub.io/dashboard": "set to `true`, so that the dashboard lists the object",
    "opendatahub.io/description": "the description that the dashboard shows",
    "opendatahub.io/disabled": "read on hardware profiles and templates: switched off by an administrator",
    "opendatahub.io/display-name": "the name that the dashboard shows",
    "opendatahub.io/fast-version": "read on templates: a version ahead of the supported one, offered last",
    "opendatahub.io/hardware-profile-name": "set on a service: the hardware profile chosen",
    "opendatahub.io/hardware-profile-namespace": "set on a service: where that profile stands",
    "opendatahub.io/hardware-profile-resource-version": "set on a service: the version of that profile",
    "opendatahub.io/kserve-runtime": "of a runtime: its short name, for example `vllm`",
    "opendatahub.io/model-type": "of a service: `generative` or `predictive`",
    "opendatahub.io/recommended-accelerators": "of a runtime: the resources that it is made for",
    "opendatahub.io/serving-runtime-scope": "of a runtime: whether it is the project's own or the cluster's",
    "opendatahub.io/template-display-name": "of a runtime: the title of the template that it was made from",
    "opendatahub.io/template-name": "of a runtime: the template that it was made from",
    "openshift.io/build.name": "read on pods: the OpenShift build that they belong to",
    "openshift.io/display-name": "the name that the console and the dashboard show",
    "prometheus.io/path": "of a runtime: where its metrics are",
    "prometheus.io/port": "of a runtime: the port of its metrics",
    "security.opendatahub.io/enable-auth": "set to `true`: calls need a token",
    "serving.kserve.io/inferenceservice": "read on pods: the service that they belong to",
    "serving.kserve.io/stop": "set to `true` while a service is stopped",
}


def pages() -> dict[str, str]:
    """Path -> page. Raises ValueError where the code and the tables above differ."""
    tables = (
        ("On our objects in a project", OURS_IN_PROJECT),
        ("In images that we build", OURS_IN_IMAGES),
        ("Of Kubernetes, KServe and Open Data Hub", PLATFORM),
    )
    told = {key for _, one in tables for key in one}
    if told != in_code():
        raise ValueError(
            f"docs/_generate/labels.py: not told {in_code() - told}, not used {told - in_code()}"
        )
    parts = ["Labels and annotations that the code sets or reads."]
    for title, one in tables:
        rows = [(f"`{key}`", meaning, f"`{_where(key)}`") for key, meaning in one.items()]
        parts += [f"## {title}", table(("key", "is", "in"), rows)]
    return {"reference/labels.md": page("Labels and annotations", *parts)}


def in_code() -> set[str]:
    """Every key that stands in the code."""
    return {key for found in _keys().values() for key in found}


def _where(key: str) -> str:
    return "`, `".join(
        sorted({module.partition("/")[0] for module, found in _keys().items() if key in found})
    )


@cache
def _keys() -> dict[str, set[str]]:
    """Module -> keys in it."""
    found: dict[str, set[str]] = {}
    for module, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                key = node.value.partition("=")[0]
                if _KEY.fullmatch(key) and not _OTHER.fullmatch(key):
                    found.setdefault(module, set()).add(key)
    return found
