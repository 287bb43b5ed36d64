"""What every service with a URL can do, and the history of it."""

from __future__ import annotations

import numpy as np
import pytest

from odh_oci_widgets.inference import ModelUnknown, NotAPicture
from odh_oci_widgets.serving.answering import Answering
from odh_oci_widgets.serving.errors import ServingError
from tests.servers.v2 import V2Server
from tests.servers.vllm import VLLM


class Here(Answering):
    """A service at a URL."""

    def __init__(self, name: str, url: str | None, token: str | None = None) -> None:
        self.name, self._url, self._token = name, url, token

    @property
    def url(self) -> str | None:
        return self._url

    def call_headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}


@pytest.fixture
def granite():
    server = VLLM(token="s3cret")
    yield Here("granite", server.url, "s3cret")
    server.stop()


@pytest.fixture
def halves():
    """Scores from the upper and the lower half of a grey picture."""

    def model(inputs):
        top, bottom = inputs["x"][:, :4], inputs["x"][:, 4:]
        return {"scores": np.stack([half.mean(axis=(1, 2, 3)) for half in (top, bottom)], axis=1)}

    server = V2Server(
        model, inputs=[("x", "FP32", [-1, 8, 8, 1])], outputs=[("scores", "FP32", [-1, 2])], name="halves"
    )
    yield Here("halves", server.url), server
    server.stop()


def test_calls_are_kept_with_what_was_asked_and_answered(granite):
    granite.complete("hello", max_tokens=3)
    granite.chat([{"role": "user", "content": "hello"}], max_tokens=2)
    pieces = list(granite.stream("hello", max_tokens=4))
    assert [call.kind for call in granite.calls] == ["complete", "chat", "stream"]
    table = granite.calls.to_dataframe()
    assert table["text"].tolist() == [" w0 w1 w2", " w0 w1", "".join(pieces)]
    assert table["completion_tokens"].tolist() == [3, 2, 4]
    assert (table["seconds"] > 0).all()


def test_what_failed_is_kept_too_and_no_token(granite):
    granite.name = "llama"
    with pytest.raises(ModelUnknown):
        granite.complete("hello")
    with pytest.raises(ModelUnknown):
        list(granite.stream("hello"))
    assert ["does not exist" in call.error for call in granite.calls] == [True, True]
    assert "s3cret" not in repr(granite.calls.rows())


def test_pictures_are_described_in_the_history(halves, tmp_path):
    service, _ = halves
    picture = np.zeros((8, 8), np.uint8)
    picture[5:7, 2:6] = 255  # light ink, so that `digits` leaves it
    answers = service.classify([picture, picture[::-1]], labels=["top", "bottom"])
    assert [answer[0].label for answer in answers] == ["bottom", "top"]
    with pytest.raises(NotAPicture):
        service.classify(tmp_path / "none.png")
    service.infer(np.zeros((2, 8, 8, 1)))
    rows = service.calls.rows()
    assert rows[0]["asked"] == "ndarray[8, 8], ndarray[8, 8]"
    assert (rows[0]["pictures"], rows[0]["label"]) == (2, "bottom")
    assert "no file" in rows[1]["error"]
    assert rows[2]["asked"] == "ndarray[2, 8, 8, 1]"


def test_a_load_test_of_each_kind(granite, halves):
    text = granite.measure(prompt="hello", requests=6, concurrency=2, max_tokens=5)
    assert (len(text.latencies), len(text.first_tokens), text.tokens) == (6, 6, 30)
    service, server = halves
    for what in ({"images": np.zeros((8, 8), np.uint8)}, {"arrays": np.zeros((3, 8, 8, 1))}, {}):
        server.requests.clear()
        assert len(service.measure(requests=5, **what).latencies) == 5
        assert len(server.requests) == 6, "one more, which does not count"


def test_a_service_without_a_url_is_waited_for():
    with pytest.raises(ServingError, match="wait"):
        Here("granite", None).complete("hello")
