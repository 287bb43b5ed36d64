"""What a cluster with Open Data Hub holds before anybody does anything: roles, templates, profiles, settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from .roles import EVERYBODY, EVERYBODY_ON_OPENSHIFT, cluster_roles

Object = dict[str, Any]
_RBAC = "rbac.authorization.k8s.io/v1"


def rbac_objects(*, openshift: bool, builds: bool, kserve: bool) -> list[Object]:
    """Cluster roles, and the bindings of every authenticated identity."""
    roles = cluster_roles(openshift=openshift, builds=builds, kserve=kserve)
    found: list[Object] = [
        {"kind": "ClusterRole", "apiVersion": _RBAC, "metadata": {"name": name}, "rules": rules}
        for name, rules in roles.items()
    ]
    everybody = EVERYBODY + (EVERYBODY_ON_OPENSHIFT if openshift else ())
    for name in everybody:
        if name in roles:
            group = "system:authenticated"
            found.append(_cluster_binding(name, group))
    return found


def _cluster_binding(role: str, group: str) -> Object:
    return {
        "kind": "ClusterRoleBinding",
        "apiVersion": _RBAC,
        "metadata": {"name": role if role.startswith("system:") else f"{role}s"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}],
    }


def all_users_role(namespace: str) -> list[Object]:
    """The dashboard's own grant: everybody may read templates, hardware profiles and settings in its namespace."""
    name = "servingruntimes-config-updater"
    rules = [
        {
            "apiGroups": ["template.openshift.io"],
            "resources": ["templates"],
            "verbs": ["get", "list", "watch"],
        },
        {"apiGroups": ["opendatahub.io"], "resources": ["odhdashboardconfigs"], "verbs": ["get", "list"]},
        {
            "apiGroups": ["infrastructure.opendatahub.io"],
            "resources": ["hardwareprofiles"],
            "verbs": ["get", "list", "watch"],
        },
    ]
    meta = {"name": name, "namespace": namespace}
    return [
        {"kind": "Role", "apiVersion": _RBAC, "metadata": meta, "rules": rules},
        {
            "kind": "RoleBinding",
            "apiVersion": _RBAC,
            "metadata": meta,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": [
                {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:authenticated"}
            ],
        },
    ]


def templates(schemas: Path | None, namespace: str) -> list[Object]:
    """The ServingRuntime templates of Open Data Hub, or two small ones of our own."""
    folder = schemas / "odh-servingruntimes" if schemas else None
    if folder is None or not folder.is_dir():
        found = [_own_template("kserve-ovms", "OpenVINO Model Server", _OVMS, "predictive"),
                 _own_template("vllm-cuda-runtime-template", "vLLM NVIDIA GPU ServingRuntime for KServe", _VLLM,
                               "generative")]  # fmt: skip
    else:
        found = []
        images = dict(
            line.split("=", 1) for line in (folder / "params.env").read_text().splitlines() if "=" in line
        )
        for path in sorted(folder.glob("*.yaml")):
            text = path.read_text()
            for name, image in images.items():
                text = text.replace(f"$({name})", image)
            found.append(yaml.load(text, Loader=yaml.CSafeLoader))
    for template in found:
        template["metadata"]["namespace"] = namespace
    return found


_OVMS: Object = {
    "name": "kserve-ovms",
    "runtime": "ovms",
    "port": 8888,
    "image": "quay.io/opendatahub/openvino_model_server:2025.1-release",
    "args": ["--model_name={{.Name}}", "--port=8001", "--rest_port=8888", "--model_path=/mnt/models"],
    "formats": [
        {"name": "openvino_ir", "version": "opset13", "autoSelect": True},
        {"name": "onnx", "version": "1"},
    ],
    "protocols": ["v2", "grpc-v2"],
}
_VLLM: Object = {
    "name": "vllm-cuda-runtime",
    "runtime": "vllm",
    "port": 8080,
    "image": "quay.io/vllm/vllm-cuda:latest",
    "args": ["--port=8080", "--model=/mnt/models", "--served-model-name={{.Name}}"],
    "formats": [{"name": "vLLM", "autoSelect": True}],
    "protocols": None,
}


