"""Bad input to the command: one sentence with what to do, no traceback, no secret, nothing half-made left behind."""

from __future__ import annotations

import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from tests.command import Ran, odh_oci
from tests.servers.hub import Hub, Repo
from tests.servers.programs import require
from tests.servers.registry import Registry

PASSWORD = "pa55word-that-nobody-may-see"
TOKEN = "hf_tokenThatNobodyMaySee"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(b"\x08\x08" + bytes(1000))
    return folder


@pytest.fixture(autouse=True)
def _nothing_left(tmp_path: Path) -> Iterator[None]:
    """After each of these, no image, no service, and no secret stands anywhere."""
    yield
    assert not list(tmp_path.rglob("index.json"))
    assert not list(Path.home().glob(".local/state/odh-oci-widgets/sandbox/*"))
    for path in [*tmp_path.rglob("*"), *Path.home().rglob("*")]:
        if path.is_file():
            assert PASSWORD.encode() not in path.read_bytes(), path
            assert TOKEN.encode() not in path.read_bytes(), path


def told(ran: Ran, status: int = 1) -> str:
    for secret in (PASSWORD, TOKEN):
        assert secret not in ran.out + ran.err
    return ran.failed(status)


# --- models ---


def test_an_unknown_model(hub: Hub, tmp_path: Path) -> None:
    ran = odh_oci("build", "hf://cli/nothing", f"oci:{tmp_path}/image", HF_TOKEN=hub.token)
    assert "cli/nothing" in told(ran)
    assert hub.token not in ran.out + ran.err
    assert ran.out == ""


def test_a_gated_model_without_and_with_a_useless_token(hub: Hub, tmp_path: Path) -> None:
    hub.add("cli/gated", Repo({"model.onnx": b"\x08\x08"}, gated="manual"))
    build = ("build", "hf://cli/gated", f"oci:{tmp_path}/image")
    assert "token" in told(odh_oci(*build))
    ran = odh_oci(*build, "--token-stdin", stdin=hub.outsider)
    assert "cli/gated" in told(ran)
    assert hub.outsider not in ran.out + ran.err
    assert "token" in told(odh_oci(*build, HF_TOKEN=TOKEN))


def test_a_revision_that_does_not_exist(hub: Hub, tmp_path: Path) -> None:
    hub.add("cli/revisions", {"model.onnx": b"\x08\x08"})
    assert "v9" in told(odh_oci("inspect", "hf://cli/revisions@v9"))


def test_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "empty" in told(odh_oci("build", tmp_path / "empty", f"oci:{tmp_path}/image"))


def test_a_selection_that_matches_nothing(model: Path, tmp_path: Path) -> None:
    assert "model.onnx" in told(odh_oci("build", model, f"oci:{tmp_path}/image", "--include", "*.gguf"))


def test_a_link_that_leaves_the_folder(model: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("mine")
    (model / "weights.onnx").symlink_to(tmp_path / "secret.txt")
    assert "weights.onnx" in told(odh_oci("build", model, f"oci:{tmp_path}/image", "--base", "embedded"))


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    assert "missing" in told(odh_oci("inspect", tmp_path / "missing"))


# --- images and options ---


@pytest.mark.parametrize(
    "image", ["granite", "quay.io/Me/granite:1", "quay.io/me/granite:a tag", "oci:", "https://quay.io/a/b"]
)
def test_a_malformed_image_reference(model: Path, image: str) -> None:
    told(odh_oci("build", model, image))


def test_an_unknown_builder(model: Path) -> None:
    assert "kernel" in told(odh_oci("build", model, "quay.io/me/model:1", "--builder", "magic"))


def test_a_password_that_does_not_come(model: Path) -> None:
    build = ("build", model, "quay.io/me/model:1")
    assert "--password-stdin" in told(odh_oci(*build, "--username", "me"))
    assert "nothing" in told(odh_oci(*build, "--username", "me", "--password-stdin"))
    assert "--username" in told(odh_oci(*build, "--password-stdin", stdin=PASSWORD))
    assert "HF_TOKEN" in told(
        odh_oci(*build, "--username", "me", "--password-stdin", "--token-stdin", stdin=PASSWORD)
    )


def test_wrong_usage_shows_the_usage(model: Path) -> None:
    for arguments in (["fly"], ["build", model], ["classify", "digits", "a.png", "--top", "0"], []):
        ran = odh_oci(*arguments)
        assert (ran.status, ran.out) == (2, "")
        assert "usage: odh-oci" in ran.err


def test_a_failure_for_machines_is_one_document(tmp_path: Path) -> None:
    ran = odh_oci("inspect", tmp_path / "missing", "--json")
    told(ran)
    assert set(ran.json) == {"error", "message", "hint"}
    assert ran.json["error"].startswith("Model")


def test_a_traceback_only_with_debug(tmp_path: Path) -> None:
    ran = odh_oci("inspect", tmp_path / "missing", "--debug")
    assert ran.status == 1
    assert "Traceback" in ran.err


# --- registries ---


class Refusing(BaseHTTPRequestHandler):
    """A registry that says who it is and then refuses every upload with one status."""

    protocol_version = "HTTP/1.1"
    status = 500
    #: what the first answers 503 ask for, in seconds
    waits: ClassVar[list[str]] = []

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.status == 401:
            status, headers = 401, {"WWW-Authenticate": 'Basic realm="registry"'}
        elif self.command == "GET" and self.path == "/v2/":
            status, headers = 200, {}
        elif self.command in {"GET", "HEAD"}:
            status, headers = 404, {}
        else:
            status, headers = self.status, {}
        if status == 503:  # an hour is longer than any server is believed: that answer decides
            headers = {"Retry-After": self.waits.pop() if self.waits else "3600"}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        body = b'{"errors": [{"code": "DENIED", "message": "not you"}]}'
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815


@pytest.fixture
def refusing() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Refusing,), {}))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, "RegistryUnauthorized"),
        (403, "RegistryForbidden"),
        (404, "ImageNotFound"),
        (413, "LayerTooLarge"),
        (503, "RegistryError"),
    ],
)
def test_a_registry_that_refuses(refusing: ThreadingHTTPServer, model: Path, status: int, error: str) -> None:
    refusing.RequestHandlerClass.status = status  # type: ignore[attr-defined]
    host = f"127.0.0.1:{refusing.server_address[1]}"
    ran = odh_oci(
        "build", model, f"{host}/me/model:1", "--base", "embedded", "--insecure", "--json",
        "--username", "me", "--password-stdin", stdin=PASSWORD,
    )  # fmt: skip
    assert host in told(ran)
    assert (ran.lines[-1]["event"], ran.lines[-1]["error"]) == ("failed", error)


