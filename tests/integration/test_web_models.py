"""`https://…/file` through real HTTP servers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from odh_oci_widgets.models import (
    ModelAccessMissing,
    ModelEmpty,
    ModelFormat,
    ModelNotFound,
    NotAModel,
    ReferenceNotUnderstood,
    SizeUnknown,
    SourceUnreachable,
    open_model,
)
from tests.servers.registry import free_port

ONNX = b"\x08\x07" + bytes(5000)
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"c1" * 32 + b"\nsize 14246826\n"
#: path -> status, headers, body
ANSWERS = {
    "/plain.onnx": (200, {"Content-Length": str(len(ONNX))}, ONNX),
    "/attached": (
        200,
        {"Content-Length": "5", "Content-Disposition": 'attachment; filename="../a b.onnx"'},
        ONNX[:5],
    ),
    "/pointer.onnx": (200, {"Content-Length": str(len(POINTER))}, POINTER),
    "/page.onnx": (200, {"Content-Type": "text/html", "Content-Length": "4"}, b"<htm"),
    "/page2.onnx": (200, {"Content-Length": "18"}, b"\n<!DOCTYPE html>\n "),
    "/json.onnx": (200, {"Content-Length": "2"}, b"{}"),
    "/endless.onnx": (200, {"Connection": "close"}, ONNX),
    "/empty.onnx": (200, {"Content-Length": "0"}, b""),
    "/login.onnx": (403, {"Content-Length": "0"}, b""),
    "/broken.onnx": (500, {"Content-Length": "0"}, b""),
    "/moved.onnx": (302, {"Content-Length": "0", "Location": "/plain.onnx"}, b""),
    "/loop.onnx": (302, {"Content-Length": "0", "Location": "/loop.onnx"}, b""),
    "/model.xml": (200, {"Content-Length": "6"}, b"<?xml>"),
    "/model.bin": (200, {"Content-Length": "6"}, b"\0\1\2\3\4\5"),
}


class Web(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, headers, body = ANSWERS.get(self.path.partition("?")[0], (404, {"Content-Length": "0"}, b""))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Web)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_one_file(web: str) -> None:
    model = open_model(f"{web}/plain.onnx#sha256={'AB' * 32}")
    assert (model.name, model.format, model.revision) == ("plain", ModelFormat.ONNX, None)
    file = model.files[0]
    assert (file.path, file.size, file.sha256) == ("plain.onnx", len(ONNX), "ab" * 32)
    assert file.source.url == f"{web}/plain.onnx"
    assert model.plan_files()[0].path == "models/1/plain.onnx"


def test_a_redirect_is_followed_but_the_address_kept(web: str) -> None:
    """Where it leads to may be signed and short-lived."""
    file = open_model(f"{web}/moved.onnx").files[0]
    assert (file.path, file.size, file.source.url) == ("moved.onnx", len(ONNX), f"{web}/moved.onnx")


def test_the_name_the_server_gives_is_only_a_name(web: str) -> None:
    assert open_model(f"{web}/attached").files[0].path == "_a b.onnx"


def test_several_addresses_are_one_model(web: str) -> None:
    model = open_model(f"{web}/model.xml {web}/model.bin")
    assert [file.path for file in model.files] == ["model.bin", "model.xml"]
    assert model.format is ModelFormat.OPENVINO_IR
    with pytest.raises(ReferenceNotUnderstood, match=r"Two of the addresses"):
        open_model(f"{web}/model.xml {web}/model.xml")


def test_the_onnx_zoo_of_the_test_data(hub, shared) -> None:
    """Ranges, and a file behind two hosts."""
    hub.add("web/zoo", {"mobilenet.onnx": ONNX})
    file = open_model(f"{hub.url}/web/zoo/resolve/main/mobilenet.onnx").files[0]
    assert file.size == len(ONNX)


@pytest.mark.parametrize(
    ("path", "error", "says"),
    [
        ("pointer.onnx", NotAModel, "Git LFS pointer to 14,246,826 bytes"),
        ("page.onnx", NotAModel, "is a web page"),
        ("page2.onnx", NotAModel, "is a web page"),
        ("json.onnx", NotAModel, "not what its name says"),
        ("endless.onnx", SizeUnknown, "does not tell the size"),
        ("empty.onnx", ModelEmpty, "is empty"),
        ("nothing.onnx", ModelNotFound, "There is nothing at"),
        ("login.onnx", ModelAccessMissing, "HTTP 403"),
        ("broken.onnx", SourceUnreachable, "HTTP 500"),
        ("loop.onnx", SourceUnreachable, "redirects in circles"),
        ("plain.onnx#sha256=12", ReferenceNotUnderstood, "not a checksum"),
        ("", ReferenceNotUnderstood, "not the address of a file"),
    ],
)
def test_what_is_no_model_is_refused(web: str, path: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        open_model(f"{web}/{path}")
    assert caught.value.hint


def test_a_signature_does_not_show(web: str) -> None:
    model = open_model(f"{web}/plain.onnx?X-Amz-Signature=secret")
    assert "secret" not in model.reference
    with pytest.raises(ModelNotFound) as caught:
        open_model(f"{web}/nothing.onnx?X-Amz-Signature=secret")
    assert "secret" not in str(caught.value)


def test_a_password_in_the_address_is_refused() -> None:
    with pytest.raises(ReferenceNotUnderstood, match="user name or password") as caught:
        open_model("https://me:hidden@example.org/a.onnx")
    assert "hidden" not in str(caught.value)


def test_nobody_there() -> None:
    with pytest.raises(SourceUnreachable, match=r"No connection to 127\.0\.0\.1"):
        open_model(f"http://127.0.0.1:{free_port()}/a.onnx")
