"""Text from a language model, against a server that behaves as vLLM."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from odh_oci_widgets.inference import (
    CallNotAllowed,
    CallTimeout,
    Endpoint,
    ModelUnknown,
    RequestRefused,
    Sampling,
    ServerFailed,
    ServerUnreachable,
    TextClient,
    complete,
)
from tests.servers.kubernetes.certificates import Authority
from tests.servers.registry import free_port
from tests.servers.vllm import VLLM


@pytest.fixture
def vllm() -> Iterator[Callable[..., VLLM]]:
    servers: list[VLLM] = []

    def start(**options: Any) -> VLLM:
        servers.append(VLLM(**options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def client(server: VLLM, **options: Any) -> TextClient:
    return TextClient(Endpoint(server.url, **options), server.name)


def test_a_completion_says_what_it_cost(vllm):
    server = vllm()
    answer = complete(server.url, "granite", "What is IBM granite?")
    assert answer.text.startswith(" w0 w1")
    assert (answer.finish_reason, answer.prompt_tokens, answer.completion_tokens) == ("length", 4, 200)
    assert answer.tokens_per_second > 0


def test_only_what_was_set_is_sent(vllm):
    server = vllm()
    client(server).complete("hello", Sampling(max_tokens=None, temperature=None, stop=("\n",)))
    assert server.requests == [{"model": "granite", "prompt": "hello", "stop": ["\n"]}]


def test_chat_sends_the_system_prompt_first(vllm):
    server = vllm()
    answer = client(server).chat("hello", Sampling(max_tokens=3), system="Be short.")
    assert answer.text == " w0 w1 w2"
    assert server.requests[0]["messages"] == [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "hello"},
    ]


@pytest.mark.parametrize("chat", [False, True])
def test_a_stream_gives_pieces_and_then_the_counts(vllm, chat):
    server = vllm(delay=0.005)
    stream = client(server).stream("hello", Sampling(max_tokens=20), system="Be short." if chat else None)
    pieces = list(stream)
    assert pieces == [f" w{index}" for index in range(20)]
    result = stream.result
    assert result.text == "".join(pieces)
    assert (result.finish_reason, result.completion_tokens) == ("length", 20)
    assert 0 < result.first_token_seconds < result.seconds


def test_a_stream_stops_when_it_is_cancelled_between_pieces(vllm):
    server = vllm(delay=0.01)
    stream = client(server).stream("hello", Sampling(max_tokens=1000))
    for piece in stream:
        if piece == " w4":
            stream.cancel()
    assert stream.result.text == " w0 w1 w2 w3 w4"
    assert stream.result.finish_reason == "cancelled"
    assert server.aborted.wait(10), "the server still computes"


def test_a_stream_stops_while_it_waits_for_a_piece(vllm):
    server = vllm(delay=30)
    stream = client(server).stream("hello")
    pieces: list[str] = []
    reader = threading.Thread(target=lambda: pieces.extend(stream))
    reader.start()
    while not server.requests:
        time.sleep(0.01)
    time.sleep(0.2)  # the headers are there, the read waits
    stream.cancel()
    reader.join(10)
    assert not reader.is_alive()
    assert pieces == []


def test_a_stream_stops_before_the_server_says_a_word():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        stream = TextClient(Endpoint(url, timeout=300), "granite").stream("hello")
        reader = threading.Thread(target=lambda: list(stream), daemon=True)
        reader.start()
        connection, _ = listening.accept()
        with connection:
            assert connection.recv(1)
            stream.cancel()
            reader.join(60)
            assert not reader.is_alive()
    assert stream.result.finish_reason == "cancelled"


def test_an_error_inside_the_stream_is_raised_and_the_text_kept(vllm):
    stream = client(vllm()).stream("break the stream please")
    with pytest.raises(ServerFailed, match="EngineCore encountered an issue"):
        list(stream)
    assert stream.result.text == " w0 w1 w2"


def test_a_wrong_model_name_is_said_in_the_servers_words(vllm):
    with pytest.raises(ModelUnknown, match="The model `llama` does not exist") as caught:
        complete(vllm().url, "llama", "hello")
    assert caught.value.status == 404


def test_a_base_model_has_no_chat(vllm):
    with pytest.raises(RequestRefused, match="use `complete`"):
        client(vllm(chat_template=False)).chat("hello")


def test_whether_a_model_can_chat_is_known(vllm):
    assert client(vllm()).chat_refusal() is None
    assert "use `complete`" in client(vllm(chat_template=False)).chat_refusal()


def test_a_certificate_must_be_trusted(vllm, tmp_path, monkeypatch):
    authority = Authority(tmp_path)
    server = vllm(tls=authority.issue())
    with pytest.raises(ServerUnreachable, match=r"is not trusted: .*insecure=True"):
        complete(server.url, "granite", "hello")
    assert complete(server.url, "granite", "hello", insecure=True).text
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    assert complete(server.url, "granite", "hello").text
    server.delay = 30
    stream = client(server).stream("hello")
    threading.Timer(0.5, stream.cancel).start()
    assert list(stream) == [], "a stream over TLS is cancelled too while it waits"


def test_a_prompt_above_the_context_is_refused(vllm):
    with pytest.raises(RequestRefused, match="maximum context length is 2048"):
        client(vllm()).complete("hello", Sampling(max_tokens=4000))


def test_a_token_is_needed_sent_and_never_shown(vllm):
    server = vllm(token="s3cret")
    with pytest.raises(CallNotAllowed, match="Give a valid token") as caught:
        client(server, headers={"Authorization": "Bearer wr0ng"}).complete("hello")
    assert "wr0ng" not in str(caught.value)
    endpoint = Endpoint(server.url, headers={"Authorization": "Bearer s3cret"})
    assert TextClient(endpoint, "granite").complete("hello").text
    assert "s3cret" not in repr(endpoint)


def test_a_server_that_is_not_there():
    with pytest.raises(ServerUnreachable, match="No connection to http"):
        complete(f"http://127.0.0.1:{free_port()}", "granite", "hello")


def test_an_address_that_is_none():
    with pytest.raises(ServerUnreachable, match="is not the address"):
        complete("granite", "granite", "hello")


def test_a_server_that_is_too_slow(vllm):
    with pytest.raises(CallTimeout, match="did not answer in time"):
        complete(vllm(delay=1).url, "granite", "hello", timeout=0.2)


def test_what_a_server_serves(vllm):
    text = client(vllm())
    assert text.ready()
    assert text.models()[0]["max_model_len"] == 2048
