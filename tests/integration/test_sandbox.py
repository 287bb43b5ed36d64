"""The sandbox: real model servers in processes of their own, started, found, replaced and removed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from odh_oci_widgets.cli import main
from odh_oci_widgets.inference import NotAPicture, RequestRefused, WrongShape
from odh_oci_widgets.oci import Cancelled, ImageNotFound
from odh_oci_widgets.serving import (
    OptionInvalid,
    SandboxUnavailable,
    Service,
    ServiceFailed,
    ServiceNameInvalid,
    ServiceNotFound,
    ServiceState,
    ServiceTimeout,
    sandbox,
)
from odh_oci_widgets.serving.sandbox import SandboxService, process, record
from odh_oci_widgets.widgets import snippets
from tests.onnx_models import linear
from tests.sandbox import image_of, own_sandbox
from tests.servers.vllm import language_model, package

ROOT = Path(__file__).resolve().parents[2]
# one worker: these processes are the heaviest of all tests
pytestmark = pytest.mark.xdist_group("sandbox")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A classifier of 64 numbers in an OCI layout: input i means class i % 10."""
    folder = tmp_path_factory.mktemp("image")
    linear(folder / "model" / "digits.onnx", 64, 10, softmax=False)
    (folder / "model" / "labels.txt").write_text("\n".join(f"digit {n}" for n in range(10)))
    return image_of(folder / "model", f"oci:{folder / 'layout'}:1")


@pytest.fixture(scope="module")
def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with own_sandbox(tmp_path_factory.mktemp("state")) as folder:
        yield folder


@pytest.fixture(scope="module")
def digits(image: str, shared_sandbox: Path) -> SandboxService:
    service = sandbox.deploy(image, "digits")
    service.wait(120)
    return service


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Path]:
    with own_sandbox(tmp_path / "state") as folder:
        yield folder


def one_hot(index: int) -> np.ndarray:
    array = np.zeros((8, 8))
    array.flat[index] = 9
    return array


def in_another_process(folder: Path, code: str) -> str:
    """What `code` prints, in a process that knows nothing but the sandbox's folder."""
    environ = os.environ | {"XDG_STATE_HOME": str(folder.parents[1]), "PYTHONPATH": str(ROOT)}
    code = f"from odh_oci_widgets.serving import sandbox\n{code}"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def runs(service: SandboxService) -> bool:
    return process.is_alive(service._record.pid, service._record.started)


def test_it_answers_with_the_names_that_came_with_the_image(digits):
    answers = digits.classify([one_hot(7), one_hot(23)], top=2)
    assert [answer[0].label for answer in answers] == ["digit 7", "digit 3"]
    assert digits.diagnose().state is ServiceState.READY
    assert isinstance(digits, Service)


def test_the_command_says_that_it_is_deleted_and_not_stopped(digits, shared_sandbox, capsys, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(shared_sandbox.parents[1]))
    code = snippets.client(digits)
    assert "print(digits.describe())" in code
    for command in ("stop", "start"):
        assert main([command, "digits", "--target", "sandbox"]) == 1
        assert "`odh-oci delete digits`" in capsys.readouterr().err
    assert runs(digits)


def test_raw_and_json_tensors_give_the_same_numbers(digits):
    array = np.random.default_rng(3).normal(size=(5, 64)).astype(np.float32)
    client = digits._tensors()
    (spec,) = client.metadata().inputs
    assert (spec.name, spec.datatype, spec.shape) == ("x", "FP32", (-1, 64))
    raw = client.infer(array)["scores"]
    assert client.binary
    client.binary = False
    assert np.array_equal(client.infer(array)["scores"], raw)
    client.binary = None