def test_a_registry_that_is_busy_is_waited_for_as_it_asks_and_the_user_hears_of_it(
    refusing: ThreadingHTTPServer, model: Path
) -> None:
    refusing.RequestHandlerClass.status = 503  # type: ignore[attr-defined]
    refusing.RequestHandlerClass.waits = ["1", "1"]  # type: ignore[attr-defined] - one for each layer
    host = f"127.0.0.1:{refusing.server_address[1]}"
    ran = odh_oci("build", model, f"{host}/me/model:1", "--base", "embedded", "--insecure")
    assert host in told(ran)
    assert "503; trying again in 1.0 s (attempt 1)" in ran.err


def test_no_registry_there(model: Path) -> None:
    ran = odh_oci("build", model, "127.0.0.1:1/me/model:1", "--base", "embedded", "--insecure")
    assert "127.0.0.1:1" in told(ran)


def test_a_certificate_that_is_not_trusted(model: Path, tmp_path: Path) -> None:
    openssl = require("openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", key, "-out", certificate, "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    ssl.create_default_context(cafile=certificate)
    server = Registry(tmp_path / "registry", tls=(certificate, key))
    try:
        image = f"{server.host}/me/model:1"
        assert "certificate" in told(odh_oci("build", model, image, "--base", "embedded")).lower()
        odh_oci("build", model, image, "--base", "embedded", "--insecure").ok()
        odh_oci("build", model, image, "--base", "embedded", SSL_CERT_FILE=str(certificate)).ok()
    finally:
        server.stop()


# --- clusters and services ---


def test_no_cluster(tmp_path: Path) -> None:
    ran = odh_oci("deploy", "quay.io/me/model:1", "granite", "--target", "project")
    assert "cluster" in told(ran)
    assert "--target sandbox" in ran.err
    assert "--target sandbox" in told(odh_oci("deploy", f"oci:{tmp_path}/image", "granite"))
    assert "cluster" in told(odh_oci("list", "--target", "project"))


def test_without_a_cluster_the_list_is_that_of_the_sandbox() -> None:
    assert odh_oci("list", "--json").ok().json == {"services": []}


@pytest.mark.parametrize("name", ["Granite", "my_model", "-model", "m" * 54, "1model", "../model"])
def test_a_name_that_kubernetes_refuses(name: str, tmp_path: Path) -> None:
    told(odh_oci("deploy", "--target", "sandbox", f"oci:{tmp_path}/image", "--", name))
    told(odh_oci("deploy", "--target", "project", "quay.io/me/model:1", "--", name))


def test_a_form_of_objects_that_nobody_prints() -> None:
    deploy = ("deploy", "quay.io/me/model:1", "granite")
    assert "--dry-run" in told(odh_oci(*deploy, "-o", "yaml"))
    assert "sandbox" in told(odh_oci(*deploy, "--dry-run", "--target", "sandbox"))


def test_an_image_that_is_not_there(tmp_path: Path) -> None:
    assert "image" in told(odh_oci("deploy", f"oci:{tmp_path}/image:1", "granite", "--target", "sandbox"))


@pytest.mark.parametrize(
    "command", [("logs",), ("delete", "--yes"), ("complete", "prompt"), ("classify", "a.png")]
)
def test_a_service_that_does_not_exist(command: tuple[str, ...]) -> None:
    verb, *rest = command
    assert "nobody" in told(odh_oci(verb, "nobody", *rest))
