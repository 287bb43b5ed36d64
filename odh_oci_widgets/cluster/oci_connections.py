"""Secrets with registry credentials, as the dashboard makes and shows them: OCI connections."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from odh_oci_widgets.oci.credentials import Credential, normal_key
from odh_oci_widgets.oci.reference import DOCKER_HUB, DOCKER_HUB_ALIASES

from .project import Manifest, Project
from .resources import SECRETS

_CONFIG = ".dockerconfigjson"


@dataclass(frozen=True, kw_only=True)
class OciConnection:
    """A Secret of the project that opens a registry. Holds no password."""

    #: name of the Secret
    name: str
    display_name: str
    #: `quay.io/my-org`: registry and, where it says so, the path in it
    host: str
    push: bool = True
    pull: bool = True
    #: False for a plain pull Secret, which the dashboard does not show as a connection
    dashboard: bool = True


def list_connections(project: Project) -> list[OciConnection]:
    """The project's OCI connections and plain pull Secrets. Raises NotAllowed."""
    found: list[OciConnection] = []
    for secret in project.list(SECRETS, fields="type=kubernetes.io/dockerconfigjson"):
        if (
            secret.get("type") == "kubernetes.io/dockerconfigjson"
        ):  # not every server knows the field selector
            found += _connections(secret)
    return sorted(found, key=lambda one: (not one.dashboard, one.name))


def is_connection(secret: Manifest) -> bool:
    """Whether the dashboard takes this Secret for an OCI connection."""
    annotations = secret["metadata"].get("annotations") or {}
    protocol = annotations.get("opendatahub.io/connection-type-protocol")
    if protocol is not None:  # it wins over the older one
        return bool(protocol == "oci")
    return annotations.get("opendatahub.io/connection-type-ref") == "oci-v1"


def connection_manifest(
    name: str,
    host: str,
    credential: Credential,
    *,
    display_name: str | None = None,
    labels: dict[str, str] | None = None,
) -> Manifest:
    """The Secret that stores `credential` for `host` (`quay.io/my-org`) as a connection. Handle it as a secret."""
    pair = base64.b64encode(f"{credential.username}:{credential.password}".encode()).decode()
    config = {"auths": {registry_of(host): {"auth": pair}}}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/dockerconfigjson",
        "metadata": {
            "name": name,
            "labels": {"opendatahub.io/dashboard": "true"} | (labels or {}),
            "annotations": {
                "opendatahub.io/connection-type-ref": "oci-v1",
                "opendatahub.io/connection-type-protocol": "oci",
                "openshift.io/display-name": display_name or name,
            },
        },
        "data": {
            _CONFIG: base64.b64encode(json.dumps(config).encode()).decode(),
            "OCI_HOST": base64.b64encode(host.encode()).decode(),
            "ACCESS_TYPE": base64.b64encode(b'["Push","Pull"]').decode(),
        },
    }


def read_credential(project: Project, secret: str, registry: str) -> Credential | None:
    """What a Secret holds for a registry; None when it holds nothing for it. Raises ObjectNotFound, NotAllowed."""
    data = project.get(SECRETS, secret).get("data") or {}
    try:
        auths = json.loads(_text(data.get(_CONFIG)) or "{}").get("auths") or {}
    except (ValueError, AttributeError):
        return None
    for key, entry in auths.items():
        if registry_of(key) == registry:
            user, _, password = _text(entry.get("auth")).partition(":")
            return Credential(
                username=entry.get("username") or user, password=entry.get("password") or password
            )
    return None


def registry_of(image_or_host: str) -> str:
    """The registry's host and port.

    >>> registry_of("http://quay.io/my-org"), registry_of("localhost:5000/a/b:1")
    ('quay.io', 'localhost:5000')
    >>> registry_of("https://index.docker.io/v1/")
    'docker.io'
    """
    text = image_or_host if "://" in image_or_host else f"//{image_or_host}"
    host = urlsplit(text).netloc
    return DOCKER_HUB if host in DOCKER_HUB_ALIASES else host


def _connections(secret: Manifest) -> list[OciConnection]:
    metadata = secret["metadata"]
    data = secret.get("data") or {}
    name = str(metadata["name"])
    if is_connection(secret):
        host = _text(data.get("OCI_HOST")).removeprefix("https://").removeprefix("http://")
        hosts = [normal_key(host)] if host else _hosts(data)
        access = _access(_text(data.get("ACCESS_TYPE")))
        shown = (metadata.get("annotations") or {}).get("openshift.io/display-name") or name
        return [
            OciConnection(
                name=name,
                display_name=str(shown),
                host=one,
                push=not access or "Push" in access,
                pull=not access or "Pull" in access,
            )
            for one in hosts
        ]
    return [OciConnection(name=name, display_name=name, host=one, dashboard=False) for one in _hosts(data)]


def _hosts(data: dict[str, Any]) -> list[str]:
    try:
        auths = json.loads(_text(data.get(_CONFIG)) or "{}").get("auths") or {}
    except (ValueError, AttributeError):
        return []
    return list(dict.fromkeys(normal_key(str(host)) for host in auths))


def _access(text: str) -> list[str]:
    try:
        found = json.loads(text or "[]")
    except ValueError:
        return []
    return [str(one) for one in found] if isinstance(found, list) else []


def _text(encoded: Any) -> str:
    try:
        return base64.b64decode(str(encoded or ""), validate=False).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
