"""The Test step without a browser: chat or completion with the reason, pictures, raw outputs, load test, history."""

from __future__ import annotations

import ast
import base64
import io
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from odh_oci_widgets.serving.answering import Answering
from odh_oci_widgets.widgets import TestStep
from tests.servers.v2 import V2Server
from tests.servers.vllm import VLLM

PATIENCE = 30
WORDS = "what the model was asked"


class Here(Answering):
    """A service at a URL."""

    target, image = "project", "oci://quay.io/me/model:1"

    def __init__(self, name: str, url: str) -> None:
        self.name, self._url = name, url

    @property
    def url(self) -> str:
        return self._url

    def call_headers(self) -> dict[str, str]:
        return {"Authorization": "Bearer s3cret"}


@pytest.fixture(params=[True])
def vllm(request: pytest.FixtureRequest):
    server = VLLM("granite", delay=0.005, chat_template=request.param, token="s3cret")
    yield server
    server.stop()


@pytest.fixture
def colours():
    """A classifier of 32x32 pictures: red, green or blue."""

    def model(inputs: dict[str, Any]) -> dict[str, Any]:
        return {"scores": inputs["x"].mean(axis=(2, 3)).astype(np.float32)}

    server = V2Server(
        model, inputs=[("x", "FP32", [-1, 3, 32, 32])], outputs=[("scores", "FP32", [-1, 3])], name="colours"
    )
    yield server
    server.stop()


@pytest.fixture
def sums():
    """No classifier: the sum of each row, and the rows doubled."""

    def model(inputs: dict[str, Any]) -> dict[str, Any]:
        return {"sum": inputs["x"].sum(axis=1, keepdims=True), "double": inputs["x"] * 2}

    outputs = [("sum", "FP32", [-1, 1]), ("double", "FP32", [-1, 4])]
    server = V2Server(model, inputs=[("x", "FP32", [-1, 4])], outputs=outputs, name="sums")
    yield server
    server.stop()


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_chat_goes_on_from_what_was_said(vllm: VLLM) -> None:
    step = TestStep(Here("granite", vllm.url), kind="completion")
    wait_for(lambda: step.text.form is step.chat)
    step.chat.system.value = "Be short."
    step.chat.max_tokens.value = 3
    for message in ("Hello", "And now?"):
        step.chat.prompt.value = message
        step.chat.ask_button.click()
        step.join(PATIENCE)
        assert step.error is None
    said = vllm.requests[-1]["messages"]
    assert [turn["role"] for turn in said] == ["system", "user", "assistant", "user"]
    assert (said[0]["content"], said[2]["content"]) == ("Be short.", " w0 w1 w2")
    assert "3 tokens after" in step._status.value
    assert "first token after" in step._status.value
    assert "tokens a second" in step._status.value
    step.chat.forget_button.click()
    assert step.chat.turns == []


@pytest.mark.parametrize("vllm", [False], indirect=True)
def test_a_model_without_a_template_gets_a_completion_with_the_reason(vllm: VLLM) -> None:
    step = TestStep(Here("granite", vllm.url), kind="completion")
    wait_for(lambda: "chat template" in step.text._reason.value)
    assert step.text.form is step.completion
    assert step.text.mode not in step.text.children


def test_all_that_can_be_asked_for_is_sent_and_a_wrong_seed_is_told(vllm: VLLM) -> None:
    step = TestStep(Here("granite", vllm.url), kind="completion", prompt="Once")
    fields = step.completion.sampling
    fields.max_tokens.value, fields.top_p.value = 4, 0.9
    fields.stop.value, fields.seed.value = "END\n\\n", "seven"
    step.completion.ask_button.click()
    assert "seven" in step._alert.value
    fields.seed.value = "7"
    step.completion.ask_button.click()
    step.join(PATIENCE)
    (sent,) = [request for request in vllm.requests if request.get("prompt") == "Once"]
    assert (sent["top_p"], sent["stop"], sent["seed"]) == (0.9, ["END", "\n"], 7)


def test_pictures_of_any_kind_are_one_batch_shown_as_the_model_sees_them(
    colours: V2Server, tmp_path: Path
) -> None:
    step = TestStep(Here("colours", colours.url), kind="classification")
    Image.new("RGB", (60, 40), "red").save(tmp_path / "red.png")
    pixels = np.zeros((50, 50, 3), np.uint8)
    pixels[..., 1] = 255
    step.classification.give(tmp_path / "red.png", pixels, Image.new("RGB", (40, 40), "blue"))
    step.join(PATIENCE)
    assert step.error is None
    step.classification.ask_button.click()
    step.join(PATIENCE)
    assert step.error is None
    assert [answer[0].index for answer in step.classification.answer] == [0, 1, 2]
    assert len(colours.requests) == 1
    assert step.classification._seen.value.count("<img") == 3
    assert "imagenet" in step.classification._seen.value
    step.classification.address.value = str(tmp_path / "none.png")
    step.join(PATIENCE)
    assert "none.png" in step._alert.value


