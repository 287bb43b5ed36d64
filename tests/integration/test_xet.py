"""Files of Xet storage, with the real `hf_xet` and a storage of the tests' own behind it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from odh_oci_widgets.oci import Event, Plan, PlanFile, Retry, Source, make_plan, xet
from odh_oci_widgets.oci.tuning import Tuning
from tests.servers.quirky_registry import QuirkyRegistry
from tests.servers.xet import XetHub

from .oci_builds import build, run_engine

hf_xet = pytest.importorskip("hf_xet", reason="hf_xet is not installed: `pip install hf_xet`")
MIB = 2**20
SECRETS = {"hf": XetHub.token}


@pytest.fixture(scope="module")
def data() -> bytes:
    return os.urandom(21 * MIB + 12_345)


@pytest.fixture(autouse=True)
def _session(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session of the test's own, with the home of the test."""
    monkeypatch.setattr(xet, "_session", None)


@pytest.fixture(scope="module")
def right(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("right")
    (folder / "model.bin").write_bytes(data)
    done, _ = build(plan(data, Source(path=str(folder / "model.bin")), f"oci:{folder}/image:1"))
    return done.digest


def plan(data: bytes, source: Source, image: str, insecure: tuple[str, ...] = ()) -> Plan:
    file = PlanFile(
        path="models/model.bin", size=len(data), source=source, sha256=hashlib.sha256(data).hexdigest()
    )
    return make_plan([file], image, base="scratch", insecure=insecure)


def in_storage(hub: XetHub) -> Source:
    return Source(url=hub.url, auth="hf", xet_hash=hub.xet_hash)


def no_secret(events: list[Event]) -> None:
    assert "SECRET" not in repr(events)
    assert XetHub.token not in repr(events)
    assert "cas-token" not in repr(events)


def test_the_storage_gives_the_whole_file(data: bytes, right: str, tmp_path: Path) -> None:
    with XetHub(data) as hub:
        done, events = build(plan(data, in_storage(hub), f"oci:{tmp_path / 'a'}:1"), secrets=SECRETS)
        assert done.digest == right
        assert hub.asked("/resolve/") == []
        assert set(hub.asked("xet-read-token")) == {f"Bearer {hub.token}"}
        assert f"Bearer {hub.token}" not in hub.asked("/cas/") + hub.asked("/xorbs/"), "it stays with the hub"
    assert not any(isinstance(event, Retry) for event in events)
    no_secret(events)


@pytest.mark.parametrize("most", [0, 9 * MIB], ids=["at once", "in the middle"])
def test_where_the_storage_fails_the_rest_comes_over_https(
    data: bytes, right: str, most: int, tmp_path: Path
) -> None:
    with XetHub(data, most=most) as hub:
        done, events = build(plan(data, in_storage(hub), f"oci:{tmp_path / 'a'}:1"), secrets=SECRETS)
        assert done.digest == right
        assert set(hub.asked("/resolve/")) == {f"Bearer {hub.token}"}
    (retry,) = [event for event in events if isinstance(event, Retry)]
    assert "over HTTPS" in retry.reason
    no_secret(events)


def test_a_layer_goes_on_in_the_storage_where_the_registry_stands(data: bytes, right: str) -> None:
    with XetHub(data) as hub, QuirkyRegistry(cut=13 * MIB) as registry:
        image = plan(data, in_storage(hub), f"{registry.host}/me/model:1", (registry.host,))
        done, _ = build(image, secrets=SECRETS, tuning=Tuning(chunk=4 * MIB, backoff=0.01))
        assert done.digest == right
        assert registry.received < len(data) + 2**16
        assert hub.asked("/resolve/") == []


def test_a_file_that_the_storage_does_not_know(data: bytes, right: str, tmp_path: Path) -> None:
    with XetHub(data) as hub:
        source = Source(url=hub.url, auth="hf", xet_hash="0" * 64)
        done, _ = build(plan(data, source, f"oci:{tmp_path / 'a'}:1"), secrets=SECRETS)
        assert done.digest == right


def test_the_storage_can_be_switched_off(
    data: bytes, right: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    with XetHub(data) as hub:
        done, _ = build(plan(data, in_storage(hub), f"oci:{tmp_path / 'a'}:1"), secrets=SECRETS)
        assert done.digest == right
        assert hub.asked("xet-read-token|/cas/") == []


def test_the_installed_version_knows_all_that_caps_its_buffers() -> None:
    config = hf_xet.XetConfig()
    for name, value in xet._CAPS.items():
        config = config.with_config(name, value)
        assert config.get(name) is not None


def test_memory_stays_bounded_with_the_storages_own_buffers(tmp_path: Path) -> None:
    data = bytes(400 * MIB)
    with XetHub(data) as hub:
        image = plan(data, in_storage(hub), f"oci:{tmp_path / 'image'}:1")
        _, peak = run_engine(image, tmp_path, HF_TOKEN=hub.token)
        assert hub.asked("/resolve/") == []
        logs = "".join(path.read_text() for path in Path.home().rglob("*.log"))
        assert logs, "hf_xet keeps logs of its own"
        assert not any(secret in logs for secret in ("SECRET", hub.token, "cas-token"))
    assert peak <= 110 * 1024
