"""The service card in front of a cluster: what a person who waits for a model sees and can do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from odh_oci_widgets import serving
from odh_oci_widgets.cluster import Project, connect
from odh_oci_widgets.serving import Diagnosis, Service
from odh_oci_widgets.widgets import service_card
from odh_oci_widgets.widgets.service_card import ServiceCard
from tests.servers.kubernetes import KServe, KubernetesApi, Network, Node
from tests.servers.v2 import V2Server

PATIENCE = 60
IMAGE = "quay.io/org/model:1@sha256:" + "b" * 64


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_card, "PERIOD", 0.05)
    monkeypatch.setattr(service_card, "PATIENCE", 0.5)


@pytest.fixture
def project(kubeconfig: Path) -> Project:
    return connect(kubeconfig=str(kubeconfig))


@pytest.fixture
def node(kubernetes_api: KubernetesApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    monkeypatch.setenv("SSL_CERT_FILE", str(kubernetes_api.authority))
    with Network(kubernetes_api, tmp_path) as network:
        yield Node(
            kubernetes_api,
            network,
            lambda _image, found: V2Server(
                lambda inputs: inputs,
                inputs=[("x", "FP32", [1])],
                outputs=[("x", "FP32", [1])],
                name=found["metadata"]["name"],
            ),
        )


class Told:
    """What a card told its step."""

    def __init__(self) -> None:
        self.settled: list[Diagnosis] = []
        self.deleted = 0
        self.card = ServiceCard(settled=self.settled.append, deleted=self._deleted)

    def _deleted(self) -> None:
        self.deleted += 1


def deployed(project: Project, name: str) -> Service:
    return serving.deploy(IMAGE, name, project=project, format="onnx", memory="2Gi")


def buttons(card: ServiceCard) -> dict[str, Callable[[], None]]:
    return {one.description: one.click for one in card._actions.children}


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_comes_up_is_stopped_started_and_deleted(
    kubernetes_api: KubernetesApi, project: Project, namespace: str, node: Node
) -> None:
    told = Told()
    card = told.card
    with KServe(kubernetes_api, namespace, node=node):
        card.attach(deployed(project, "double"))
        card.join(PATIENCE)
        face = card._face.value
        for word in (
            "ready",
            "created",
            "scheduled",
            "model server started",
            "URL",
            "What happened to double",
        ):
            assert word in face
        assert list(buttons(card)) == ["Refresh", "Stop", "Delete"]
        assert "start()" not in face

        buttons(card)["Stop"]()
        card.join(PATIENCE)
        assert "stopped" in card._face.value
        assert list(buttons(card)) == ["Refresh", "Start", "Delete"]

        buttons(card)["Start"]()
        card.join(PATIENCE)
        assert told.settled[-1].state == "ready"

        buttons(card)["Delete"]()
        assert list(buttons(card)) == ["Yes, delete the service", "Keep it"]
        buttons(card)["Keep it"]()
        assert kubernetes_api.find("inferenceservices", namespace, "serving.kserve.io")
        buttons(card)["Delete"]()
        buttons(card)["Yes, delete the service"]()
        card.join(PATIENCE)
    assert told.deleted == 1
    assert card.children == ()
    assert kubernetes_api.find("inferenceservices", namespace, "serving.kserve.io") == []


def test_a_failure_shows_logs_of_each_container_events_and_warnings(
    kubernetes_api: KubernetesApi, project: Project, namespace: str
) -> None:
    told = Told()
    card = told.card
    with KServe(kubernetes_api, namespace, situation="no-models"):
        card.attach(deployed(project, "demo"))
        card.join(PATIENCE)
        assert told.settled[-1].state == "failed"
        assert "/models` is missing or empty" in card._face.value
        assert "Warning: " in card._face.value
        pod = kubernetes_api.find("pods", namespace)[0]["metadata"]["name"]
        kubernetes_api.logs(namespace, pod, "modelcar-init", "looking", "no models here", previous=True)
        card._logs.toggle()
        card._container.value = "modelcar-init"
        wait_for(lambda: "no models here" in card._log.lines.value)
        card._log.filter.value = "LOOK"
        assert "no models here" not in card._log.lines.value
        assert "looking" in card._log.lines.value
        card._log.filter.value = "absent"
        assert "None of 2 lines" in card._log.lines.value
        card._events.toggle()
        wait_for(lambda: "BackOff" in card._event_log.lines.value)


def test_the_sandbox_shows_what_it_has() -> None:
    class Local:
        """A service with the face of every service, and nothing of a project's."""

        name, target, image, url = "digits", "sandbox", "oci:digits:1", "http://127.0.0.1:1"

        def diagnose(self) -> Diagnosis:
            return Diagnosis(state=serving.ServiceState.READY, sentence="The model answers.")

        def logs(self, *, tail: int = 200) -> Iterator[str]:
            yield "served"

    told = Told()
    told.card.attach(Local())  # type: ignore[arg-type]
    told.card.join(PATIENCE)
    assert list(buttons(told.card)) == ["Refresh", "Delete"]
    assert "What happened" not in told.card._face.value
    assert told.card._events not in told.card.children
    assert told.card._container.layout.display == "none"
    told.card._logs.toggle()
    wait_for(lambda: "served" in told.card._log.lines.value)
