"""The reference of settings: what a person sets once, and the variables of the environment that the code reads."""

from __future__ import annotations

import ast
import inspect
import re

from .source import comments, trees
from .words import page, table

_NAME = re.compile(r"[A-Z][A-Z0-9]*_[A-Z0-9_]+|KUBECONFIG|HOME|HOSTNAME|PYTHONPATH|PATH")
#: functions and attributes by which the environment is read
_READS = {"get", "pop", "getenv"}

OURS = {
    "ODH_OCI_BASE": "folder with the layout of the base image, for a Job that builds; made and passed on by us",
    "ODH_OCI_LAYER_LIMIT": "largest layer in bytes that the registry takes, where it is not what we know of it",
    "ODH_OCI_RESULT": "file for the last event of a build by a Job that succeeded; made and passed on by us",
    "ODH_OCI_S3": "file with the signatures for objects in S3 storage, for a Job that builds; made and passed on by us",
}
OTHERS = {
    "AWS_S3_BUCKET": "bucket of the data connection that the workbench has",
    "AWS_S3_ENDPOINT": "its address",
    "CONTAINERS_CONF": "Podman's configuration, which names its services",
    "CONTAINER_HOST": "the Podman service that `--builder podman` asks",
    "CONTAINER_SSHKEY": "the key for a Podman service behind ssh",
    "HF_ENDPOINT": "another Hugging Face hub",
    "HF_HUB_DISABLE_XET": "`1`: read files of the hub over plain HTTP",
    "HF_OIDC_RESOURCE": "set where the hub's client gets its token by a workload's identity",
    "HUGGING_FACE_HUB_TOKEN": "older name of `HF_TOKEN`",
    "HF_TOKEN": "token of the hub; else what `hf auth login` wrote",
    "HOME": "where configuration, logins and caches are",
    "HOSTNAME": "the pod of the workbench, whose image a Job runs in",
    "KUBECONFIG": "files with the login to the cluster",
    "KUBERNETES_SERVICE_HOST": "the cluster's API, in a pod",
    "KUBERNETES_SERVICE_PORT": "the cluster's API, in a pod",
    "NB_PREFIX": "names the workbench and its project",
    "PYTHONPATH": "passed on to the sandbox's model server",
    "SOURCE_DATE_EPOCH": "seconds since 1970 that images say they were made at",
    "XDG_CACHE_HOME": "where caches are",
    "XDG_CONFIG_HOME": "where logins of the containers' tools are",
    "XDG_RUNTIME_DIR": "where `podman login` puts its file, and the socket of a Podman service",
    "XDG_STATE_HOME": "where records of builds and services of the sandbox are",
}
#: Read by libraries that we use, for us.
BY_LIBRARIES = {
    "DOCKER_CONFIG": "folder of docker's `config.json`",
    "HTTPS_PROXY, HTTP_PROXY, NO_PROXY": "proxy for everything that leaves this machine",
    "REGISTRY_AUTH_FILE": "file with logins to registries",
    "SSL_CERT_FILE": "certificate authorities to trust",
}


def variables() -> set[str]:
    """Every variable that the code names where it reads the environment."""
    found = set()
    for tree in trees().values():
        for node in ast.walk(tree):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=where, attr=how), args=[ast.Constant(value=str(name)), *_]
                ) if how in _READS and "environ" in ast.dump(where):
                    found.add(name)
                case ast.Subscript(value=where, slice=ast.Constant(value=str(name))) if "environ" in ast.dump(
                    where
                ):
                    found.add(name)
    return {name for name in found if _NAME.fullmatch(name)}


def pages() -> dict[str, str]:
    """Path -> page. Raises ValueError for a variable that the code reads and no table tells."""
    if untold := variables() - {*OURS, *OTHERS}:
        raise ValueError(f"docs/_generate/environment.py does not tell {untold}")
    parts = [
        *_settings(),
        "## Variables of ours",
        _table(OURS),
        "## Variables that others define",
        "Read as the tools that they belong to read them.",
        _table(OTHERS),
        "## Certificates, proxies and logins",
        _table(BY_LIBRARIES),
    ]
    return {"reference/settings.md": page("Settings and environment", *parts)}


def _table(rows: dict[str, str]) -> str:
    return table(("variable", "is"), [(f"`{name}`", meaning) for name, meaning in rows.items()])


def _settings() -> list[str]:
    from dataclasses import fields

    from odh_oci_widgets import settings

    known = comments(settings.Settings)
    rows = [
        (f"`{one.name}`", f"`ODH_OCI_{one.name.upper()}`", f"`{one.default!r}`", known[one.name])
        for one in fields(settings.Settings)
        if one.name in settings.NAMES
    ]
    text = inspect.getdoc(settings) or ""
    return [text.partition("\n>>>")[0], "## Settings", table(("setting", "variable", "default", "is"), rows)]
