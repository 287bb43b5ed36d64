"""Each builder, started by the command with recognisable secrets: they are nowhere but in Secrets."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from odh_oci_widgets.oci import Credential, Credentials, inspect_image
from tests.command import odh_oci
from tests.servers import login
from tests.servers.base_image import push_base_image
from tests.servers.buildah import DOWNLOADER, Buildah
from tests.servers.hub import Hub, Repo
from tests.servers.kubernetes import KubernetesApi
from tests.servers.kubernetes.builds import BuildRunner
from tests.servers.kubernetes.jobs import JobRunner
from tests.servers.podman_service import COMMANDS, PodmanService
from tests.servers.registry import Registry
from tests.servers.ssh import SSHServer
from tests.watcher import Watcher

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def registry_with_login(tmp_path: Path) -> Iterator[Registry]:
    registry = login.registry_with_login(tmp_path / "registry")
    yield registry
    registry.stop()


@pytest.fixture
def podman_options(registry: Registry, tmp_path: Path) -> Iterator[list[str]]:
    service = PodmanService(tmp_path / "podman")
    service.add_downloader(
        push_base_image(tmp_path / "base", f"{registry.host}/secrets-base:1", commands=COMMANDS)
    )
    yield ["--podman", service.url, "--builder-image", DOWNLOADER]
    service.stop()
    assert login.PASSWORD not in service.log.read_text()


@pytest.fixture
def podman_over_ssh_options(
    podman_options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[str]]:
    """The same service from another machine, as far as this one can be another."""
    server = SSHServer(tmp_path / "ssh")
    server.know(Path(os.environ["HOME"]), server.host_key)
    monkeypatch.setenv("CONTAINER_SSHKEY", str(server.key))
    url = podman_options[1].replace("unix://", f"ssh://{server.host}")
    yield ["--podman", url, *podman_options[2:]]
    server.stop()
    for word in (login.PASSWORD, "hf_"):
        assert word not in server.log.read_text()


@pytest.fixture
def build_runner(kubernetes_api: KubernetesApi, namespace: str, tmp_path: Path) -> Iterator[BuildRunner]:
    runner = BuildRunner(kubernetes_api, namespace, tmp_path / "builds")
    yield runner
    runner.stop()


@pytest.fixture
def openshift_options(build_runner: BuildRunner, tmp_path: Path) -> list[str]:
    build_runner.buildah = Buildah(tmp_path / "buildah")
    return ["--builder-image", DOWNLOADER]


@pytest.fixture
def job_options(kubernetes_api: KubernetesApi, namespace: str, tmp_path: Path) -> Iterator[list[str]]:
    runner = JobRunner(kubernetes_api, namespace, tmp_path / "pods")
    yield ["--builder-cpu", "500m", "--builder-memory", "300Mi"]
    runner.stop()


@pytest.mark.parametrize("place", ["kernel", "job", "openshift", "podman", "podman_over_ssh"])
def test_no_secret_is_anywhere_but_in_a_secret(
    place: str,
    hub: Hub,
    registry_with_login: Registry,
    kubernetes_api: KubernetesApi,
    kubeconfig: Path,
    namespace: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    builder = place.partition("_")[0]
    if builder == "podman":
        pytest.importorskip("podman")
    options = [] if builder == "kernel" else request.getfixturevalue(f"{place}_options")
    hub.add(
        f"secrets/{namespace}",
        Repo({"config.json": b"{}", "model.onnx": b"\x08\x08" + bytes(9000)}, gated="manual"),
    )
    image = f"{registry_with_login.host}/secrets/{namespace}:1"
    state = tmp_path / "state"
    environ = {"HF_TOKEN": hub.token, "KUBECONFIG": str(kubeconfig), "XDG_STATE_HOME": str(state)}
    watcher = Watcher(kubernetes_api, namespace)
    words = [
        "build",
        f"hf://secrets/{namespace}",
        image,
        "--builder",
        builder,
        "--base",
        "scratch",
        "--insecure",
    ]
    ran = odh_oci(
        *words,
        *options,
        "--username",
        login.USER,
        "--password-stdin",
        "--json",
        stdin=login.PASSWORD,
        **environ,
    )
    seen = watcher.stop()
    assert ran.status == 0, ran.out + ran.err
    listed = odh_oci("builds", "--json", **environ).ok()
    (found,) = [one for one in listed.json["builds"] if one["builder"] == builder]
    assert found["status"] == "succeeded"
    assert found["image"] == ran.lines[-1]["image"]
    told = odh_oci("builds", found["id"], **environ).ok()
    credentials = Credentials({registry_with_login.host: Credential(login.USER, login.PASSWORD)}, environ={})
    info = inspect_image(image, credentials=credentials, insecure=True)
    seen |= {
        ran.out,
        ran.err,
        listed.out,
        told.out,
        told.err,
        json.dumps(info.config),
        json.dumps(dict(info.annotations)),
    }
    seen |= {path.read_text() for path in state.rglob("*") if path.is_file()}
    assert any(
        "odh_oci_widgets" in text and builder in text for text in seen
    )  # what follows would be true of nothing, too
    assert place != "podman_over_ssh" or any(text.startswith("ssh\0-N") for text in seen)
    for text in seen:
        assert hub.token not in text
        assert login.PASSWORD not in text
    assert any(
        hub.token in header for headers in hub.tokens_seen.values() for header in headers
    )  # it did arrive where it is needed
    assert os.environ.get("HF_TOKEN") is None
    if place == "job":
        (job,) = kubernetes_api.find("jobs", namespace)
        (container,) = job["spec"]["template"]["spec"]["containers"]
        assert container["resources"]["limits"] == {"cpu": "500m", "memory": "300Mi"}


def test_a_second_build_of_a_tag_is_one_sentence(
    build_runner: BuildRunner,
    hub: Hub,
    kubeconfig: Path,
    namespace: str,
    kubernetes_api: KubernetesApi,
    tmp_path: Path,
) -> None:
    build_runner.hold_at = "Running"
    hub.add(f"secrets/{namespace}", {"model.onnx": b"\x08\x08" + bytes(9000)})
    environ = {"KUBECONFIG": str(kubeconfig), "XDG_STATE_HOME": str(tmp_path / "state")}
    words = ["build", f"hf://secrets/{namespace}", "quay.example/a/b:1", "--builder", "openshift"]
    first = threading.Thread(target=odh_oci, args=words, kwargs=environ)
    first.start()
    while not any(one["status"]["phase"] == "Running" for one in kubernetes_api.find("builds", namespace)):
        first.join(0.1)
        assert first.is_alive()
    sentence = odh_oci(*words, **environ).failed()
    assert "running already" in sentence
    assert "--if-running wait|replace" in sentence
    (one,) = odh_oci("builds", "--json", **environ).ok().json["builds"]
    assert one["status"] == "running"
    assert "Cancelled" in odh_oci("builds", one["id"][:18], "--cancel", **environ).ok().out
    first.join(60)
    assert not first.is_alive()
    assert odh_oci("builds", "--json", **environ).ok().json["builds"] == []


def test_a_builder_that_cannot_work_here_says_why(
    kubernetes_api: KubernetesApi, namespace: str, hub: Hub
) -> None:
    hub.add(f"secrets/{namespace}", {"model.onnx": b"\x08\x08" + bytes(9000)})
    viewer = kubernetes_api.user(f"viewer-{namespace}", view=namespace)
    environ = {"KUBECONFIG": str(kubernetes_api.kubeconfig(viewer, namespace))}
    words = ["build", f"hf://secrets/{namespace}", "quay.example/a/b:1", "--builder"]
    for builder in ("job", "openshift"):
        assert "oc policy add-role-to-user edit" in odh_oci(*words, builder, **environ).failed()
    assert "podman system service" in odh_oci(*words, "podman", "--podman", "unix:///nowhere.sock").failed()
