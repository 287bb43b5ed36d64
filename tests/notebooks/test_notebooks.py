"""The tutorials run from the first cell to the last, against real servers and stand-ins that behave as real ones."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from odh_oci_widgets.serving import sandbox
from tests.notebooks.executed import printed, put_command_on_path, tutorial
from tests.notebooks.project import Pod, in_project
from tests.servers.hub import Hub
from tests.servers.kubernetes import KubernetesApi
from tests.servers.pictures import bright_or_dark, picture
from tests.servers.registry import Registry
from tests.servers.tokens import TokenServer
from tests.servers.vllm import VLLM, package


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The command is on the PATH; at the end nothing runs in the sandbox, and beside the notebook nothing new lies."""
    put_command_on_path(tmp_path / "bin", monkeypatch)
    yield
    assert sandbox.list_services() == []
    left = {path.name for path in (tmp_path / "work").rglob("*") if path.is_file()}
    assert {name for name in left if not name.endswith("-auth.json")} == set()


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """The folder that the notebook is in."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def project(
    kubernetes_api: KubernetesApi, namespace: str, kubeconfig: Path, tmp_path: Path, monkeypatch
) -> Iterator[None]:
    """A login to a project whose services run what is in their images."""

    def start(image: str, service: dict) -> Pod:
        return Pod(kubernetes_api, image, service)

    with in_project(kubernetes_api, namespace, kubeconfig, tmp_path / "cluster", start, monkeypatch):
        yield
    for plural in ("inferenceservices", "secrets", "configmaps", "cronjobs", "jobs"):
        names = [one["metadata"]["name"] for one in kubernetes_api.find(plural, namespace)]
        assert [name for name in names if not name.startswith(_FURNITURE)] == [], plural


#: What every project has.
_FURNITURE = ("kube-root-ca", "openshift-service-ca", "default-", "builder-", "deployer-")


# -- 00: access


def test_access_without_a_cluster(work: Path):
    said = printed(tutorial("00-check-my-access", work))
    assert "There is no cluster to ask" in said
    assert "✓ a layout on this disk" in said
    assert "✓ kernel" in said
    assert "✓ ONNX models" in said


def test_access_of_an_editor(
    work: Path, kubernetes_api: KubernetesApi, kubeconfig: Path, namespace: str, monkeypatch
):
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    said = printed(tutorial("00-check-my-access", work, TARGET="project"))
    assert f"may do everything that is needed in the project `{namespace}`" in said
    assert "✓ deploy a model" in said
    assert "Nothing to repair." in said
    assert "✓ job" in said
    assert "kserve-ovms" in said


def test_access_of_who_may_nothing(work: Path, kubernetes_api: KubernetesApi, namespace: str, monkeypatch):
    nobody = kubernetes_api.user(f"nobody-{namespace}")
    monkeypatch.setenv("KUBECONFIG", str(kubernetes_api.kubeconfig(nobody, namespace)))
    said = printed(tutorial("00-check-my-access", work, TARGET="project"))
    assert "✗ deploy a model (may not create servingruntimes" in said
    assert f"\noc policy add-role-to-user edit nobody-{namespace} -n {namespace}\n" in said


# -- 01: Granite


@pytest.fixture
def granite(hub: Hub) -> None:
    """A tiny model of Granite's name, with files that a server does not need."""
    header = json.dumps({"weight": {"dtype": "BF16", "shape": [4, 4], "data_offsets": [0, 32]}}).encode()
    hub.add(
        "ibm-granite/granite-3.0-2b-instruct",
        {
            "config.json": b'{"architectures": ["GraniteForCausalLM"], "model_type": "granite"}',
            "model.safetensors": len(header).to_bytes(8, "little") + header + bytes(32),
            "pytorch_model.bin": b"the same weights",
            "README.md": b"# Granite",
        },
    )


def test_granite_in_the_sandbox(granite, work: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(package(tmp_path / "site")), prepend=":")
    settings = {"TARGET": "sandbox", "IMAGE": "oci:images/granite:1", "BASE": "embedded", "ARGS": []}
    said = printed(tutorial("01-granite-completion", work, **settings))
    assert "ready http://127.0.0.1:" in said
    assert "w0 w1" in said


def test_granite_in_the_project(
    granite,
    work: Path,
    tmp_path: Path,
    registry: Registry,
    kubernetes_api,
    kubeconfig,
    namespace,
    monkeypatch,
):
    vllm = VLLM("granite")
    image = f"{registry.host}/notebooks/granite:1"
    with in_project(
        kubernetes_api, namespace, kubeconfig, tmp_path / "cluster", lambda image, service: vllm, monkeypatch
    ):
        said = printed(
            tutorial(
                "01-granite-completion", work, TARGET="project", IMAGE=image, BASE="embedded", INSECURE=True
            )
        )
    assert "left out: pytorch_model.bin" in said
    assert f"{image}@sha256:" in said
    assert "ready http" in said
    assert "w0 w1" in said
    assert vllm.requests[-1]["prompt"] == "What is the IBM granite-3 model?"
    assert kubernetes_api.find("inferenceservices", namespace) == []


# -- 02: MobileNet


@pytest.fixture
def classifier(shared: Path | None, tmp_path: Path) -> tuple[dict[str, str], str]:
    """MODEL, PICTURE and LABELS, the real ones where they are; and what is in the picture."""
    data = shared / "data" / "mobilenet" if shared else tmp_path
    if (data / "mobilenet_v2_quant.onnx").is_file():
        files = {"MODEL": "mobilenet_v2_quant.onnx", "PICTURE": "pelican.jpeg", "LABELS": "synset.txt"}
        return {name: str(data / file) for name, file in files.items()}, "pelican"
    (tmp_path / "labels.txt").write_text("dark\nbright\n")
    return {
        "MODEL": str(bright_or_dark(tmp_path / "model.onnx")),
        "PICTURE": str(picture(tmp_path / "a.png")),
        "LABELS": str(tmp_path / "labels.txt"),
    }, "bright"


