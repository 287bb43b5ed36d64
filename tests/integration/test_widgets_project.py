"""The wizard in front of a cluster: who am I, where can images go, what runs them; from the form to an answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from odh_oci_widgets import Wizard
from odh_oci_widgets.cluster import connect, use
from odh_oci_widgets.cluster.destinations import store_connection
from odh_oci_widgets.oci.credentials import Credential
from odh_oci_widgets.widgets import DeployStep
from tests.servers.kubernetes import KServe, KubernetesApi, Network, Node
from tests.servers.registry import Registry
from tests.servers.vllm import VLLM

PATIENCE = 60


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "granite"
    made.mkdir()
    (made / "config.json").write_text('{"architectures": ["GraniteForCausalLM"], "model_type": "granite"}')
    (made / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    return made


@pytest.fixture(autouse=True)
def _no_login_left() -> Iterator[None]:
    yield
    use(None)


def test_without_a_cluster_the_sandbox_is_offered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wizard = Wizard()
    wizard.access.join(PATIENCE)
    assert "sandbox" in wizard.access._face.value
    assert wizard.deploy.target.value == "sandbox"
    assert next(label for label, _ in wizard.image.place.options).startswith("This machine")


def test_the_project_is_shown_and_offered(
    kubernetes_api: KubernetesApi,
    kubeconfig: Path,
    namespace: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    login = Credential(username="me", password="pass-of-the-connection")
    store_connection(connect(), "quay", "quay.io/my-org", login)
    wizard = Wizard(str(folder))
    wizard.access.join(PATIENCE)
    wizard.model.join(PATIENCE)
    assert namespace in wizard.access._face.value
    assert "✓ yes" in wizard.access._details.value
    assert wizard.deploy.target.value == "project"
    assert any(name.startswith("vllm") for name in wizard.deploy.runtime.options)
    assert wizard.deploy.pull_secret.options == ("quay",)
    assert wizard.image.image.value == "quay.io/my-org/granite:1"
    assert wizard.flow.credentials().find("quay.io", "my-org/granite") == login
    wizard.image.place.value = "layout"
    assert wizard.image.image.value == "oci:images/granite:1"
    assert "pass-of-the-connection" not in str(wizard.image.renderings())


def test_who_may_nothing_is_told_the_command_that_helps(
    kubernetes_api: KubernetesApi, namespace: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nobody = kubernetes_api.user(f"nobody-{namespace}")
    monkeypatch.setenv("KUBECONFIG", str(kubernetes_api.kubeconfig(nobody, namespace)))
    wizard = Wizard()
    wizard.access.join(PATIENCE)
    assert "add-role-to-user" in wizard.access._face.value
    assert "✗ no" in wizard.access._details.value
    assert wizard.deploy.target.value == "sandbox"


def test_from_a_folder_to_an_answer_in_the_project(
    kubernetes_api: KubernetesApi,
    kubeconfig: Path,
    namespace: str,
    registry: Registry,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    monkeypatch.setenv("SSL_CERT_FILE", str(kubernetes_api.authority))
    image = f"{registry.host}/widgets/granite:1"
    wizard = Wizard(str(folder), image=image, base="embedded", insecure=True, prompt="Hello", gpu=1)
    wizard.access.join(PATIENCE)
    wizard.model.join(PATIENCE)
    wizard.build.start()
    wizard.build.join(PATIENCE)
    assert wizard.build.error is None
    server = VLLM("granite")
    with Network(kubernetes_api, tmp_path) as network:
        node = Node(kubernetes_api, network, lambda image, service: server)
        with KServe(kubernetes_api, namespace, node=node):
            wizard.deploy.start()
            wizard.deploy.join(PATIENCE)
            assert wizard.deploy.error is None
            assert wizard.flow.service.target == "project"
            assert "ready" in wizard.deploy.card._face.value
            assert wizard.test.kind.value == "completion"
            wizard.test.completion.ask_button.click()
            wizard.test.join(PATIENCE)
            assert wizard.test.error is None
            assert "w0 w1" in wizard.test.completion._text.value
            shown = wizard.test.renderings()["Python"]
            capsys.readouterr()
            exec(shown if isinstance(shown, str) else shown(), {})
            assert "w0 w1" in capsys.readouterr().out, "the shown Python does what the form did"
            wizard.deploy.card._delete_now()
            wizard.deploy.join(PATIENCE)
    assert wizard.flow.service is None
    assert kubernetes_api.find("inferenceservices", namespace, "serving.kserve.io") == []


def test_a_refusal_of_the_cluster_is_shown(
    kubernetes_api: KubernetesApi, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = kubernetes_api.user(f"nobody-deploy-{namespace}")
    monkeypatch.setenv("KUBECONFIG", str(kubernetes_api.kubeconfig(nobody, namespace)))
    step = DeployStep("127.0.0.1:1/me/x@sha256:" + "0" * 64, name="x", target="project")
    step.framework.value = step.framework.options[2][1]
    step.start()
    step.join(PATIENCE)
    assert 'role="alert"' in step._alert.value
    assert step.error.hint


def test_the_review_tells_what_the_cluster_makes_of_it(
    kubernetes_api: KubernetesApi, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    step = DeployStep("127.0.0.1:1/me/x@sha256:" + "0" * 64, name="x", target="project")
    step.framework.value = "huggingface"
    assert step._notes.value == ""
    step._reviewed.toggle()
    step._preview.join(PATIENCE)
    assert "<li>" in step._notes.value
    assert "vllm" in step._notes.value.lower()
    step.target.value = "sandbox"
    assert step._notes.value == ""
