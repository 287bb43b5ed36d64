"""The life of a service in a project: what KServe's part does, what a user is told, and that the model answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from odh_oci_widgets import serving
from odh_oci_widgets.cluster import connect
from odh_oci_widgets.serving import ServiceFailed, ServiceNotFound, ServiceState, ServiceTimeout
from odh_oci_widgets.serving.project import service as service_module
from odh_oci_widgets.serving.project.asking import ask
from odh_oci_widgets.serving.project.diagnosis import diagnose
from tests.servers.kubernetes import KServe, Network, Node, wait_for
from tests.servers.kubernetes.derived import redeploy
from tests.servers.v2 import V2Server
from tests.unit.test_diagnosis import TABLE

IMAGE = "quay.io/org/model:1@sha256:" + "b" * 64
GIVEN = {"format": "onnx", "memory": "2Gi"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(service_module, "_POLL_SECONDS", 0.05)


@pytest.fixture
def project(kubeconfig):
    return connect(kubeconfig=str(kubeconfig))


@pytest.fixture
def network(kubernetes_api, tmp_path, monkeypatch) -> Iterator[Network]:
    monkeypatch.setenv("SSL_CERT_FILE", str(kubernetes_api.authority))
    with Network(kubernetes_api, tmp_path) as made:
        yield made


class Doubler(V2Server):
    """A model that doubles, under the name of the service."""

    def __init__(self, name: str) -> None:
        super().__init__(
            lambda inputs: {"y": inputs["x"] * 2},
            inputs=[("x", "FP32", [-1, 2])],
            outputs=[("y", "FP32", [-1, 2])],
            name=name,
        )


@pytest.fixture
def node(kubernetes_api, network) -> Node:
    return Node(kubernetes_api, network, lambda _image, obj: Doubler(obj["metadata"]["name"]))


class TestReady:
    @pytest.mark.parametrize("headless", [False, True])
    @pytest.mark.parametrize(
        ("external", "token_auth"), [(False, True), (False, False), (True, True), (True, False)]
    )
    def test_it_answers_at_the_url_that_works(
        self, kubernetes_api, project, namespace, node, headless, external, token_auth
    ):
        with KServe(kubernetes_api, namespace, node=node, headless=headless):
            service = serving.deploy(
                IMAGE, "double", project=project, external=external, token_auth=token_auth, **GIVEN
            )
            service.wait(timeout=30)
            assert service.state is ServiceState.READY
            local = f"double-predictor.{namespace}.svc.cluster.local"
            if external:
                assert service.url == f"https://double-{namespace}.apps.example.test"
            elif token_auth:
                assert service.url == f"https://{local}:8443"
            else:
                assert service.url == (f"http://{local}:8888" if headless else f"http://{local}")
            assert bool(service.call_headers()) == token_auth
            doubled = service.infer(np.array([[1.0, 2.0]], dtype=np.float32))
            assert doubled["y"].tolist() == [[2.0, 4.0]]
            told = service.to_dict()
            assert told["state"] == "ready"
            assert told["url"] == service.url

    def test_the_wait_ends_by_itself_and_the_changes_are_told(self, kubernetes_api, project, namespace, node):
        with KServe(kubernetes_api, namespace, node=node, pace=0.02):
            service = serving.deploy(IMAGE, "double", project=project, **GIVEN)
            told = [one.state for one in service.watch(timeout=30)]
        assert told[-1] is ServiceState.READY
        assert ServiceState.STARTING in told

    def test_who_may_not_call_it_is_told_so(self, kubernetes_api, project, namespace, node):
        """Somebody may look at pods and services, and not at the InferenceService that guards the calls."""
        with KServe(kubernetes_api, namespace, node=node):
            service = serving.deploy(IMAGE, "double", project=project, **GIVEN)
            service.wait(timeout=30)
            wrong = replace(project.connection, authorization=lambda: "Bearer wrong")
            pod, manifest = service.snapshot().current[0], service.manifest
            headers = {"Authorization": str(wrong.authorization())}
            answer = ask(project, manifest, pod, url=service.url, headers=headers)
            assert diagnose(service.snapshot().answered(answer)).sentence == (
                "The service runs, and does not accept our token: it is wrong or has expired (401)."
            )

    def test_redeploying_serves_the_newer_image(self, kubernetes_api, project, namespace, network):
        network.publish(f"double-predictor.{namespace}.svc.cluster.local", 80, Doubler("double").url)
        with KServe(kubernetes_api, namespace, situation=redeploy(), automatic=False) as kserve:
            service = serving.deploy(IMAGE, "double", project=project, token_auth=False, **GIVEN)
            play = kserve.play("double")
            play.finish()
            service.wait(timeout=30)
            service.redeploy("quay.io/org/model:2")
            wait_for(lambda: play.left)
            told = [service.diagnose().sentence]
            while play.advance():
                told.append(service.diagnose().sentence)
            assert any(one.endswith("The earlier version still answers.") for one in told)
            assert told[-1] == "The model answers."
            assert service.image == "oci://quay.io/org/model:2"

    @pytest.mark.parametrize("begun", ["ready-internal", "ready-token", "image-not-found", "stop-and-start"])
    def test_redeploying_what_another_recording_began(self, kubernetes_api, project, namespace, begun):
        with KServe(kubernetes_api, namespace, situation=begun, automatic=False) as kserve:
            service = serving.deploy(IMAGE, "double", project=project, **GIVEN)
            play = kserve.play("double")
            play.finish()
            (before,) = service.snapshot().current
            service.redeploy("quay.io/org/model:2")
            wait_for(lambda: play.left)
            play.finish()
            kubernetes_api.settle()
            (after,) = service.snapshot().alive
            assert after["metadata"]["name"] != before["metadata"]["name"]
            modelcar = next(c for c in after["spec"]["containers"] if c["name"] == "modelcar")
            assert modelcar["image"] == "quay.io/org/model:2"

    def test_each_redeployment_has_a_pod_of_its_own(self, kubernetes_api, project, namespace, node):
        pods = []
        with KServe(kubernetes_api, namespace, node=node):
            for digit in "123":
                image = f"quay.io/org/model:{digit}@sha256:{digit * 64}"
                serving.deploy(image, "double", project=project, **GIVEN).wait(timeout=30)
                wait_for(lambda: len(kubernetes_api.find("pods", namespace)) == 1)
                pods += kubernetes_api.find("pods", namespace)
        assert len({pod["metadata"]["name"] for pod in pods}) == 3
        assert len({pod["metadata"]["uid"] for pod in pods}) == 3

    def test_stop_start_and_delete(self, kubernetes_api, project, namespace, node):
        with KServe(kubernetes_api, namespace, node=node):
            service = serving.deploy(IMAGE, "double", project=project, **GIVEN)
            service.wait(timeout=30)
            service.stop()
            assert [one.state for one in service.watch(timeout=20)][-1] is ServiceState.STOPPED
            with pytest.raises(ServiceFailed, match="stopped"):
                service.wait(timeout=5)
            service.start()
            service.wait(timeout=30)
            service.delete()
            told = list(service.watch(timeout=20))
            assert told[-1].sentence == "There is no service `double`."


class TestNotReady:
    @pytest.mark.parametrize(
        "situation",
        [
            "image-not-found",
            "image-unauthorized",
            "no-models",
            "model-load-failed",
            "out-of-memory",
            "unschedulable",
            "runtime-missing",
            "format-unsupported",
            "out-of-quota",
        ],
    )
    def test_waiting_ends_with_the_sentence(self, kubernetes_api, project, namespace, situation):
        with KServe(kubernetes_api, namespace, situation=situation):
            service = serving.deploy(IMAGE, "demo", project=project, **GIVEN)
            with pytest.raises(ServiceFailed) as caught:
                service.wait(timeout=30, patience=0.3)
        sentence = TABLE[situation][-1][1]
        assert caught.value.message.replace(IMAGE.replace(":1@", "@"), "quay.io/org/model:1") == sentence
        assert caught.value.hint

    def test_a_failure_that_repairs_itself_is_waited_out(self, kubernetes_api, project, namespace, node):
        """KServe says that the runtime is missing as long as it has not seen the one made just before."""
        with KServe(kubernetes_api, namespace, node=node, automatic=False) as kserve:
            service = serving.deploy(IMAGE, "demo", project=project, **GIVEN)
            play = kserve.play("demo")
            body = service.manifest
            body["status"] = {
                "modelStatus": {
                    "transitionStatus": "InvalidSpec",
                    "lastFailureInfo": {"reason": "RuntimeNotRecognized"},
                }
            }
            kubernetes_api.put(body)
            assert service.state is ServiceState.FAILED
            waiting = threading.Thread(
                target=service.wait, kwargs={"timeout": 30, "patience": 20}, daemon=True
            )
            waiting.start()
            play.finish()
            waiting.join(20)
            assert not waiting.is_alive()
            assert service.state is ServiceState.READY

    def test_a_pull_that_goes_on_is_a_timeout_and_no_failure(self, kubernetes_api, project, namespace):
        with KServe(kubernetes_api, namespace, situation="pull-slow", automatic=False) as kserve:
            service = serving.deploy(IMAGE, "demo", project=project, **GIVEN)
            kserve.play("demo").until_time(610)
            with pytest.raises(ServiceTimeout, match="is being pulled for") as caught:
                service.wait(timeout=0.3)
        assert "goes on without us" in caught.value.hint

    def test_deleted_while_somebody_waits(self, kubernetes_api, project, namespace):
        service = serving.deploy(IMAGE, "demo", project=project, **GIVEN)
        failure: list[BaseException] = []

        def wait() -> None:
            try:
                service.wait(timeout=20)
            except ServiceNotFound as error:
                failure.append(error)

        waiting = threading.Thread(target=wait, daemon=True)
        waiting.start()
        time.sleep(0.2)
        serving.service("demo", target="project", project=project).delete()
        waiting.join(20)
        assert failure
        assert "was deleted" in str(failure[0])


class TestTold:
    def test_timeline_events_and_logs(self, kubernetes_api, project, namespace):
        with KServe(kubernetes_api, namespace, situation="no-models") as kserve:
            service = serving.deploy(IMAGE, "demo", project=project, **GIVEN)
            kserve.play("demo").finish()
            with pytest.raises(ServiceFailed):
                service.wait(timeout=20, patience=0)
            assert any(one.text == "created" for one in service.timeline())
            assert any("BackOff" in line for line in service.events())
            pod = service.snapshot().current[0]["metadata"]["name"]
            kubernetes_api.logs(
                namespace, pod, "modelcar-init", "NOK : Prefetched but modelcar is invalid", previous=True
            )
            assert list(service.logs(container="modelcar-init")) == [
                "NOK : Prefetched but modelcar is invalid"
            ]

    def test_who_may_only_view_sees_the_same(self, kubernetes_api, project, namespace, node):
        viewer = kubernetes_api.user(f"viewer-{namespace}", view=namespace)
        seen = connect(kubeconfig=str(kubernetes_api.kubeconfig(viewer, namespace)))
        with KServe(kubernetes_api, namespace, node=node):
            serving.deploy(IMAGE, "double", project=project, **GIVEN).wait(timeout=30)
            service = serving.service("double", target="project", project=seen)
            assert service.state is ServiceState.READY
            with pytest.raises(Exception, match="may not delete"):
                service.delete()