def _best(said: str) -> str:
    return next(line for line in said.splitlines() if "%  " in line).split("%  ")[1]


def test_mobilenet_in_the_sandbox(work: Path, classifier):
    settings, label = classifier
    said = printed(tutorial("02-mobilenet-classification", work, **settings))
    assert "/models/1/" in said
    assert "ready http://127.0.0.1:" in said
    assert _best(said) == label


def test_mobilenet_in_the_project(work: Path, classifier, project, registry: Registry, namespace: str):
    settings, label = classifier
    image = f"{registry.host}/{namespace}/mobilenet:1"
    settings |= {"TARGET": "project", "IMAGE": image, "BASE": "embedded", "INSECURE": True}
    said = printed(tutorial("02-mobilenet-classification", work, **settings))
    assert f"{image}@sha256:" in said
    assert f"ready https://mobilenet-predictor.{namespace}.svc.cluster.local:8443" in said
    assert _best(said) == label


# -- 03: a private registry


@pytest.fixture
def private(tmp_path: Path, work: Path) -> Iterator[Registry]:
    """A registry where `robot-push` may write and `robot-pull` read; their files lie beside the notebook."""
    tokens = TokenServer(
        tmp_path / "tokens",
        passwords={"robot-push": "push-0xSECRET", "robot-pull": "pull-0xSECRET"},
        rights={"robot-push": ("pull", "push"), "robot-pull": ("pull",)},
    )
    server = tokens.registry(tmp_path / "private")
    for name in ("push", "pull"):
        login = {"username": f"robot-{name}", "password": f"{name}-0xSECRET"}
        (work / f"{name}-auth.json").write_text(json.dumps({"auths": {server.host: login}}))
    yield server
    server.stop()
    tokens.close()


def _private_settings(private: Registry, classifier) -> dict[str, object]:
    return {
        "MODEL": classifier[0]["MODEL"],
        "IMAGE": f"{private.host}/me/mobilenet:1",
        "PUSH_FILE": "push-auth.json",
        "PULL_FILE": "pull-auth.json",
        "INSECURE": True,
    }


def test_a_private_registry_and_the_sandbox(work: Path, private: Registry, classifier):
    book = tutorial("03-private-registry", work, **_private_settings(private, classifier))
    said = printed(book)
    assert "pulls:  Credential(username='robot-pull', password=<hidden>" in said
    assert f"{private.host}/me/mobilenet:1@sha256:" in said
    assert "does not let `robot-pull` push to `me/mobilenet`" in said
    assert "ready http://127.0.0.1:" in said
    assert "0xSECRET" not in json.dumps(book)


def test_a_private_registry_and_the_project(
    work: Path, private: Registry, classifier, project, registry: Registry, kubernetes_api, namespace
):
    inside = {"dockerImageRepository": f"{registry.host}/{namespace}/cli"}
    stream = {"apiVersion": "image.openshift.io/v1", "kind": "ImageStream", "status": inside}
    kubernetes_api.put(stream | {"metadata": {"name": "cli", "namespace": namespace}})
    settings = _private_settings(private, classifier) | {"TARGET": "project"}
    book = tutorial("03-private-registry", work, **settings)
    said = printed(book)
    assert f"connection: Private registry ({private.host}/me)" in said
    assert "ready https://private-mobilenet-predictor" in said
    assert "[{'name': 'private-registry'}" in said
    assert f"{registry.host}/{namespace}/private-mobilenet:1@sha256:" in said
    assert registry.tags(f"{namespace}/private-mobilenet") == ["1"]
    assert "0xSECRET" not in json.dumps(book)


# -- 04: a model of one's own


def _moved(said: str, version: str) -> tuple[int, int]:
    """Bytes sent and reused for a version."""
    line = next(
        line for line in said.splitlines() if line.startswith(f"version {version}: ") and "sent" in line
    )
    sent, reused = re.findall(r"([\d,]+) (?:bytes sent|reused)", line)
    return int(sent.replace(",", "")), int(reused.replace(",", ""))


def _right(said: str) -> list[float]:
    """The share of pictures named right, as often as it was measured."""
    return [float(found) for found in re.findall(r"version .*: ([\d.]+)% right", said)]


def _check_versions(said: str) -> None:
    model = 17_000_000
    assert _moved(said, "1")[0] > model
    assert _moved(said, "2")[0] > model
    assert _moved(said, "2.1")[0] < 20_000
    assert _moved(said, "2.1")[1] > model
    first, second, again = _right(said)
    assert second > 90
    assert second > first
    assert again == first
    assert "calls a second" in said


def test_own_training_in_the_sandbox(work: Path):
    _check_versions(printed(tutorial("04-from-my-own-training", work)))


def test_own_training_in_the_project(work: Path, project, registry: Registry, namespace: str):
    repository = f"{registry.host}/{namespace}/digits"
    settings = {"TARGET": "project", "REPOSITORY": repository, "BASE": "embedded", "INSECURE": True}
    said = printed(tutorial("04-from-my-own-training", work, **settings))
    _check_versions(said)
    assert registry.tags(f"{namespace}/digits") == ["1", "2", "2.1"]
    first = re.search(rf"^1 {repository}:1@(sha256:\w+)$", said, re.MULTILINE)
    assert first
    assert f"right, oci://{repository}@{first[1]}" in said
