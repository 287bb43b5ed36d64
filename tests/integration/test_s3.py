"""Models in S3 storage, against a real HTTP server of that protocol (moto)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

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
from odh_oci_widgets.models.s3 import sign
from odh_oci_widgets.oci import engine_zip, make_plan, pull_models, run
from odh_oci_widgets.oci.events import Done, Failed
from odh_oci_widgets.oci.plan import Plan, PlanFile, Source
from tests.servers.registry import free_port
from tests.servers.s3 import SignedStorage

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


DAY = 24 * 3600
LARGE = bytes(range(256)) * 2**14


@pytest.fixture
def storage_that_looks_at_the_date(monkeypatch: pytest.MonkeyPatch) -> Iterator[SignedStorage]:
    server = SignedStorage({"b/models/config.json": b"{}", "b/models/model.safetensors": LARGE})
    monkeypatch.setenv("AWS_S3_ENDPOINT", server.url)
    yield server
    server.stop()


def planned(storage: SignedStorage, folder: Path) -> Plan:
    files = {
        f"models/{path.rpartition('/')[2]}": (Source(url=f"{storage.url}/{path}", auth="s3"), len(data))
        for path, data in storage.objects.items()
    }
    entries = [PlanFile(path=path, size=size, source=source) for path, (source, size) in files.items()]
    return make_plan(entries, f"oci:{folder}/images:1", base="embedded")


def test_a_build_that_waits_for_days_and_one_that_is_resumed_still_read(
    storage_that_looks_at_the_date: SignedStorage, tmp_path: Path
) -> None:
    storage = storage_that_looks_at_the_date
    plan = planned(storage, tmp_path)
    waiting = plan_secrets(plan)
    storage.ahead = 6.9 * DAY
    storage.break_after = len(LARGE) // 2
    assert isinstance(list(run(plan, secrets=waiting))[-1], Done), "the connection broke, and was taken up"


@pytest.mark.parametrize("silent", [False, True])
def test_a_signature_that_ran_out_says_so_and_a_new_build_has_a_new_one(
    storage_that_looks_at_the_date: SignedStorage, tmp_path: Path, silent: bool
) -> None:
    storage = storage_that_looks_at_the_date
    storage.silent = silent
    plan = planned(storage, tmp_path)
    urls = [file.source.url for layer in plan.layers for file in layer.files if file.source.url]
    short = {"s3": json.dumps(sign(urls, seconds=1))}
    while any(storage.refusal(parse_qs(query)) is None for query in json.loads(short["s3"]).values()):
        time.sleep(0.05)
    failed = list(run(plan, secrets=short))[-1]
    assert isinstance(failed, Failed)
    assert failed.error == "SignatureExpired"
    assert "ended" in failed.message
    assert "signs anew" in failed.hint
    assert "X-Amz" not in failed.message + failed.hint
    assert start(plan).wait(60)


def test_temporary_keys_end_sooner_and_the_message_says_so(
    storage_that_looks_at_the_date: SignedStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = storage_that_looks_at_the_date
    monkeypatch.setenv("AWS_SESSION_TOKEN", "ofAnHour")
    plan = planned(storage, tmp_path)
    secrets = plan_secrets(plan)
    storage.keys_end = True
    failed = list(run(plan, secrets=secrets))[-1]
    assert isinstance(failed, Failed)
    assert failed.error == "SignatureExpired"
    assert "temporary keys (AWS_SESSION_TOKEN)" in failed.message
    assert "ofAnHour" not in repr(failed)
    monkeypatch.delenv("AWS_SESSION_TOKEN")
    assert start(plan).wait(60)


def test_a_signature_that_is_wrong_is_no_expired_one(
    storage_that_looks_at_the_date: SignedStorage, tmp_path: Path
) -> None:
    plan = planned(storage_that_looks_at_the_date, tmp_path)
    failed = list(run(plan))[-1]
    assert isinstance(failed, Failed)
    assert (failed.error, "AWS_*" in failed.hint) == ("SourceError", True)


def test_the_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(PackageMissing, match="`boto3`"):
        open_model("s3://bucket/models")
