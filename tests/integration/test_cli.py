"""The main job through the command, each step in a process of its own: hub → image → registry → sandbox → answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.command import odh_oci
from tests.onnx_models import linear
from tests.servers.hub import Hub, Repo
from tests.servers.registry import Registry


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """A classifier of 8x8 pictures: the column of the brightest pixel (and of the first two rows) is the class."""
    return linear(tmp_path / "digits" / "model.onnx", 64, 10)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """Light at pixel 3: class 3."""
    pixels = np.zeros((8, 8), np.uint8)
    pixels[0, 3] = 255
    path = tmp_path / "three.png"
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def cleaned() -> Iterator[None]:
    """No sandbox service outlives its test."""
    yield
    for service in odh_oci("list", "--target", "sandbox", "--json").json["services"]:
        odh_oci("delete", service["name"], "--target", "sandbox", "--yes")


@pytest.mark.usefixtures("cleaned")
def test_from_the_hub_to_an_answer(
    hub: Hub, registry: Registry, digits: Path, picture: Path, tmp_path: Path
) -> None:
    hub.add("cli/digits", Repo({"model.onnx": digits.read_bytes()}, license="mit", gated=True))
    model, image = "hf://cli/digits", f"{registry.host}/cli/digits:1"

    seen = odh_oci("inspect", model, "--json", HF_TOKEN=hub.token).ok().json
    assert (seen["format"], seen["license"], seen["size"]) == ("onnx", "mit", digits.stat().st_size)
    assert re.fullmatch("[0-9a-f]{40}", seen["revision"])
    assert [file["path"] for file in seen["files"]] == ["model.onnx"]

    built = odh_oci(
        "build", model, image, "--base", "embedded", "--insecure", "--token-stdin", stdin=hub.token + "\n"
    ).ok()
    reference = built.out.strip()
    assert re.fullmatch(rf"{re.escape(image)}@sha256:[0-9a-f]{{64}}", reference)
    assert registry.tags("cli/digits") == ["1"]

    deployed = odh_oci("deploy", reference, "digits", "--target", "sandbox", "--insecure", "--json").ok().json
    assert (deployed["name"], deployed["target"], deployed["state"]) == ("digits", "sandbox", "ready")

    listed = odh_oci("list", "--target", "sandbox", "--json").ok().json["services"]
    assert [(service["name"], service["state"]) for service in listed] == [("digits", "ready")]
    assert "digits" in odh_oci("list", "--target", "sandbox").ok().out

    answer = odh_oci("classify", "digits", picture, "--top", "2", "--json").ok().json
    assert [set(found) for found in answer["predictions"]] == [{"index", "label", "probability"}] * 2
    assert answer["predictions"][0]["index"] == 3
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(f"number {digit}" for digit in range(10)))
    assert "number 3" in odh_oci("classify", "digits", picture, "--labels", labels).ok().out.splitlines()[1]

    assert odh_oci("logs", "digits").ok().out
    assert odh_oci("logs", "digits", "--tail", "1", "--json").ok().json["lines"]

    refused = odh_oci("delete", "digits").failed()
    assert "--yes" in refused
    assert odh_oci("delete", "digits", "--yes", "--json").ok().json == {
        "deleted": "digits",
        "target": "sandbox",
    }
    assert odh_oci("list", "--target", "sandbox", "--json").ok().json["services"] == []
    assert "digits" in odh_oci("classify", "digits", picture, "--target", "sandbox").failed()

    for host, tokens in hub.tokens_seen.items():
        assert host in hub.url, f"the token went to {host}: {tokens}"
    assert_nowhere(hub.token, Path.home())


@pytest.mark.usefixtures("cleaned")
def test_bad_calls_of_a_service_are_told(digits: Path, picture: Path, tmp_path: Path) -> None:
    image = odh_oci("build", digits, f"oci:{tmp_path / 'image'}:1", "--base", "embedded").ok().out.strip()
    odh_oci("deploy", image, "digits", "--target", "sandbox").ok()
    no_picture = tmp_path / "letter.png"
    no_picture.write_text("Dear model,")
    assert "not a picture" in odh_oci("classify", "digits", no_picture).failed()
    assert "no file" in odh_oci("classify", "digits", tmp_path / "missing.png").failed()
    few = tmp_path / "few.txt"
    few.write_text("one\ntwo\n")
    assert "2 labels" in odh_oci("classify", "digits", picture, "--labels", few).failed()
    told = odh_oci("complete", "digits", "Once upon a time", "--json")
    told.failed()
    assert set(told.json) == {"error", "message", "hint"}
    assert "digits" in odh_oci("deploy", image, "digits", "--target", "sandbox").err
    odh_oci("delete", "digits", "--yes").ok()

    linear(tmp_path / "regression" / "model.onnx", 64, 1, softmax=False)
    image = (
        odh_oci("build", tmp_path / "regression", f"oci:{tmp_path / 'other'}:1", "--base", "embedded")
        .ok()
        .out.strip()
    )
    odh_oci("deploy", image, "regression", "--target", "sandbox").ok()
    assert "no classifier" in odh_oci("classify", "regression", picture).failed()


def assert_nowhere(secret: str, folder: Path) -> None:
    """The secret stands in no file below the folder."""
    for path in folder.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path
