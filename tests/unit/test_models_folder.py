"""Folders and files on this disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from odh_oci_widgets.models import (
    ModelEmpty,
    ModelError,
    ModelFormat,
    ModelNotFound,
    NotAModel,
    PathLeavesFolder,
    browse,
    open_model,
    understand,
)


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def paths(reference: Path) -> list[str]:
    return [file.path for file in open_model(reference).files]


def test_a_folder(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "My Model_1",
        {
            "config.json": b"{}",
            "model.safetensors": b"x",
            "sub/vocab.txt": b"v",
            ".git/HEAD": b"",
            ".cache/x": b"",
            "LICENSE": b"MIT License\n",
        },
    )
    model = open_model(folder)
    assert [file.path for file in model.files] == [
        "LICENSE",
        "config.json",
        "model.safetensors",
        "sub/vocab.txt",
    ]
    assert (model.name, model.format, model.license) == ("my-model-1", ModelFormat.HUGGINGFACE, "mit")
    assert model.files[0].source.path == str(folder / "LICENSE")
    assert model.plan_files()[1].path == "models/config.json"


def test_one_file(tmp_path: Path) -> None:
    write(tmp_path, {"digits.onnx": b"\x08\x07"})
    model = open_model(str(tmp_path / "digits.onnx"))
    assert (model.name, model.format, model.size) == ("digits", ModelFormat.ONNX, 2)
    assert model.plan_files()[0].path == "models/1/digits.onnx"


def test_a_folder_that_has_versions_keeps_them(tmp_path: Path) -> None:
    write(tmp_path, {"1/model.onnx": b"\x08", "2/model.onnx": b"\x08"})
    assert [file.path for file in open_model(tmp_path).plan_files()] == [
        "models/1/model.onnx",
        "models/2/model.onnx",
    ]


def test_an_onnx_in_a_subfolder_comes_up_to_where_the_server_looks(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "config.json": b"{}",
            "onnx/model.onnx": b"\x08",
            "onnx/model.onnx_data": b"d",
            "onnx/model_fp16.onnx": b"\x08",
        },
    )
    model = open_model(tmp_path)
    assert {file.path for file in model.plan_files()} == {
        "models/1/config.json",
        "models/1/model.onnx",
        "models/1/model.onnx_data",
    }
    assert [file.path for file, _ in model.left_out] == ["onnx/model_fp16.onnx"]


def test_the_cache_of_the_hub(tmp_path: Path) -> None:
    commit, sha256, oid = "a" * 40, "b" * 64, "c" * 40
    cache = write(
        tmp_path / "hub" / "models--acme--Tiny-2B",
        {f"blobs/{sha256}": b"weights", f"blobs/{oid}": b"{}", "refs/main": commit.encode()},
    )
    snapshot = cache / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").symlink_to(f"../../blobs/{sha256}")
    (snapshot / "config.json").symlink_to(f"../../blobs/{oid}")
    for reference in (snapshot, cache):
        model = open_model(reference)
        assert (model.name, model.revision) == ("tiny-2b", commit)
        config, weights = model.files
        assert (weights.sha256, weights.git_oid, weights.size) == (sha256, None, 7)
        assert (config.sha256, config.git_oid) == (None, oid)
        assert weights.source.path == str(cache / "blobs" / sha256)


def test_links_inside_are_followed_and_links_out_refused(tmp_path: Path) -> None:
    secret = write(tmp_path / "other", {"secret.txt": b"s"})
    folder = write(tmp_path / "model", {"a.onnx": b"\x08"})
    (folder / "b.txt").symlink_to("a.onnx")
    assert paths(folder) == ["a.onnx", "b.txt"]
    for target in (secret / "secret.txt", secret, Path("/etc/passwd")):
        link = folder / "link"
        link.symlink_to(target)
        with pytest.raises(PathLeavesFolder, match="`link` is a link that leaves the folder"):
            open_model(folder)
        link.unlink()
    (folder / "gone").symlink_to("nothing")
    with pytest.raises(ModelNotFound, match="link to nothing"):
        open_model(folder)


def test_a_link_in_a_circle(tmp_path: Path) -> None:
    folder = write(tmp_path / "model", {"a.onnx": b"\x08", "sub/b.txt": b"b"})
    (folder / "sub" / "up").symlink_to("..")
    with pytest.raises(PathLeavesFolder, match="around it"):
        open_model(folder)
    (folder / "sub" / "up").unlink()
    (folder / "sub" / "self").symlink_to("self")
    with pytest.raises(ModelNotFound, match="link to nothing"):
        open_model(folder)


def test_empty_missing_pointer(tmp_path: Path) -> None:
    (tmp_path / "empty" / ".git").mkdir(parents=True)
    with pytest.raises(ModelEmpty, match="is empty"):
        open_model(tmp_path / "empty")
    with pytest.raises(ModelNotFound, match="no folder or file") as caught:
        open_model(tmp_path / "nothing")
    assert "hf://owner/name" in caught.value.hint
    with pytest.raises(ModelNotFound) as caught:
        open_model("ibm-granite/granite-3.0-2b-instruct")
    assert "hf://ibm-granite/granite-3.0-2b-instruct" in caught.value.hint
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 99\n"
    write(tmp_path / "clone", {"model.safetensors": pointer})
    with pytest.raises(NotAModel, match="Git LFS pointer to 99 bytes"):
        open_model(tmp_path / "clone")
    with pytest.raises(NotAModel, match="Git LFS pointer"):
        open_model(tmp_path / "clone" / "model.safetensors")
    write(tmp_path / "clone", {"model.onnx": b"\x08\x08"})
    assert [file.path for file in open_model(tmp_path / "clone", exclude=["*.safetensors"]).files] == [
        "model.onnx"
    ]
    with pytest.raises(NotAModel):
        open_model(tmp_path / "clone", include=["*.safetensors"])
    write(tmp_path, {"zero.onnx": b""})
    with pytest.raises(ModelEmpty):
        open_model(tmp_path / "zero.onnx")


def test_the_home_folder_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path, {"models/a.onnx": b"\x08"})
    assert paths(Path("~/models")) == ["a.onnx"]


@pytest.mark.skipif(os.name != "posix", reason="named pipes")
def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    write(tmp_path, {"a.onnx": b"\x08"})
    os.mkfifo(tmp_path / "pipe")
    assert paths(tmp_path) == ["a.onnx"]


def test_looking_around(tmp_path: Path) -> None:
    home = write(
        tmp_path / "home",
        {
            "b.onnx": b"\x08",
            "llm/config.json": b"{}",
            "llm/model.safetensors": b"x",
            "ovms/1/model.onnx": b"\x08",
            ".x/y": b"",
        },
    )
    (home / "Empty").mkdir()
    (home / "out").symlink_to(tmp_path)
    (home / "gone").symlink_to("nowhere")
    entries = [
        (entry.name, entry.is_folder, entry.size, str(entry.format)) for entry in browse(home, root=home)
    ]
    assert entries == [
        ("Empty", True, None, "unknown"),
        ("llm", True, None, "huggingface"),
        ("ovms", True, None, "onnx"),
        ("b.onnx", False, 1, "onnx"),
    ]
    with pytest.raises(PathLeavesFolder, match="is not below"):
        browse(home / "..", root=home)
    with pytest.raises(ModelNotFound, match="cannot be read"):
        browse(home / "nothing", root=home)


def test_a_file_that_vanished_is_an_error_of_ours(tmp_path: Path) -> None:
    model = open_model(write(tmp_path, {"config.json": b"{}", "model.safetensors": b"x"}))
    (tmp_path / "config.json").unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        understand(model)