def test_pictures_prepared_by_a_function_of_ones_own(colours: V2Server) -> None:
    def green_only(picture: Image.Image) -> np.ndarray:
        assert picture.mode == "RGB"
        pixels = np.asarray(picture.resize((32, 32)), np.float32).transpose(2, 0, 1) / 255
        pixels[[0, 2]] = 0
        return pixels

    step = TestStep(Here("colours", colours.url), kind="classification", preprocess=green_only)
    assert step.classification.preprocessing.label == "green_only (your function)"
    step.classification.give(Image.new("RGB", (40, 40), "yellow"))
    step.join(PATIENCE)
    step.classification.ask_button.click()
    step.join(PATIENCE)
    assert step.error is None
    assert step.classification.answer[0][0].index == 1
    assert "green_only, your own function" in step.classification._seen.value
    shown = step.classification._seen.value.partition("base64,")[2].partition('"')[0]
    assert Image.open(io.BytesIO(base64.b64decode(shown))).getpixel((5, 5)) == (0, 255, 0)
    texts = step.renderings()
    assert set(texts) == {"Python"}
    assert "preprocessing=green_only" in texts["Python"]
    step.classification.preprocessing.value = "imagenet"
    assert set(step.renderings()) == {"Python", "curl"}

    def broken(picture: Image.Image) -> np.ndarray:
        raise KeyError(picture.mode)

    step = TestStep(Here("colours", colours.url), kind="classification", preprocess=broken)
    step.classification.give(Image.new("RGB", (40, 40), "yellow"))
    step.join(PATIENCE)
    step.classification.ask_button.click()
    step.join(PATIENCE)
    assert "`broken` failed: KeyError" in step.error.message


def test_a_question_of_one_form_takes_the_page_and_leaves_the_other_form_free(
    colours: V2Server, sums: V2Server
) -> None:
    class Slow(Here):
        def classify(self, *pictures: Any, **options: Any) -> Any:
            assert held.wait(PATIENCE)
            return super().classify(*pictures, **options)

    held = threading.Event()
    step = TestStep(Slow("colours", colours.url), kind="classification")
    step.classification.give(Image.new("RGB", (40, 40), "blue"))
    step.join(PATIENCE)
    step.classification.ask_button.click()
    assert step.classification.ask_button.disabled
    first = step._job
    step.flow.service = Here("sums", sums.url)
    step.kind.value = "tensors"
    step.tensors.rows.value = "1, 2, 3, 4"
    step.tensors.ask_button.click()
    step.join(PATIENCE)
    held.set()
    first.join(PATIENCE)
    assert step.tensors.answer["sum"].ravel().tolist() == [10]
    assert step.classification.answer is None
    assert not step.classification.ask_button.disabled
    assert not step.tensors.ask_button.disabled
    step.flow.service = Here("colours", colours.url)
    step.classification.ask_button.click()
    step.join(PATIENCE)
    assert [answer[0].index for answer in step.classification.answer] == [2]


def test_rows_typed_and_given_and_what_is_no_row(sums: V2Server, tmp_path: Path) -> None:
    step = TestStep(Here("sums", sums.url), kind="tensors")
    wait_for(lambda: "x FP32 [-1, 4]" in step.tensors._takes.value)
    assert step.tensors.ask_button.disabled
    step.tensors.rows.value = "a, b, c, d\n1, 2, 3, 4\n5, 6, 7, 8"
    step.tensors.ask_button.click()
    step.join(PATIENCE)
    assert step.tensors.answer["sum"].ravel().tolist() == [10, 26]
    assert "[2, 4]" in step.tensors._outputs.value
    step.tensors.put(np.ones((1, 4)))
    step.tensors.ask_button.click()
    step.join(PATIENCE)
    assert step.tensors.answer["sum"].ravel().tolist() == [4]
    step.tensors.rows.value = "1, 2, x"
    step.tensors.ask_button.click()
    assert "no arrays" in step._alert.value


def test_a_load_test_of_what_the_form_says_can_be_stopped(vllm: VLLM, colours: V2Server) -> None:
    step = TestStep(Here("granite", vllm.url), kind="completion", prompt=WORDS)
    step.completion.max_tokens.value = 5
    form = step.measuring
    form.requests.value, form.concurrency.value = 6, 2
    form.run_button.click()
    form.join(PATIENCE)
    assert len(form.found.latencies) == 6
    assert "<svg" in form._view.value
    assert "First token" in form._view.value
    assert sum(request.get("prompt") == WORDS for request in vllm.requests) == 7
    form.requests.value = 10_000
    form.run_button.click()
    wait_for(lambda: len(vllm.requests) > 15)
    step.completion.ask_button.click()
    step.join(PATIENCE)
    assert step.completion.answer.completion_tokens == 5, "it answers meanwhile"
    form.stop_button.click()
    form.join(PATIENCE)
    assert form.found.cancelled
    assert "Stopped" in step._status.value

    step = TestStep(Here("colours", colours.url), kind="classification")
    step.measuring.requests.value = 5
    step.measuring.run_button.click()
    step.measuring.join(PATIENCE)
    assert len(step.measuring.found.latencies) == 5


def test_the_history_can_be_looked_at_and_taken_along(vllm: VLLM) -> None:
    step = TestStep(Here("granite", vllm.url), kind="completion", prompt="<b>Once")
    step.completion.max_tokens.value = 2
    step.completion.ask_button.click()
    step.join(PATIENCE)
    step.history.paint()
    assert "&lt;b&gt;Once" in step.history._table.value
    assert step.calls.to_dataframe()["completion_tokens"].tolist() == [2]


def test_code_in_every_language_and_no_token_in_it(vllm: VLLM, colours: V2Server, sums: V2Server) -> None:
    steps = [
        TestStep(Here("granite", vllm.url), kind="completion", prompt="Once"),
        TestStep(Here("colours", colours.url), kind="classification"),
        TestStep(Here("sums", sums.url), kind="tensors"),
    ]
    steps[1].classification.put([("a.png", b""), ("b.png", b"")])
    for step in steps:
        texts = {name: text() if callable(text) else text for name, text in step.renderings().items()}
        assert set(texts) >= {"Python", "curl"}
        ast.parse(texts["Python"])
        assert all("s3cret" not in text for text in texts.values())
        assert "$TOKEN" in texts["curl"]
    assert set(steps[0].renderings()) == {"Python", "openai", "curl"}
    assert '["a.png", "b.png"]' in steps[1].renderings()["Python"]