def test_bad_input_is_refused_in_a_sentence(digits, tmp_path):
    (tmp_path / "page.png").write_text("<html>")
    with pytest.raises(NotAPicture):
        digits.classify(tmp_path / "page.png")
    with pytest.raises(WrongShape):
        digits.infer(np.zeros((1, 63)))
    body = json.dumps({"inputs": [{"name": "y", "shape": [1], "datatype": "FP32", "data": [1]}]}).encode()
    with pytest.raises(RequestRefused, match="There is no input `y`; the model takes x"):
        digits._endpoint().send(
            "POST", "/v2/models/digits/infer", body=body, headers={"Content-Type": "application/json"}
        )


def test_it_listens_on_the_loopback_interface_only_and_speaks_no_grpc(digits):
    everything = [one for one in psutil.net_connections("inet") if one.pid == digits._record.pid]
    listening = [one.laddr for one in everything if one.status == psutil.CONN_LISTEN]
    assert [address.ip for address in listening] == ["127.0.0.1"]
    assert digits.url == f"http://127.0.0.1:{listening[0].port}"


def test_only_its_owner_can_read_it(digits, shared_sandbox):
    assert (shared_sandbox / "digits").stat().st_mode & 0o777 == 0o700
    for name in ("service.json", "server.log", "port"):
        assert (shared_sandbox / "digits" / name).stat().st_mode & 0o777 == 0o600


def test_it_reports_to_nobody(digits):
    """onnxruntime reports unless it is told not to before it starts (and where it sees that it is in a test)."""
    server = psutil.Process(digits._record.pid)
    assert server.environ()["ORT_DISABLE_TELEMETRY"] == "1"


def test_a_later_process_finds_it(digits, shared_sandbox):
    code = "s = sandbox.find('digits'); import json; print(json.dumps(s.to_dict()))"
    assert json.loads(in_another_process(shared_sandbox, code)) == digits.to_dict()
    assert digits.to_dict()["state"] == "ready"
    assert (
        in_another_process(shared_sandbox, "print([s.name for s in sandbox.list_services()])") == "['digits']"
    )
    assert any("Registering model: digits" in line for line in digits.logs())


def test_it_outlives_who_started_it_and_another_process_removes_it(image, services):
    in_another_process(services, f"sandbox.deploy({image!r}, 'short').wait(120)")
    service = sandbox.find("short")
    assert service.state is ServiceState.READY
    in_another_process(services, "sandbox.find('short').delete()")
    assert not runs(service)
    assert list(services.glob("[!.]*")) == []
    assert service.state is ServiceState.STOPPED
    service.delete()  # nothing to do
    with pytest.raises(ServiceNotFound):
        sandbox.find("short")


def test_a_second_deployment_replaces_the_first(image, services, tmp_path):
    first = sandbox.deploy(image, "model")
    with pytest.raises(ServiceTimeout, match="did not answer within"):
        first.wait(0)
    other = image_of(linear(tmp_path / "other.onnx", 4, 2), f"oci:{tmp_path / 'layout'}:2")
    second = sandbox.deploy(other, "model")
    assert not runs(first)
    second.wait(120)
    assert second._tensors().metadata().inputs[0].shape == (-1, 4)
    assert first.diagnose().state is ServiceState.STOPPED
    with pytest.raises(ServiceFailed, match="deleted or replaced"):
        first.wait(1)
    first.delete()  # not the second
    assert second.state is ServiceState.READY

    os.kill(second._record.pid, signal.SIGKILL)
    while runs(second):
        time.sleep(0.01)
    assert second.diagnose().state is ServiceState.STOPPED
    assert "does not run any more" in second.diagnose().sentence
    second.delete()
    assert list(services.glob("[!.]*")) == []


def test_a_server_ends_when_somebody_clears_the_state_folder(image, services):
    service = sandbox.deploy(image, "cleared")
    service.wait(120)
    shutil.rmtree(services)
    deadline = time.monotonic() + 30
    while runs(service):
        assert time.monotonic() < deadline, "it serves on, and nobody can find it"
        time.sleep(0.05)
    services.mkdir()


