"""`hf://…` against the hub stand-in, which the real `huggingface_hub` client reads, too."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import huggingface_hub
import pytest

from odh_oci_widgets.models import (
    ModelAccessMissing,
    ModelEmpty,
    ModelFormat,
    ModelGated,
    ModelNotFound,
    ReferenceNotUnderstood,
    RevisionNotFound,
    SourceUnreachable,
    TokenRefused,
    open_model,
)
from odh_oci_widgets.models.fetching import read_piece
from tests.servers.hub import Hub, Repo
from tests.servers.registry import free_port

WEIGHTS = b"\x08\0\0\0\0\0\0\0{}      " + bytes(100)
FILES = {
    "config.json": b'{"model_type": "granite"}',
    "model.safetensors": WEIGHTS,
    "pytorch_model.bin": b"pickle",
    "original/consolidated.00.pth": b"pickle",
    "onnx/model.onnx": b"\x08\x07",
    "LICENSE": b"Apache License",
    "README.md": b"# Tiny",
    ".gitattributes": b"*.bin filter=lfs",
    "figures/a.png": b"png",
}


def test_files_have_size_and_hash_and_the_revision_is_a_commit(hub: Hub) -> None:
    repo = hub.add("opening/tiny", Repo(FILES, license="apache-2.0", xet=True))
    model = open_model("hf://opening/tiny")
    commit = repo.commit("main")
    assert model.revision == commit
    assert (model.name, model.license, model.format) == ("tiny", "apache-2.0", ModelFormat.HUGGINGFACE)
    assert [file.path for file in model.files] == ["LICENSE", "README.md", "config.json", "model.safetensors"]
    weights = model.files[-1]
    assert (weights.size, weights.sha256) == (len(WEIGHTS), hashlib.sha256(WEIGHTS).hexdigest())
    assert weights.git_oid is None
    assert weights.source.url == f"{hub.url}/opening/tiny/resolve/{commit}/model.safetensors"
    assert weights.source.auth == "hf"
    assert weights.source.xet_hash or huggingface_hub.__version__.startswith("1.0")
    config = FILES["config.json"]
    blob = hashlib.sha1(b"blob %d\0" % len(config) + config).hexdigest()
    assert (model.files[2].sha256, model.files[2].git_oid) == (None, blob)
    reasons = {file.path: why for file, why in model.left_out}
    assert "safetensors are there" in reasons["pytorch_model.bin"]
    assert "author's own format" in reasons["original/consolidated.00.pth"]
    assert reasons[".gitattributes"] == "belongs to git"


def test_a_page_of_the_hub_is_a_reference_too(hub: Hub) -> None:
    hub.add("opening/page", FILES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_ENDPOINT", hub.url + "/")
        assert open_model("https://huggingface.co/opening/page").reference == "hf://opening/page"
        assert (
            open_model("https://huggingface.co/opening/page/tree/main").reference == "hf://opening/page@main"
        )


def test_include_brings_back_what_the_default_leaves_out(hub: Hub) -> None:
    hub.add("opening/globs", FILES)
    model = open_model("hf://opening/globs", include=["*.bin", "config.json"], exclude=["config*"])
    assert [file.path for file in model.files] == ["pytorch_model.bin"]
    with pytest.raises(ModelEmpty, match=r"No file .* is selected"):
        open_model("hf://opening/globs", include=["*.nothing"])


def test_a_tree_of_many_pages_is_read_to_its_end() -> None:
    files = {f"part-{index:03}.txt": b"x" for index in range(25)}
    with Hub({"opening/many": files}, page=10) as hub, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_ENDPOINT", hub.url)
        assert len(open_model("hf://opening/many").files) == 25
        assert hub.count("*/tree/*") == 3


def test_a_mirror_that_hands_on_the_links_of_the_hub_is_read_to_its_end() -> None:
    files = {f"part-{number}.txt": b"x" for number in range(25)} | FILES
    with Hub({"opening/mirrored": files}, page=10) as hub, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_ENDPOINT", hub.url)
        hub.linked = "https://hub.invalid/api"
        model = open_model("hf://opening/mirrored")
    assert {f"part-{number}.txt" for number in range(25)} <= {file.path for file in model.files}


def test_revisions_branch_tag_commit_and_slash(hub: Hub) -> None:
    repo = hub.add(
        "opening/revisions",
        Repo(
            {"a.onnx": b"\x08main"}, revisions={"refs/pr/1": {"a.onnx": b"\x08branch"}}, tags={"v1": "main"}
        ),
    )
    branch = repo.commit("refs/pr/1")
    assert open_model("hf://opening/revisions@v1").revision == repo.commit("main")
    assert open_model("hf://opening/revisions@refs/pr/1").revision == branch
    short = open_model(f"hf://opening/revisions@{branch[:10]}")
    assert short.revision == branch
    assert short.files[0].size == 7
    with pytest.raises(RevisionNotFound, match="`opening/revisions` has no revision `v9`"):
        open_model("hf://opening/revisions@v9")


def test_an_unknown_model(hub: Hub) -> None:
    with pytest.raises(
        ModelNotFound, match=r"There is no model `opening/nothing` .* or it is private"
    ) as stranger:
        open_model("hf://opening/nothing")
    assert "HF_TOKEN" in stranger.value.hint
    with pytest.raises(ModelNotFound, match="your token may not see it"):
        open_model("hf://opening/nothing", token=hub.token)


@pytest.mark.parametrize("reference", ["hf://", "hf://a/b/c", "hf://-x-/--", "s9://bucket/model", ""])
def test_a_text_that_names_no_model(hub: Hub, reference: str) -> None:
    with pytest.raises(ReferenceNotUnderstood):
        open_model(reference)


def test_gated_models_are_refused_before_anything_is_begun(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("opening/gated", Repo(FILES, gated="manual"))
    with pytest.raises(ModelGated, match="is gated") as without:
        open_model("hf://opening/gated")
    assert f"{hub.url}/opening/gated" in without.value.hint
    assert not isinstance(without.value, ModelAccessMissing)
    with pytest.raises(ModelAccessMissing, match="not given access") as outside:
        open_model("hf://opening/gated", token=hub.outsider)
    assert hub.outsider not in str(outside.value)
    with pytest.raises(TokenRefused, match="does not accept the token") as wrong:
        open_model("hf://opening/gated", token="hf_expiredSecret")
    assert "hf_expiredSecret" not in repr(wrong.value) + str(wrong.value)
    monkeypatch.setenv("HF_TOKEN", hub.token)
    model = open_model("hf://opening/gated")
    assert model.files
    assert hub.token not in repr(model)


def test_private_models(hub: Hub) -> None:
    hub.add("opening/private", Repo(FILES, private=True))
    with pytest.raises(ModelNotFound, match="or it is private"):
        open_model("hf://opening/private")
    assert open_model("hf://opening/private", token=hub.token).files


def test_the_token_file_of_the_client_is_used(hub: Hub, tmp_path) -> None:
    """In a process of its own: the client reads the place of the file when it is imported."""
    hub.add("opening/tokenfile", Repo(FILES, gated=True))
    (tmp_path / "token").write_text(hub.token + "\n")
    program = "from odh_oci_widgets.models import open_model; print(len(open_model('hf://opening/tokenfile').files))"
    environment = os.environ | {"HF_HOME": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert result.stdout.strip() == "4", result.stderr


def test_the_token_stays_with_the_hub(hub: Hub) -> None:
    hub.add("opening/leak", Repo(FILES, gated=True))
    model = open_model("hf://opening/leak", token=hub.token)
    weights = next(file for file in model.files if file.path == "model.safetensors")
    piece = read_piece(weights.source, 3, 10, token=hub.token)
    assert piece.data == WEIGHTS[3:13]
    assert piece.size == len(WEIGHTS)
    cdn = hub.cdn.removeprefix("http://")
    assert hub.count("/opening/leak/" + (weights.sha256 or "")) == 1
    assert cdn not in hub.tokens_seen


def test_a_hub_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(SourceUnreachable, match=r"No connection to 127\.0\.0\.1"):
        open_model("hf://opening/tiny")


def test_a_server_that_is_no_hub(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("opening/page2", FILES)
    hub.break_next("/api/models/opening/page2", status=500, times=3)
    with pytest.raises(SourceUnreachable, match="HTTP 500"):
        open_model("hf://opening/page2")


def test_offline_mode_says_so(hub: Hub) -> None:
    program = (
        "from odh_oci_widgets.models import open_model, SourceUnreachable\n"
        "try:\n    open_model('hf://opening/tiny')\nexcept SourceUnreachable as error:\n    print(error)"
    )
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    result = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert "offline mode" in result.stdout, result.stderr
