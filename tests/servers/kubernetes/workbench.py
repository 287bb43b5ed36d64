"""The pod of a workbench, as Open Data Hub makes it, with the volume that the notebooks stand on."""

from __future__ import annotations

from pathlib import Path

from .cluster import KubernetesApi


def workbench(api: KubernetesApi, namespace: str, volume: Path, modes: list[str]) -> dict[str, str]:
    """Put it there; the environment that a kernel in it has. `modes`: access modes of the volume's claim."""
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "wb-storage", "namespace": namespace},
        "spec": {"accessModes": modes, "resources": {"requests": {"storage": "1Gi"}}},
    }
    container = {
        "name": "wb",
        "image": "registry.example/workbench:2026",
        "env": [{"name": "NB_PREFIX", "value": f"/notebook/{namespace}/wb"}],
        "volumeMounts": [
            {"name": "storage", "mountPath": str(volume)},
            {"name": "trusted-ca", "mountPath": "/etc/pki/tls/custom-certs"},
        ],
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "wb-0", "namespace": namespace},
        "spec": {
            "nodeName": "node-7",
            "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
            "containers": [container],
            "imagePullSecrets": [{"name": "wb-dockercfg"}],
            "volumes": [
                {"name": "storage", "persistentVolumeClaim": {"claimName": "wb-storage"}},
                {"name": "trusted-ca", "configMap": {"name": "workbench-trusted-ca-bundle"}},
            ],
        },
    }
    for one in (claim, pod):
        api.put(one)
    bundle = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "workbench-trusted-ca-bundle", "namespace": namespace},
        "data": {"ca-bundle.crt": ""},
    }
    api.put(bundle)
    return {
        "KUBERNETES_SERVICE_HOST": "10.0.0.1",
        "HOSTNAME": "wb-0",
        "SSL_CERT_FILE": "/etc/pki/tls/custom-certs/ca-bundle.crt",
    }
