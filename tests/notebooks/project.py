"""The cluster that the tutorials deploy to: the tests' API server, with pods that run what is in their image."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from odh_oci_widgets.oci import Credential, Credentials
from odh_oci_widgets.serving import sandbox
from tests.servers.kubernetes import KServe, KubernetesApi, Network, Node
from tests.servers.kubernetes.running import Running

Object = dict[str, Any]


@contextmanager
def in_project(
    api: KubernetesApi,
    namespace: str,
    kubeconfig: Path,
    folder: Path,
    start: Callable[[str, Object], Running],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[KServe]:
    """A kernel started inside is logged in to the project, whose services run what `start` starts for their image."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    # As in a workbench, where one bundle holds the cluster's own authority too.
    monkeypatch.setenv("SSL_CERT_FILE", str(api.authority))
    folder.mkdir()
    with Network(api, folder) as network:
        for name, value in network.environment().items():
            monkeypatch.setenv(name, value)
        with KServe(api, namespace, node=Node(api, network, start), headless=True) as kserve:
            yield kserve


class Pod:
    """The model server of one service, out of its image: pulled with the Secrets that the service names, and no other."""

    def __init__(self, api: KubernetesApi, image: str, service: Object) -> None:
        meta, predictor = service["metadata"], service["spec"]["predictor"]
        logins: dict[str, Credential] = {}
        for named in predictor.get("imagePullSecrets") or ():
            secret = api.get("secrets", named["name"], meta["namespace"])
            if secret and ".dockerconfigjson" in secret["data"]:
                logins |= _logins(secret["data"][".dockerconfigjson"])
        self._service = sandbox.deploy(
            image, meta["name"], insecure=True, credentials=Credentials(logins, environ={})
        )
        self._service.wait(120)

    @property
    def url(self) -> str | None:
        return self._service.url

    def stop(self) -> None:
        self._service.delete()


def _logins(encoded: str) -> dict[str, Credential]:
    config = json.loads(base64.b64decode(encoded))
    pairs = {host: base64.b64decode(entry["auth"]).decode() for host, entry in config["auths"].items()}
    return {host: Credential(*pair.split(":", 1)) for host, pair in pairs.items()}