def _own_template(name: str, title: str, runtime: Object, model_type: str) -> Object:
    spec: Object = {
        "multiModel": False,
        "annotations": {
            "opendatahub.io/kserve-runtime": runtime["runtime"],
            "prometheus.io/port": str(runtime["port"]),
            "prometheus.io/path": "/metrics",
        },
        "supportedModelFormats": runtime["formats"],
        "containers": [
            {
                "name": "kserve-container",
                "image": runtime["image"],
                "args": runtime["args"],
                "ports": [{"containerPort": runtime["port"], "protocol": "TCP"}],
            }
        ],
    }
    if runtime["protocols"]:
        spec["protocolVersions"] = runtime["protocols"]
    return {
        "kind": "Template",
        "apiVersion": "template.openshift.io/v1",
        "metadata": {
            "name": name,
            "labels": {"opendatahub.io/dashboard": "true", "opendatahub.io/ootb": "true"},
            "annotations": {
                "openshift.io/display-name": title,
                "opendatahub.io/modelServingSupport": '["single"]',
                "opendatahub.io/apiProtocol": "REST",
                "opendatahub.io/model-type": f'["{model_type}"]',
            },
        },
        "objects": [
            {
                "apiVersion": "serving.kserve.io/v1alpha1",
                "kind": "ServingRuntime",
                "metadata": {
                    "name": runtime["name"],
                    "labels": {"opendatahub.io/dashboard": "true"},
                    "annotations": {
                        "openshift.io/display-name": title,
                        "opendatahub.io/recommended-accelerators": '["nvidia.com/gpu"]',
                    },
                },
                "spec": spec,
            }
        ],
    }


def odh_objects(namespace: str) -> list[Object]:
    """A CPU and a GPU hardware profile, and the dashboard's settings."""

    def identifier(name: str, title: str, kind: str, least: Any, usual: Any, most: Any) -> Object:
        return {"identifier": name, "displayName": title, "resourceType": kind, "minCount": least,
                "defaultCount": usual, "maxCount": most}  # fmt: skip

    cpu = identifier("cpu", "CPU", "CPU", 1, 2, 4)
    memory = identifier("memory", "Memory", "Memory", "2Gi", "4Gi", "8Gi")
    gpu = identifier("nvidia.com/gpu", "GPU", "Accelerator", 1, 1, 2)
    toleration = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    profiles: list[tuple[str, str, list[Object], Object | None]] = [
        ("default-profile", "Default", [cpu, memory], None),
        ("nvidia-t4", "NVIDIA T4", [cpu, memory, gpu],
         {"node": {"nodeSelector": {"nvidia.com/gpu.product": "Tesla-T4"}, "tolerations": [toleration]},
          "type": "Node"}),
    ]  # fmt: skip
    found: list[Object] = [
        {
            "kind": "HardwareProfile",
            "apiVersion": "infrastructure.opendatahub.io/v1",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "annotations": {
                    "opendatahub.io/display-name": title,
                    "opendatahub.io/disabled": "false",
                    "opendatahub.io/description": f"{title} profile",
                },
            },
            "spec": {"identifiers": identifiers, **({"scheduling": where} if where else {})},
        }
        for name, title, identifiers, where in profiles
    ]
    found.append(
        {
            "kind": "OdhDashboardConfig",
            "apiVersion": "opendatahub.io/v1alpha",
            "metadata": {"name": "odh-dashboard-config", "namespace": namespace},
            "spec": {
                "dashboardConfig": {"disableKServe": False},
                "templateOrder": [],
                "templateDisablement": [],
            },
        }
    )
    return found


def nodes() -> list[Object]:
    """One plain node, one with a GPU of an older generation."""
    gpu = {
        "nvidia.com/gpu.product": "Tesla-T4",
        "nvidia.com/gpu.memory": "15360",
        "nvidia.com/gpu.compute.major": "7",
        "nvidia.com/gpu.compute.minor": "5",
        "nvidia.com/gpu.count": "1",
    }
    return [_node("local-1", {}, {}), _node("gpu-1", gpu, {"nvidia.com/gpu": "1"})]


def _node(name: str, labels: Object, devices: Object) -> Object:
    size = {"cpu": "16", "memory": "64Gi", "pods": "110", "ephemeral-storage": "100Gi", **devices}
    return {
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/arch": "amd64", "kubernetes.io/hostname": name, **labels},
        },
        "spec": {},
        "status": {
            "capacity": size,
            "allocatable": size,
            "nodeInfo": {"architecture": "amd64", "kubeletVersion": "v1.36.2", "operatingSystem": "linux"},
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
        },
    }
