"""The URL at which a service of the project answers, and whether a token goes with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from odh_oci_widgets.cluster.project import Manifest

AUTH = "security.opendatahub.io/enable-auth"


def address_of(service: Manifest, read_predictor: Callable[[], Manifest | None]) -> str | None:
    """The base URL; None until there is one.

    KServe's own address of a service inside the cluster lacks the port, or has the wrong one for headless Services
    (the default of Open Data Hub): the Kubernetes Service says it. `read_predictor` reads that Service, or gives None
    where it cannot be read.
    """
    told = str((service.get("status") or {}).get("url") or "")
    if not told:
        return None
    if not is_cluster_local(told):
        return told.rstrip("/")
    predictor = read_predictor()
    if predictor is None:
        return _guess(service, told)
    port = _port(predictor)
    if port is None:
        return told.rstrip("/")
    scheme = "https" if port.get("name") == "https" or port.get("port") == 8443 else "http"
    metadata = predictor["metadata"]
    host = f"{metadata['name']}.{metadata['namespace']}.svc.cluster.local"
    number = _number(predictor, port)
    standard = {"http": 80, "https": 443}[scheme]
    return f"{scheme}://{host}" + ("" if number == standard else f":{number}")


def is_cluster_local(url: str) -> bool:
    """Whether only the cluster itself knows the name."""
    host = urlsplit(url).hostname or ""
    return host.endswith((".svc", ".svc.cluster.local"))


def needs_token(service: Manifest) -> bool:
    """Whether calls need a token."""
    return ((service["metadata"].get("annotations") or {}).get(AUTH)) == "true"


def _port(predictor: Manifest) -> dict[str, Any] | None:
    ports: list[dict[str, Any]] = (predictor.get("spec") or {}).get("ports") or []
    return next((port for port in ports if port.get("name") == "https"), ports[0] if ports else None)


def _number(predictor: Manifest, port: dict[str, Any]) -> int:
    if predictor["spec"].get("clusterIP") != "None":
        return int(port["port"])
    target = port.get("targetPort")  # no virtual address: the name leads to the pods themselves
    return target if isinstance(target, int) else int(port["port"])


def _guess(service: Manifest, told: str) -> str:
    """Without the right to read Services: what KServe says, with the protected port where calls need a token."""
    if needs_token(service) and urlsplit(told).port is None:
        return f"https://{urlsplit(told).hostname}:8443"
    return told.rstrip("/")
