"""A Podman service behind a real SSH server: reached, used, and refused where its key is not known."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from odh_oci_widgets.builders import BuildStatus, PodmanUnavailable, plan_image
from odh_oci_widgets.builders.podman import PodmanBuilder
from odh_oci_widgets.oci import inspect_image, verify_image
from odh_oci_widgets.oci.errors import Cancelled
from tests.servers.base_image import push_base_image
from tests.servers.hub import Hub
from tests.servers.podman_service import COMMANDS, DOWNLOADER, PodmanService
from tests.servers.registry import Registry
from tests.servers.ssh import SSHServer

pytest.importorskip("podman")


@pytest.fixture(scope="module")
def base(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> str:
    return push_base_image(tmp_path_factory.mktemp("base"), f"{registry.host}/ssh-base:1", commands=COMMANDS)


@pytest.fixture(scope="module")
def service(base: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PodmanService]:
    service = PodmanService(tmp_path_factory.mktemp("podman") / "service")
    service.add_downloader(base)
    yield service
    service.stop()


@pytest.fixture(scope="module")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SSHServer]:
    server = SSHServer(tmp_path_factory.mktemp("ssh") / "server")
    yield server
    server.stop()


@pytest.fixture
def url(ssh: SSHServer, service: PodmanService) -> str:
    return f"ssh://{ssh.host}{service.url.removeprefix('unix://')}"


@pytest.fixture
def environ(ssh: SSHServer) -> dict[str, str]:
    return {"HOME": str(ssh.home), "CONTAINER_SSHKEY": str(ssh.key)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "mobilenet"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(b"\x08\x08" + bytes(70_000))
    return folder


def _clients(ssh: SSHServer) -> list[str]:
    """Command lines of the `ssh` programs that are connected to the server."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_text().split("\0")
        except OSError:
            continue
        if words[0] == "ssh" and str(ssh.port) in words:
            found.append(" ".join(words))
    return found


def _wait(what: str, condition, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def test_a_folder_is_built_and_pushed_there(
    url: str, environ: dict, ssh: SSHServer, folder: Path, base: str, registry: Registry, tmp_path: Path
) -> None:
    builder = PodmanBuilder(url, downloader=DOWNLOADER, folder=tmp_path / "records", environ=environ)
    plan = plan_image(str(folder), f"{registry.host}/podman/ssh:1", base=base, insecure=(registry.host,))
    build = builder.start(plan)
    done = build.wait(90)
    assert build.status is BuildStatus.SUCCEEDED
    assert verify_image(done, insecure=True).fit
    assert inspect_image(done, insecure=True).digest in done
    _wait("the connection ends with the build", lambda: not _clients(ssh))


def test_cancel_goes_through(
    url: str,
    environ: dict,
    ssh: SSHServer,
    service: PodmanService,
    hub: Hub,
    base: str,
    registry: Registry,
    tmp_path: Path,
) -> None:
    hub.add("podman/ssh", {"config.json": b"{}"})
    stall = hub.break_next("/podman/ssh/resolve/*", stall=8, times=100)
    builder = PodmanBuilder(url, downloader=DOWNLOADER, folder=tmp_path / "records", environ=environ)
    plan = plan_image(
        "hf://podman/ssh", f"{registry.host}/podman/ssh:2", base=base, insecure=(registry.host,)
    )
    build = builder.start(plan)
    _wait("it downloads", lambda: stall.times < 100)
    build.cancel()
    with pytest.raises(Cancelled) as told:
        build.wait(30)
    assert "the step that it is at" in told.value.hint
    _wait("its containers go", lambda: not service.call("ps", "--all", "--external", "--quiet"))
    assert not [one for one in service.images() if "odh-oci-build" in one]
    assert "2" not in registry.tags("podman/ssh")
    assert not _clients(ssh)


@pytest.mark.parametrize("form", ["containers.conf", "podman-connections.json"])
def test_by_the_name_of_a_connection(form: str, url: str, ssh: SSHServer, tmp_path: Path) -> None:
    """As Podman 4 and 5 write it for `podman system connection add far --identity KEY URL`."""
    toml = (
        f'[engine]\nactive_service = "far"\n[engine.service_destinations.far]\nuri = "{url}"\n'
        f'identity = "{ssh.key}"\n'
    )
    connection = {"Default": "far", "Connections": {"far": {"URI": url, "Identity": str(ssh.key)}}}
    config = tmp_path / "config/containers" / form
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps({"Connection": connection}) if form.endswith("json") else toml)
    named = {"HOME": str(ssh.home), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    PodmanBuilder("far", environ=named).check()
    PodmanBuilder(environ=named).check()
    PodmanBuilder("far", environ={"HOME": str(ssh.home), "CONTAINERS_CONF": str(config)}).check()


def test_a_host_whose_key_is_not_known_gets_nothing(
    url: str, environ: dict, ssh: SSHServer, service: PodmanService, tmp_path: Path
) -> None:
    stranger = environ | {"HOME": str(tmp_path)}
    with pytest.raises(PodmanUnavailable, match="does not show a key that is known here") as told:
        PodmanBuilder(url, environ=stranger).check()
    assert "known_hosts" in told.value.hint
    assert not (tmp_path / ".ssh").exists(), "nothing was believed for the next time"
    impostor = environ | {"HOME": str(ssh.know(tmp_path / "other", ssh.new_key("other")))}
    with pytest.raises(PodmanUnavailable, match="but another"):
        PodmanBuilder(url, environ=impostor).check()


def test_what_keeps_ssh_out_is_a_sentence(url: str, environ: dict, ssh: SSHServer, tmp_path: Path) -> None:
    stranger = environ | {"CONTAINER_SSHKEY": str(ssh.new_key("stranger"))}
    with pytest.raises(PodmanUnavailable, match="does not let us in"):
        PodmanBuilder(url, environ=stranger).check()
    with pytest.raises(PodmanUnavailable, match="podman system service"):
        PodmanBuilder(f"ssh://{ssh.host}/nowhere.sock", environ=environ).check()
    with pytest.raises(PodmanUnavailable, match="where the service's socket is"):
        PodmanBuilder(f"ssh://{ssh.host}", environ=environ).check()
    with pytest.raises(PodmanUnavailable, match="Connection refused"):
        PodmanBuilder("ssh://me@127.0.0.1:1/x.sock", environ=environ).check()
    with pytest.raises(PodmanUnavailable, match="OpenSSH's client"):
        PodmanBuilder(url, environ=environ | {"PATH": str(tmp_path)}).check()
