"""Text from a real server that is not ours, llama.cpp, on a tiny model made on the spot."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator

import pytest

from odh_oci_widgets.inference import ModelUnknown, RequestRefused
from odh_oci_widgets.serving.answering import Answering
from tests.servers.llama import CONTEXT, LlamaServer

if not os.environ.get("CI") and not all(map(importlib.util.find_spec, ("xllamacpp", "gguf"))):
    pytest.skip("llama.cpp is missing: `pip install xllamacpp gguf`", allow_module_level=True)


class Here(Answering):
    """A service at a URL."""

    def __init__(self, url: str) -> None:
        self.name, self._url = "tiny", url

    @property
    def url(self) -> str:
        return self._url


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaServer]:
    running = LlamaServer(tmp_path_factory.mktemp("llama"))
    yield running
    running.stop()


@pytest.fixture
def tiny(server: LlamaServer) -> Here:
    return Here(server.url)


def test_a_text_and_the_same_as_it_comes(tiny: Here) -> None:
    whole = tiny.complete("hello world", max_tokens=12, temperature=0)
    assert (whole.completion_tokens, whole.finish_reason) == (12, "length")
    assert whole.prompt_tokens > 0
    stream = tiny.stream("hello world", max_tokens=12, temperature=0)
    pieces = list(stream)
    assert len(pieces) > 3
    assert "".join(pieces) == whole.text == stream.result.text
    assert stream.result.completion_tokens == 12
    assert 0 < stream.result.first_token_seconds <= stream.result.seconds


def test_sampling_is_understood(tiny: Here) -> None:
    texts = [
        tiny.complete("a", max_tokens=20, temperature=1, top_p=0.95, seed=seed).text for seed in (1, 1, 2)
    ]
    assert texts[0] == texts[1] != texts[2]
    whole = tiny.complete("a", max_tokens=20, temperature=0).text
    stop = whole.strip()[4]
    assert tiny.complete("a", max_tokens=20, temperature=0, stop=[stop]).text == whole.split(stop)[0]


def test_a_chat_with_a_system_prompt(tiny: Here) -> None:
    assert tiny.chat_refusal() is None
    answer = tiny.chat("Hello?", system="Be short.", max_tokens=5, temperature=0)
    assert answer.completion_tokens == 5
    assert answer.text
    turns = [{"role": "user", "content": "Hello?"}]
    assert list(tiny.stream(turns, system="Be short.", max_tokens=5, temperature=0))


def test_a_text_is_stopped(tiny: Here) -> None:
    stream = tiny.stream("a", max_tokens=200, temperature=0)
    for _ in stream:
        stream.cancel()
    assert stream.result.finish_reason == "cancelled"
    assert tiny.complete("a", max_tokens=1).text is not None, "the server goes on"


def test_what_it_refuses_is_a_sentence(tiny: Here) -> None:
    with pytest.raises(RequestRefused, match="context"):
        tiny.complete("a " * CONTEXT * 3)
    with pytest.raises(RequestRefused, match="context"):
        list(tiny.stream("a " * CONTEXT * 3))
    with pytest.raises(ModelUnknown):
        Here(f"{tiny.url}/elsewhere").complete("a")


def test_a_load_test(tiny: Here) -> None:
    found = tiny.measure(prompt="hello", requests=10, concurrency=2, max_tokens=5)
    assert (len(found.latencies), len(found.first_tokens), found.tokens) == (10, 10, 50)