def test_a_model_that_cannot_be_loaded_says_so_and_leaves_no_process(services, tmp_path):
    whole = linear(tmp_path / "whole.onnx", 64, 10).read_bytes()
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.onnx").write_bytes(whole[:-7])
    service = sandbox.deploy(
        image_of(tmp_path / "model", f"oci:{tmp_path / 'layout'}"), "broken", format="onnx"
    )
    with pytest.raises(ServiceFailed, match=r"`1/model.onnx` cannot be loaded: .*Protobuf parsing failed"):
        service.wait(120)
    assert service.state is ServiceState.FAILED
    assert not runs(service)
    assert any("Traceback" in line for line in service.logs())


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"image": "{registry}/me/sandbox-none:1", "insecure": True}, ImageNotFound, "sandbox-none"),
        ({"name": "Digits 1"}, ServiceNameInvalid, "Try `digits-1`"),
        ({"format": "sklearn"}, SandboxUnavailable, "export the model to ONNX"),
        ({"format": "huggingface"}, SandboxUnavailable, "Install vLLM"),
        ({"args": ["--dtype=half"]}, OptionInvalid, "takes no arguments"),
        ({"cancel": threading.Event()}, Cancelled, None),
    ],
    ids=["no-image", "name", "format", "vllm", "arguments", "cancelled"],
)
def test_what_cannot_be_deployed_leaves_nothing_and_touches_nothing(
    digits, shared_sandbox, registry, image, options, error, words
):
    options = {"image": image, "name": "digits"} | options
    options["image"] = options["image"].format(registry=registry.host)
    if "cancel" in options:
        options["cancel"].set()
    before = sorted(shared_sandbox.iterdir())
    with pytest.raises(error, match=words):
        sandbox.deploy(**options)
    assert sorted(shared_sandbox.iterdir()) == before
    assert digits.state is ServiceState.READY


@pytest.mark.parametrize("module", ["kserve", "onnxruntime"])
def test_a_missing_extra_is_said_before_anything_is_pulled(services, image, monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        SandboxUnavailable, match=rf"needs {module} .*pip install 'odh-oci-widgets\[sandbox\]'"
    ):
        sandbox.deploy(image, "digits")
    assert list(services.glob("[!.]*")) == []


def test_a_process_that_got_the_number_of_a_dead_server_is_left_alone(services):
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as stranger:
        try:
            folder = record.sandbox_folder() / "old"
            folder.mkdir()
            fields = {
                "name": "old",
                "image": "oci:x",
                "format": "onnx",
                "server": "onnx",
                "model": "m",
                "created": "",
            }
            record.write(folder, record.Record(**fields, pid=stranger.pid, started="1"))
            service = sandbox.find("old")
            assert service.state is ServiceState.STOPPED
            service.delete()
            assert stranger.poll() is None
            assert not folder.exists()
        finally:
            stranger.kill()


def test_what_a_dead_deployment_left_is_removed_by_the_next(services, image):
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    left = record.sandbox_folder() / f"{record.MAKING}{gone.pid}-abc"
    left.mkdir()
    (left / "models").mkdir(mode=0o555)
    with pytest.raises(OptionInvalid):
        sandbox.deploy(image, "digits", args=["--x"])
    assert not left.exists()


def test_a_language_model_is_served_where_vllm_is_installed(services, tmp_path, monkeypatch):
    """The stand-in for vLLM takes its place, as a package of that name with its entry point."""
    site = package(tmp_path / "site")
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", str(site))
    model = language_model(tmp_path / "granite")
    service = sandbox.deploy(
        image_of(model, f"oci:{tmp_path / 'layout'}"), "granite", args=["--max-model-len=64"]
    )
    service.wait(60)
    assert service.complete("hello", max_tokens=3).text == " w0 w1 w2"
    assert list(service.stream("hello", max_tokens=2)) == [" w0", " w1"]
    with pytest.raises(RequestRefused, match="maximum context length is 64"):
        service.complete("hello", max_tokens=100)
    service.delete()
    assert not runs(service)
