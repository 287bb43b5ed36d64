"""The tutorials run from the first cell to the last, against real servers and stand-ins that behave as real ones."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
import yaml

from odh_oci_widgets.builders import plan_image
from odh_oci_widgets.cluster import connect, store_connection
from odh_oci_widgets.cluster.resources import SECRETS
from odh_oci_widgets.oci import Credential, engine_zip
from odh_oci_widgets.serving import sandbox
from tests.notebooks.executed import NOTEBOOKS, printed, put_command_on_path, tutorial
from tests.notebooks.project import Pod, in_project
from tests.notebooks.tekton import TASKS
from tests.servers.base_image import write_base_image
from tests.servers.hub import Hub
from tests.servers.kubernetes import KubernetesApi
from tests.servers.kubernetes.custom import follow_definition
from tests.servers.kubernetes.jobs import JobRunner
from tests.servers.login import PASSWORD, USER, registry_with_login
from tests.servers.pictures import bright_or_dark, picture
from tests.servers.programs import require
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
    kubernetes_api.settle()  # garbage goes a moment after its owner
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
    assert "✗ deploy a model (may not " in said
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


@pytest.mark.slow
def test_own_training_in_the_sandbox(work: Path):
    _check_versions(printed(tutorial("04-from-my-own-training", work)))


@pytest.mark.slow
def test_own_training_in_the_project(work: Path, project, registry: Registry, namespace: str):
    repository = f"{registry.host}/{namespace}/digits"
    settings = {"TARGET": "project", "REPOSITORY": repository, "BASE": "embedded", "INSECURE": True}
    said = printed(tutorial("04-from-my-own-training", work, **settings))
    _check_versions(said)
    assert registry.tags(f"{namespace}/digits") == ["1", "2", "2.1"]
    first = re.search(rf"^1 {repository}:1@(sha256:\w+)$", said, re.MULTILINE)
    assert first
    assert f"right, oci://{repository}@{first[1]}" in said


# -- 05: automation


def _events(said: str) -> list[dict]:
    return [json.loads(line) for line in said.splitlines() if line.startswith('{"')]


def test_automation_in_the_sandbox(work: Path, classifier, registry: Registry, tmp_path: Path):
    theirs = f"{registry.host}/theirs/base:1"
    _push_base(theirs, tmp_path)
    said = printed(
        tutorial("05-automation", work, MODEL=classifier[0]["MODEL"], THEIRS=theirs, INSECURE=True)
    )
    assert '"status": "succeeded"' in said
    assert "oci:images/automated:1 is fit for KServe" in said
    assert "10 of 10 calls succeeded" in said
    assert "Deleted automated." in said
    assert "0 B would move" in said
    assert _events(said)[-1]["event"] == "done"
    assert _events(said)[-1]["sent"] == 0
    assert f"{theirs} is not fit" in said


@pytest.fixture
def tekton(kubernetes_api: KubernetesApi, editor, namespace: str) -> Iterator[None]:
    """The cluster has Tekton's Tasks, and an editor may write them: an unknown field is refused."""
    follow_definition(kubernetes_api.catalogue, TASKS, "ADDED")
    everything = {"apiGroups": ["tekton.dev"], "resources": ["*"], "verbs": ["*"]}
    kubernetes_api.grant(editor, namespace, "tekton", [everything])
    yield
    follow_definition(kubernetes_api.catalogue, TASKS, "DELETED")


@pytest.mark.slow
def test_automation_in_the_project(
    work: Path, tmp_path: Path, project, tekton, hub: Hub, kubernetes_api, kubeconfig, namespace, monkeypatch
):
    (tmp_path / "bin" / "oc").symlink_to(require("kubectl"))  # the same program, as far as these go
    server = registry_with_login(tmp_path / "registry")
    runner = JobRunner(kubernetes_api, namespace, tmp_path / "pods")
    pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    auths = {"auths": {server.host: {"auth": pair}}}
    (tmp_path / "auth.json").write_text(json.dumps(auths))
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "auth.json"))
    base = f"{server.host}/theirs/base:1"
    _push_base(base, tmp_path, "--dest-authfile", str(tmp_path / "auth.json"))
    hub.add("notebooks/automated", {"model.onnx": bright_or_dark(tmp_path / "model.onnx").read_bytes()})
    login = connect(kubeconfig=str(kubeconfig))
    store_connection(login, "private-registry", server.host, Credential(USER, PASSWORD))
    image = f"{server.host}/me/automated:1"
    settings = {"MODEL": "hf://notebooks/automated", "IMAGE": image, "BASE": base, "THEIRS": base}
    try:
        said = printed(tutorial("05-automation", work, **settings, TARGET="project", INSECURE=True))
    finally:
        runner.stop()
        server.stop()
    login.delete(SECRETS, "private-registry")
    assert "cronjob.batch/automated-plan created" in said
    assert "job.batch/automated-plan-now condition met" in said
    last = _events(said)[-1]
    assert last["event"] == "done"
    assert last["image"].startswith(f"{image}@sha256:")
    assert last["sent"] == 0
    assert "task.tekton.dev/run-plan created" in said
    assert f"{image} is fit for KServe" in said
    assert f"{base} is not fit" in said
    assert PASSWORD not in said


def test_the_script_of_the_task(tmp_path: Path, registry: Registry, classifier):
    """The Task's step as Tekton runs it: parameters and results filled in, in a bare Python."""
    book = nbformat.read(NOTEBOOKS / "05-automation.ipynb", as_version=4)
    (text,) = (
        c.source.partition("\n")[2] for c in book.cells if c.source.startswith("%%writefile task.yaml")
    )
    (step,) = yaml.safe_load(text)["spec"]["steps"]
    (tmp_path / "plan.json").write_text(
        plan_image(
            classifier[0]["MODEL"], f"{registry.host}/task/model:1", base="scratch", insecure=True
        ).to_json()
    )
    (tmp_path / "odh-oci-engine.pyz").write_bytes(engine_zip())
    script = step["script"].replace("/opt/odh-oci", str(tmp_path))
    for result in ("IMAGE_URL", "IMAGE_DIGEST"):
        script = script.replace(f"$(results.{result}.path)", str(tmp_path / result))
    (tmp_path / "script").write_text(script)
    done = subprocess.run([sys.executable, "-I", "-S", tmp_path / "script"], check=False, timeout=60, env={})
    assert done.returncode == 0
    assert (tmp_path / "IMAGE_URL").read_text() == f"{registry.host}/task/model:1"
    assert (tmp_path / "IMAGE_DIGEST").read_text().startswith("sha256:")
    (tmp_path / "plan.json").write_text("{}")
    done = subprocess.run([sys.executable, "-I", "-S", tmp_path / "script"], check=False, timeout=60, env={})
    assert done.returncode == 1


def _push_base(image: str, folder: Path, *login: str) -> None:
    """An image without a model, as others have them."""
    layout = write_base_image(folder / "base")
    command = [require("skopeo"), "copy", "-q", "--insecure-policy", "--dest-tls-verify=false", *login]
    subprocess.run([*command, f"oci:{layout}:1", f"docker://{image}"], check=True, timeout=60)
