"""Builds by a real Podman service on a socket: built, pushed, cancelled, refused."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from odh_oci_widgets.builders import BuildConflict, BuildFailed, BuildStatus, PodmanUnavailable, plan_image
from odh_oci_widgets.builders.podman import PodmanBuilder
from odh_oci_widgets.oci import Credential, Credentials, inspect_image, pull_models, verify_image
from odh_oci_widgets.oci.errors import Cancelled, PlanInvalid, RegistryUnauthorized
from tests.servers import login
from tests.servers.base_image import push_base_image
from tests.servers.hub import Hub, Repo
from tests.servers.podman_service import COMMANDS, DOWNLOADER, PodmanService
from tests.servers.registry import Registry

TOKEN = "hf_readerOfEverything"
pytest.importorskip("podman")


@pytest.fixture(scope="module")
def base(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> str:
    return push_base_image(
        tmp_path_factory.mktemp("base"), f"{registry.host}/podman-base:1", commands=COMMANDS
    )


@pytest.fixture(scope="module")
def service(base: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PodmanService]:
    service = PodmanService(tmp_path_factory.mktemp("podman") / "service")
    service.add_downloader(base)
    yield service
    service.stop()


@pytest.fixture
def registry_with_login(tmp_path: Path) -> Iterator[Registry]:
    registry = login.registry_with_login(tmp_path / "registry")
    yield registry
    registry.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "mobilenet"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(b"\x08\x08" + bytes(70_000))
    (folder / "labels.txt").write_text("cat\ndog\n")
    return folder


@pytest.fixture
def builder(service: PodmanService, tmp_path: Path) -> PodmanBuilder:
    return PodmanBuilder(service.url, downloader=DOWNLOADER, folder=tmp_path / "records", environ={})


@pytest.fixture
def name(tmp_path: Path) -> str:
    return f"podman/{tmp_path.name.replace('_', '').lower()}"


def _weights(size: int) -> bytes:
    header = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    return len(header).to_bytes(8, "little") + header + bytes(range(256)) * (size // 256)


def _insecure(image: str, base: str) -> dict:
    return {"base": base, "insecure": (image.partition("/")[0], base.partition("/")[0])}


def _wait(what: str, condition, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def test_a_folder_is_streamed_built_and_pushed(
    builder: PodmanBuilder, service: PodmanService, folder: Path, base: str, registry: Registry, name: str
) -> None:
    image = f"{registry.host}/{name}:1"
    plan = plan_image(str(folder), image, **_insecure(image, base))
    build = builder.start(plan)
    done = build.wait(90)
    assert build.status is BuildStatus.SUCCEEDED
    assert verify_image(done, insecure=True, runtime="kserve-ovms").fit
    info = inspect_image(done, insecure=True)
    assert info.digest in done
    assert len(info.layers) == 2  # the base's and the model's
    assert info.annotations["org.odh-oci.model-format"] == "onnx"
    assert build.progress.fraction == 1
    assert any("COPY" in line for line in build.logs())
    assert not [one for one in service.images() if "odh-oci-build" in one]
    (again,) = builder.builds()
    assert (again.id, again.image) == (build.id, done)


def test_a_gated_model_is_downloaded_there(
    builder: PodmanBuilder, hub: Hub, base: str, registry: Registry, name: str, tmp_path: Path
) -> None:
    files = {"config.json": b"{}", "model.safetensors": _weights(2**20)}
    hub.add(name, Repo(files, gated="manual"))
    image = f"{registry.host}/{name}:1"
    plan = plan_image(f"hf://{name}", image, token=TOKEN, **_insecure(image, base))
    build = builder.start(plan, secrets={"hf": TOKEN})
    done = build.wait(90)
    models = pull_models(done, tmp_path / "pulled", insecure=True)
    assert (models / "model.safetensors").read_bytes() == files["model.safetensors"]
    assert verify_image(done, insecure=True).fit


def test_cancel_stops_the_work_there(
    builder: PodmanBuilder, service: PodmanService, hub: Hub, base: str, registry: Registry, name: str
) -> None:
    hub.add(name, {"model.safetensors": _weights(2**20)})
    image = f"{registry.host}/{name}:1"
    plan = plan_image(f"hf://{name}", image, token=TOKEN, **_insecure(image, base))
    hub.break_next(f"/{name}/resolve/*", stall=8, times=100)
    build = builder.start(plan, secrets={"hf": TOKEN})
    _wait("it downloads", lambda: _downloads(hub))
    with pytest.raises(BuildConflict):
        builder.start(plan)
    build.cancel()
    began = time.monotonic()
    with pytest.raises(Cancelled) as told:
        build.wait(30)
    assert "still ends the step that it is at" in told.value.hint
    assert time.monotonic() - began < 10
    assert build.status is BuildStatus.CANCELLED
    # Podman sees the broken connection between two steps: the one at hand ends, nothing comes after it.
    _wait("the step at hand ends", lambda: not _downloads(hub))
    _wait("its containers go", lambda: not service.call("ps", "--all", "--external", "--quiet"))
    assert not [one for one in service.images() if "odh-oci-build" in one]
    assert not registry.tags(name)


def test_credentials_reach_the_registry_and_their_lack_is_told(
    builder: PodmanBuilder, folder: Path, base: str, registry_with_login: Registry, name: str
) -> None:
    image = f"{registry_with_login.host}/{name}:1"
    plan = plan_image(str(folder), image, **_insecure(image, base))
    build = builder.start(plan)
    with pytest.raises(RegistryUnauthorized):
        build.wait(90)
    credentials = Credentials({registry_with_login.host: Credential(login.USER, login.PASSWORD)}, environ={})
    done = builder.start(plan, credentials=credentials).wait(90)
    assert inspect_image(done, credentials=credentials, insecure=True).digest in done


def test_a_base_that_is_not_there_is_a_sentence(
    builder: PodmanBuilder, folder: Path, base: str, registry: Registry, name: str
) -> None:
    image = f"{registry.host}/{name}:1"
    plan = plan_image(str(folder), image, **_insecure(image, f"{registry.host}/nothing/here:1"))
    with pytest.raises(BuildFailed, match="nothing/here"):
        builder.start(plan).wait(90)


class TestFound:
    """The service, and what keeps it from being one."""

    def test_by_the_name_of_a_connection(self, service: PodmanService, tmp_path: Path) -> None:
        home = tmp_path / "config/containers"
        home.mkdir(parents=True)
        text = (
            f'[engine]\nactive_service = "mine"\n[engine.service_destinations.mine]\nuri = "{service.url}"\n'
        )
        (home / "containers.conf").write_text(text)
        environ = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
        PodmanBuilder("mine", environ=environ).check()
        PodmanBuilder(environ=environ).check()
        with pytest.raises(PodmanUnavailable, match="podman system connection list"):
            PodmanBuilder("yours", environ=environ).check()

    def test_by_the_environment(self, service: PodmanService) -> None:
        PodmanBuilder(environ={"CONTAINER_HOST": service.url}).check()

    def test_none_that_answers(self, tmp_path: Path) -> None:
        with pytest.raises(PodmanUnavailable, match="podman system service"):
            PodmanBuilder(f"unix://{tmp_path}/no.sock", environ={}).check()
        with pytest.raises(PodmanUnavailable, match="ssh://"):
            PodmanBuilder("ftp://x", environ={}).check()

    def test_without_the_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "podman", None)
        with pytest.raises(PodmanUnavailable, match=r"odh-oci-widgets\[podman\]"):
            PodmanBuilder("unix:///x.sock", environ={}).check()

    def test_a_layout_on_this_disk_is_refused(
        self, builder: PodmanBuilder, folder: Path, tmp_path: Path
    ) -> None:
        with pytest.raises(PlanInvalid, match="--builder kernel"):
            builder.start(plan_image(str(folder), f"oci:{tmp_path}/image:1"))


def _downloads(hub: Hub) -> list[str]:
    """Command lines on this machine that fetch from the hub as the test image's client does."""
    host, _, port = hub.url.removeprefix("http://").partition(":")
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_text().split("\0")
        except OSError:
            continue
        if line[-4:-1] == ["nc", host, port]:
            found.append(" ".join(line))
    return found
