"""Models in S3 storage, against a real HTTP server of that protocol (moto)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from odh_oci_widgets.builders import plan_image, plan_secrets, start
from odh_oci_widgets.models import (
    ModelAccessMissing,
    ModelEmpty,
    ModelFormat,
    ModelNotFound,
    PackageMissing,
    ReferenceNotUnderstood,
    SourceUnreachable,
    open_model,
)
from odh_oci_widgets.models.fetching import read_piece
from odh_oci_widgets.oci import engine_zip, pull_models, run
from odh_oci_widgets.oci.events import Done
from tests.servers.registry import free_port

boto3 = pytest.importorskip("boto3")
moto_server = pytest.importorskip("moto.server")

WEIGHTS = bytes(range(256)) * 20


@pytest.fixture(scope="module")
def storage() -> Iterator[str]:
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def _connection(storage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an ODH data connection sets it."""
    monkeypatch.setenv("AWS_S3_ENDPOINT", storage)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "verySecretKey")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")


@pytest.fixture
def bucket(storage: str, request: pytest.FixtureRequest) -> str:
    client: Any = boto3.client("s3", endpoint_url=storage)
    name = f"b-{abs(hash(request.node.name)) % 10**8}"
    client.create_bucket(Bucket=name)
    for key, body in {
        "models/tiny model/": b"",
        "models/tiny model/config.json": b"{}",
        "models/tiny model/model.safetensors": WEIGHTS,
        "models/tiny model/pytorch_model.bin": b"pickle",
        "models/tiny model/.cache/x": b"",
        "models/tiny model-old/config.json": b"{}",
        "digits.onnx": b"\x08\x07",
    }.items():
        client.put_object(Bucket=name, Key=key, Body=body)
    return name


def test_a_folder_of_a_bucket_streams(bucket: str, storage: str) -> None:
    model = open_model(f"s3://{bucket}/models/tiny model/")
    assert [(file.path, file.size) for file in model.files] == [
        ("config.json", 2),
        ("model.safetensors", len(WEIGHTS)),
    ]
    assert [file.path for file, _ in model.left_out] == ["pytorch_model.bin"]
    assert (model.name, model.format) == ("tiny-model", ModelFormat.HUGGINGFACE)
    assert model.reference == f"s3://{bucket}/models/tiny model"
    source = model.files[1].source
    assert (source.url or "").startswith(f"{storage}/{bucket}/models/")
    piece = read_piece(source, 256, 4)
    assert (piece.data, piece.size) == (b"\0\1\2\3", len(WEIGHTS))


def test_one_object(bucket: str) -> None:
    model = open_model(f"s3://{bucket}/digits.onnx")
    assert [(file.path, file.size) for file in model.files] == [("digits.onnx", 2)]
    assert model.name == "digits"


def test_an_object_goes_into_the_image_and_the_plan_holds_no_right(bucket: str, tmp_path: Path) -> None:
    plan = plan_image(f"s3://{bucket}/models/tiny model", f"oci:{tmp_path}/images:1", base="embedded")
    assert "X-Amz" not in plan.to_json()
    assert "?" not in plan.to_json()
    assert start(plan).wait(60)
    folder = pull_models(plan.image, tmp_path / "out")
    assert next(folder.rglob("model.safetensors")).read_bytes() == WEIGHTS
    events = list(run(plan, secrets=plan_secrets(plan)))
    assert isinstance(events[-1], Done)
    assert "X-Amz" not in repr(events)


def test_the_engine_in_another_process_reads_signatures_from_a_file(
    bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = plan_image(f"s3://{bucket}/digits.onnx", f"oci:{tmp_path}/images:1", base="embedded")
    (tmp_path / "plan.json").write_text(plan.to_json())
    (tmp_path / "s3.json").write_text(plan_secrets(plan)["s3"])
    program = tmp_path / "engine.pyz"
    program.write_bytes(engine_zip())
    without = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    command = [sys.executable, program, tmp_path / "plan.json"]
    environ = without | {"ODH_OCI_S3": str(tmp_path / "s3.json")}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "X-Amz" not in done.stdout + done.stderr
    assert pull_models(plan.image, tmp_path / "out").is_dir()


def test_signatures_and_keys_do_not_show(bucket: str) -> None:
    model = open_model(f"s3://{bucket}/models/tiny model")
    assert all("?" not in (file.source.url or "") for file in model.files)
    text = repr(model)
    assert "Signature" not in text
    assert "AKIDEXAMPLE" not in text
    assert "verySecretKey" not in text


def test_what_may_go_wrong(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelEmpty, match="nothing below `nowhere`"):
        open_model(f"s3://{bucket}/nowhere")
    with pytest.raises(ModelNotFound, match="There is no bucket `no-such-bucket`"):
        open_model("s3://no-such-bucket/models")
    monkeypatch.setenv("AWS_S3_BUCKET", "mine")
    with pytest.raises(ReferenceNotUnderstood, match="s3://mine/folder"):
        open_model("s3:///models")
    monkeypatch.setenv("AWS_S3_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(SourceUnreachable, match="No connection"):
        open_model("s3://bucket/models")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(ModelAccessMissing, match="no keys for the bucket") as caught:
        open_model("s3://bucket/models")
    assert "data connection" in caught.value.hint


def test_the_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(PackageMissing, match="`boto3`"):
        open_model("s3://bucket/models")
