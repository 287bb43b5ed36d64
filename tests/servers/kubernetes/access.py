"""How clients find the server: a kubeconfig, or what a pod sees of its cluster."""

from __future__ import annotations

import base64
from pathlib import Path

import yaml


def write_kubeconfig(
    path: Path,
    *,
    server: str,
    authority: Path | None,
    token: str,
    user: str,
    namespace: str,
    insecure: bool = False,
) -> Path:
    """A kubeconfig as `oc login` writes it: cluster, user and context named after the server."""
    host = server.split("://", 1)[1].replace(".", "-")
    cluster: dict[str, object] = {"server": server}
    if insecure:
        cluster["insecure-skip-tls-verify"] = True
    elif authority:
        cluster["certificate-authority-data"] = base64.b64encode(authority.read_bytes()).decode()
    context: dict[str, object] = {"cluster": host, "user": f"{user}/{host}"}
    if namespace:
        context["namespace"] = namespace
    name = f"{namespace}/{host}/{user}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": host, "cluster": cluster}],
                "users": [{"name": f"{user}/{host}", "user": {"token": token}}],
                "contexts": [{"name": name, "context": context}],
                "current-context": name,
            }
        )
    )
    path.chmod(0o600)
    return path


def write_account(folder: Path, *, token: str, namespace: str, authority: Path | None) -> Path:
    """What is mounted at /var/run/secrets/kubernetes.io/serviceaccount."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "token").write_text(token)
    (folder / "namespace").write_text(namespace)
    if authority:
        (folder / "ca.crt").write_bytes(authority.read_bytes())
        (folder / "service-ca.crt").write_bytes(authority.read_bytes())
    return folder
