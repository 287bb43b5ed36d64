"""Search and revisions, through the real client, in a hub of forty models."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from odh_oci_widgets.models import (
    ModelNotFound,
    Revision,
    SourceUnreachable,
    TokenRefused,
    open_model,
    revisions,
    search,
)
from tests.servers.hub import Hub, Repo
from tests.servers.registry import free_port


@pytest.fixture(scope="module")
def library() -> Iterator[Hub]:
    with Hub() as hub:
        for index in range(40):
            billions = 1 + index % 8
            hub.add(
                f"{'acme' if index % 2 else 'zeta'}/chat-{billions}b-v{index}",
                Repo(
                    {"config.json": b"{}", "model.safetensors": b"x"},
                    license="apache-2.0" if index % 4 else "mit",
                    library="transformers" if index % 5 else "diffusers",
                    task="text-generation" if index % 3 else "fill-mask",
                    downloads=1000 - index,
                    likes=index,
                    parameters={"BF16": billions * 10**9} if index else {},
                    gated="manual" if index == 7 else False,
                    last_modified=f"2026-02-{1 + index % 28:02}T10:00:00.000Z",
                ),
            )
        hub.add("acme/secret", Repo({"a": b""}, private=True))
        yield hub


@pytest.fixture(autouse=True)
def _this_hub(library: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", library.url)


def test_a_result_says_what_helps_to_choose(library: Hub) -> None:
    before = library.count("/api/models")
    found = search("chat 8b", limit=3)
    assert [summary.name for summary in found] == ["acme/chat-8b-v7", "acme/chat-8b-v15", "acme/chat-8b-v23"]
    first = found[0]
    assert (first.parameters, first.size, first.license) == (8 * 10**9, 16 * 10**9, "apache-2.0")
    assert (first.gated, first.private, first.downloads, first.likes) == (True, False, 993, 7)
    assert (first.task, first.library) == ("text-generation", "transformers")
    assert first.last_modified
    assert first.last_modified.isoformat() == "2026-02-08T10:00:00+00:00"
    assert first.reference == "hf://acme/chat-8b-v7"
    assert library.count("/api/models") - before == 1


def test_filters() -> None:
    assert {found.name.partition("/")[0] for found in search(author="zeta", limit=40)} == {"zeta"}
    assert {found.license for found in search(license="mit", limit=40)} == {"mit"}
    assert {found.task for found in search(task="fill-mask", limit=40)} == {"fill-mask"}
    assert {found.library for found in search(library="diffusers", limit=40)} == {"diffusers"}
    assert search("nothing like it") == []
    assert len(search()) == 20


def test_by_size_looks_further_than_the_first_page() -> None:
    small = search(max_parameters=1e9, limit=4)
    assert [found.name for found in small] == [f"zeta/chat-1b-v{index}" for index in (8, 16, 24, 32)]
    assert search("v0", max_parameters=1e12) == []  # its number of parameters is not known


def test_a_found_model_can_be_opened() -> None:
    assert open_model(search("chat-2b", limit=1)[0].reference).files


def test_a_private_model_is_not_found() -> None:
    assert search("secret") == []


def test_revisions(library: Hub) -> None:
    repo = library.add(
        "acme/versions",
        Repo({"a": b"1"}, revisions={"dev": {"a": b"2"}}, tags={"v1.0": "main", "v2.0": "dev"}),
    )
    main, dev = repo.commit("main"), repo.commit("dev")
    assert revisions("hf://acme/versions") == [
        Revision(name="main", kind="branch", commit=main),
        Revision(name="dev", kind="branch", commit=dev),
        Revision(name="v1.0", kind="tag", commit=main),
        Revision(name="v2.0", kind="tag", commit=dev),
    ]
    with pytest.raises(ModelNotFound):
        revisions("hf://acme/nothing")


def test_what_may_go_wrong(library: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TokenRefused) as caught:
        search("chat", token="hf_expiredSecret")
    assert "hf_expiredSecret" not in str(caught.value)
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(SourceUnreachable, match="No connection"):
        search("chat")


def test_a_hub_in_trouble_is_told_soon_and_a_moment_of_it_is_not_seen(library: Hub) -> None:
    library.break_next("/api/models", status=503)
    assert search("chat 8b", limit=1)
    library.break_next("/api/models", status=503, times=100)
    began = time.monotonic()
    with pytest.raises(SourceUnreachable, match="HTTP 503"):
        search("chat")
    library.faults.clear()
    assert time.monotonic() - began < 10
