"""The text of Containerfiles, the context, and the same build as commands for a terminal."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml

from odh_oci_widgets.builders.containerfile import containerfile, downloads, secret_files
from odh_oci_widgets.builders.context import context
from odh_oci_widgets.builders.openshift import oc_commands
from odh_oci_widgets.builders.steps import Steps
from odh_oci_widgets.oci.errors import PlanInvalid, SourceError
from odh_oci_widgets.oci.events import LayerState
from odh_oci_widgets.oci.plan import Plan, PlanFile, Source, make_plan
from tests import openshift_schemas

HUB = "https://huggingface.co/ibm-granite/granite/resolve/0123456789abcdef"
BIG = 20 * 2**20


def hub_file(path: str, size: int = 10, folder: str = "models") -> PlanFile:
    return PlanFile(
        path=f"{folder}/{path}", size=size, sha256="A" * 64, source=Source(url=f"{HUB}/{path}", auth="hf")
    )


def granite(**options) -> Plan:
    files = [hub_file("config.json"), *(hub_file(f"model-{n}.safetensors", BIG) for n in range(6))]
    return make_plan(files, "quay.io/me/granite:1", **options)


def test_the_guides_two_stages_for_today() -> None:
    text = containerfile(granite(annotations={"org.odh-oci.model-format": "safetensors"}))
    first, second = text.split("##### The image")
    assert first.count("hf download") == 3  # small files, then four and two large ones
    assert "--revision 0123456789abcdef --local-dir models ibm-granite/granite config.json" in first
    assert "HF_ENDPOINT" not in first
    assert "a" * 64 + "  models/config.json" in first  # sha256sum reads lower case
    assert "RUN" not in second  # any base will do, and the model is there once
    assert "COPY --from=downloader --chown=1001:0" in second
    assert "USER 1001" in second
    assert 'LABEL "org.odh-oci.model-format"="safetensors"' in second
    assert "ARG" not in text


def test_another_hub_and_names_that_a_shell_would_read() -> None:
    name = "a b/$(touch x)'.bin"
    file = PlanFile(
        path=f"models/1/{name}",
        size=1,
        source=Source(url=f"http://hub:1/o/n/resolve/c/{'a%20b/%24(touch%20x)%27.bin'}", auth="hf"),
    )
    text = containerfile(make_plan([file], "r.io/a:1"))
    assert "ENV HF_ENDPOINT=http://hub:1" in text
    assert "--local-dir models/1 o/n 'a b/$(touch x)'\"'\"'.bin'" in text


def test_what_is_secret_is_read_from_a_file() -> None:
    file = PlanFile(path="models/m.onnx", size=1, source=Source(url="https://s3/m.onnx?sig=0xSIGNED"))
    bucket = PlanFile(path="models/b.onnx", size=1, source=Source(url="https://s3/b.onnx", auth="s3"))
    plan = make_plan([file, bucket, hub_file("config.json")], "r.io/a:1")
    text = containerfile(plan, build_secrets=True)
    assert "0xSIGNED" not in text
    secrets = secret_files(plan, {"hf": "hf_x", "s3": '{"https://s3/b.onnx": "sig=0xKEY"}'})
    assert set(secrets.values()) == {
        'url = "https://s3/m.onnx?sig=0xSIGNED"\n',
        'url = "https://s3/b.onnx?sig=0xKEY"\n',
        "hf_x",
    }
    for name in secrets:
        assert f"--mount=type=secret,id={name}," in text


@pytest.mark.parametrize("path", ["models/a\nRUN evil", "models/a\\b"])
def test_a_path_that_would_be_an_instruction_is_refused(path: str) -> None:
    file = PlanFile(path=path, size=1, source=Source(path="/x"))
    with pytest.raises(PlanInvalid):
        containerfile(make_plan([file], "r.io/a:1"))


def test_the_context_is_a_tar_that_is_never_whole_in_memory(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(b"x" * 3_000_000)
    file = PlanFile(
        path=f"models/1/{'long' * 40}.onnx", size=3_000_000, source=Source(path=str(tmp_path / "m"))
    )
    blocks = list(context("FROM scratch\n", [file], {"hf-token": "t"}))
    assert max(map(len, blocks)) <= 2**20
    with tarfile.open(fileobj=io.BytesIO(b"".join(blocks))) as tar:
        modes = {member.name: member.mode for member in tar.getmembers()}
    assert modes == {
        "Dockerfile": 0o444,
        "hf-token": 0o444,
        "models": 0o555,
        "models/1": 0o555,
        file.path: 0o444,
    }
    (tmp_path / "m").write_bytes(b"less")
    with pytest.raises(SourceError, match="changed"):
        list(context("", [file]))


def test_steps_of_the_log_are_progress() -> None:
    plan = granite()
    steps = Steps(plan)
    small, four, _two = (step.size for step in downloads(plan))
    log = [
        "[1/2] STEP 3/9: RUN set -e; mkdir -p /tmp/odh-oci/models; …",
        "[1/2] STEP 4/9: RUN set -e; mkdir -p /tmp/odh-oci/models; …",
        "[1/2] STEP 5/9: RUN set -e; mkdir -p /tmp/odh-oci/models; …",
        "[2/2] STEP 2/4: COPY --from=downloader --chown=1001:0 /tmp/odh-oci/models /models",
        "Pushing image quay.io/me/granite:1 ...",
        "Successfully pushed quay.io/me/granite@sha256:1",
    ]
    told = [(event.layer, event.sent, event.state) for line in log for event in steps.line(line)]
    sending, done = LayerState.SENDING, LayerState.DONE
    assert told == [
        (0, 0, sending),
        (0, small, sending),
        (0, small + four, sending),
        (0, steps.size, done),
        (1, 0, sending),
        (1, steps.size, done),
    ]
    assert list(steps.all_done()) == []


@pytest.mark.parametrize(
    "image", ["quay.io/me/granite:1", "image-registry.openshift-image-registry.svc:5000/p/granite:1"]
)
def test_oc_commands_are_a_script_with_objects_that_openshift_takes(image: str) -> None:
    plan = make_plan([hub_file("config.json")], image)
    script = oc_commands(plan, namespace="p")
    subprocess.run([shutil.which("bash") or "bash", "-n"], input=script, text=True, check=True)
    text = script.partition("<<'YAML'\n")[2].partition("\nYAML")[0]
    objects = list(yaml.safe_load_all(text))
    assert objects[-1]["kind"] == "BuildConfig"
    assert [error for one in objects for error in openshift_schemas.errors(one)] == []
    assert "oc start-build modelcar --follow" in script
    assert '"$HF_TOKEN"' in script
    assert ("--type=kubernetes.io/dockerconfigjson" in script) == image.startswith("quay.io")
