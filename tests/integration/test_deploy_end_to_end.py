"""From a model to an answer through a project: a real registry, a real model server, KServe's part played."""

from __future__ import annotations

import numpy as np
import pytest

from odh_oci_widgets import serving
from odh_oci_widgets.cluster import connect
from odh_oci_widgets.serving import sandbox
from odh_oci_widgets.serving.project import service as service_module
from tests.onnx_models import linear
from tests.sandbox import image_of, own_sandbox
from tests.servers.kubernetes import KServe, Network, Node

pytestmark = pytest.mark.xdist_group("sandbox")


class Pod:
    """The model server of one service, out of its image in the registry: what a node would run."""

    def __init__(self, image, service):
        self._service = sandbox.deploy(image, service["metadata"]["name"], insecure=True)
        self._service.wait(120)

    @property
    def url(self):
        return self._service.url

    def stop(self):
        self._service.delete()


def test_build_push_deploy_classify(kubernetes_api, kubeconfig, namespace, registry, tmp_path, monkeypatch):
    monkeypatch.setattr(service_module, "_POLL_SECONDS", 0.05)
    monkeypatch.setenv("SSL_CERT_FILE", str(kubernetes_api.authority))
    linear(tmp_path / "model" / "digits.onnx", 64, 10, softmax=False)
    image = image_of(tmp_path / "model", f"{registry.host}/{namespace}/digits:1", insecure=True)
    project = connect(kubeconfig=str(kubeconfig))
    with own_sandbox(tmp_path / "state"), Network(kubernetes_api, tmp_path) as network:
        node = Node(kubernetes_api, network, Pod)
        with KServe(kubernetes_api, namespace, node=node, headless=True):
            service = serving.deploy(image, "digits", project=project, insecure=True)
            # the image says which format it is; its digest is pinned
            manifest = service.manifest
            assert manifest["spec"]["predictor"]["model"]["modelFormat"]["name"] == "onnx"
            assert "@sha256:" in service.image
            assert manifest["metadata"]["annotations"]["odh-oci.org/image"].startswith(image)
            service.wait(timeout=120)
            picture = np.zeros((8, 8))
            picture.flat[7] = 9
            assert service.url == f"https://digits-predictor.{namespace}.svc.cluster.local:8443"
            ((best, *_),) = service.classify([picture], top=3)
            assert best.index == 7
            service.delete()
