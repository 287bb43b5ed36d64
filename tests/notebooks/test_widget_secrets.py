"""A secret typed into the wizard is in no saved notebook, no widget state and no output."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from tests.notebooks.executed import ROOT, book_of, execute, printed
from tests.servers import login
from tests.servers.buildah import Buildah
from tests.servers.kubernetes import KubernetesApi
from tests.servers.kubernetes.builds import BuildRunner
from tests.servers.kubernetes.jobs import JobRunner
from tests.servers.kubernetes.workbench import workbench
from tests.servers.podman_service import PodmanService
from tests.servers.registry import Registry
from tests.servers.ssh import SSHServer
from tests.watcher import Watcher

PASSWORD = "correct-horse-battery-staple"
TOKEN = "hf_ThisMustNeverBeSaved"

_CHOOSE = """
from pathlib import Path
from odh_oci_widgets import Wizard

Path("model").mkdir()
Path("model/model.onnx").write_bytes(b"weights" * 1000)
wizard = Wizard("model", image="{image}", base="{base}", insecure=True)
wizard.model.join(60)
wizard
"""
# What the browser sends when somebody types: the same entry point, `set_state`.
_TYPE = """
wizard.image.user.set_state({{"value": "me"}})
wizard.image._password.widget.set_state({{"value": "{password}"}})
wizard.model.access.token.widget.set_state({{"value": "{token}"}})
assert wizard.flow.secrets.logins["{host}"].password == "{password}"
assert wizard.flow.secrets.token == "{token}"
"""
_USE = """
for at, step in enumerate(wizard.steps):
    wizard.go(at)
    step.code.toggle()
wizard.build.start()
wizard.build.join(60)
print(wizard.flow.image, wizard.flow.secrets, wizard.flow, wizard.image, wizard.build.error)
for step in wizard.steps:
    for text in step.renderings().values():
        print(text if isinstance(text, str) else text())
"""


def test_no_secret_is_saved(tmp_path, monkeypatch, registry: Registry):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    image = f"{registry.host}/widget-secrets/model:1"
    typed = _TYPE.format(password=PASSWORD, token=TOKEN, host=registry.host)
    book = execute(book_of(_CHOOSE.format(image=image, base="embedded"), typed, _USE), tmp_path)
    said = printed(book)
    assert f"{image}@sha256:" in said, said
    assert 'os.environ["REGISTRY_PASSWORD"]' in said
    # The cell that types them is the test's own; everything else is what would be saved.
    del book.cells[1]
    saved = nbformat.writes(book)
    assert "PasswordModel" in saved
    assert PASSWORD not in saved
    assert TOKEN not in saved


_BUILD = """
wizard.access.join(60)
for builder in ("kernel", "job", "openshift", "podman"):
    wizard.image.image.value = "{image}:" + builder
    wizard.image.builder.value = builder
    wizard.build.start()
    wizard.build.join(120)
    build = wizard.flow.build
    print(builder, wizard.build.error, wizard.flow.image, build, build.report(), list(build.logs()))
    print(wizard.build.renderings(), wizard.image.renderings())
"""


@pytest.fixture
def registry_with_login(tmp_path: Path) -> Iterator[Registry]:
    registry = login.registry_with_login(tmp_path / "registry")
    yield registry
    registry.stop()


@pytest.fixture
def everywhere(
    kubernetes_api: KubernetesApi,
    namespace: str,
    kubeconfig: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """All builders can work: a workbench, a cluster that builds, a Podman service behind SSH."""
    pytest.importorskip("podman")
    jobs = JobRunner(kubernetes_api, namespace, tmp_path / "pods")
    builds = BuildRunner(kubernetes_api, namespace, tmp_path / "builds")
    builds.buildah = Buildah(tmp_path / "buildah")
    podman, ssh = PodmanService(tmp_path / "podman"), SSHServer(tmp_path / "ssh")
    ssh.know(Path(os.environ["HOME"]), ssh.host_key)
    environ = workbench(kubernetes_api, namespace, tmp_path, ["ReadWriteMany"]) | {
        "KUBECONFIG": str(kubeconfig),
        "CONTAINER_HOST": podman.url.replace("unix://", f"ssh://{ssh.host}"),
        "CONTAINER_SSHKEY": str(ssh.key),
        "PYTHONPATH": str(ROOT),
    }
    del environ["SSL_CERT_FILE"]  # the cluster's own authority is in the kubeconfig
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    yield
    for server in (ssh, podman, builds, jobs):
        server.stop()


def test_no_secret_is_saved_whoever_builds(
    everywhere, registry_with_login: Registry, kubernetes_api: KubernetesApi, namespace: str, tmp_path: Path
):
    image = f"{registry_with_login.host}/widget-secrets/{namespace}"
    typed = _TYPE.replace('"me"', f'"{login.USER}"').format(
        password=login.PASSWORD, token=TOKEN, host=registry_with_login.host
    )
    watcher = Watcher(kubernetes_api, namespace)
    cells = (_CHOOSE.format(image=f"{image}:1", base="scratch"), typed, _BUILD.format(image=image))
    book = execute(book_of(*cells), tmp_path)
    seen = watcher.stop()
    said = printed(book)
    for builder in ("kernel", "job", "openshift", "podman"):
        assert f"{builder} None {image}:{builder}@sha256:" in said, said
    del book.cells[1]
    for text in (nbformat.writes(book), *seen):
        assert login.PASSWORD not in text
        assert TOKEN not in text
