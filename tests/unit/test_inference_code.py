"""The code that "Show code" gives does what the call does: it is run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from odh_oci_widgets.inference import Sampling, Style, classification_code, classify, tensor_code, text_code
from tests.servers.v2 import V2Server
from tests.servers.vllm import VLLM

AWKWARD = 'What\'s "granite"?\nSay $HOME `id` \\n ünï'


@pytest.fixture
def vllm():
    server = VLLM(token="s3cret")
    yield server
    server.stop()


def run(command: list[str], **options) -> str:
    environ = {
        **os.environ,
        "TOKEN": "s3cret",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    environ["PYTHONPATH"] = str(Path.cwd())
    answer = subprocess.run(
        command, env=environ, capture_output=True, text=True, timeout=60, check=False, **options
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@pytest.mark.parametrize(("chat", "stream"), [(False, True), (True, False), (True, True)])
@pytest.mark.parametrize("style", [Style.OPENAI, Style.CURL])
def test_text_code_runs_and_asks_the_same(vllm, style, chat, stream):
    if style == Style.CURL and shutil.which("curl") is None:
        pytest.skip("curl is missing: install it, e.g. `apt-get install curl`")
    sampling = Sampling(max_tokens=3, temperature=0.5, stop=("END", "\n\n"), seed=7)
    system = 'Be "short".' if chat else None
    code = text_code(
        style,
        name="granite",
        url=vllm.url,
        prompt=AWKWARD,
        system=system,
        sampling=sampling,
        stream=stream,
        token=True,
    )
    assert "s3cret" not in code
    output = run([sys.executable, "-c", code] if style == Style.OPENAI else ["bash", "-c", code])
    assert "w2" in output
    body = vllm.requests[-1]
    expected = {"max_tokens": 3, "temperature": 0.5, "stop": ["END", "\n\n"], "seed": 7, "model": "granite"}
    assert expected.items() <= body.items()
    assert (body["messages"][1]["content"] if chat else body["prompt"]) == AWKWARD


def test_python_code_of_this_package_is_valid_for_any_name():
    for name in ("granite-2b", "class", "service", "a1"):
        turns = {"prompt": [{"role": "user", "content": AWKWARD}]}
        for options in ({}, {"stream": True}, {"system": "x"}, turns):
            code = text_code("python", name=name, url="http://h", **{"prompt": AWKWARD} | options)
            compile(code, "code", "exec")
        compile(classification_code("python", name=name, url="http://h", picture="a'b.png"), "code", "exec")
        several = ["a'b.png", 'c"d.png']
        compile(classification_code("python", name=name, url="http://h", picture=several), "code", "exec")
        compile(tensor_code("python", name=name, url="http://h", file="a'b.csv"), "code", "exec")


def test_classification_with_curl_gives_what_classify_gives(tmp_path):
    if shutil.which("curl") is None:
        pytest.skip("curl is missing: install it, e.g. `apt-get install curl`")

    def model(inputs):
        return {"scores": inputs["x"].mean(axis=(2, 3)).astype(np.float32)}

    server = V2Server(model, inputs=[("x", "FP32", [-1, 3, 32, 32])], outputs=[("scores", "FP32", [-1, 3])])
    Image.new("RGB", (40, 50), "lime").save(tmp_path / "it's green.png")
    try:
        code = classification_code("curl", name="model", url=server.url, picture="it's green.png")
        answer = json.loads(run(["bash", "-c", code], cwd=tmp_path))
        best = classify(server.url, "model", tmp_path / "it's green.png")[0][0].index
    finally:
        server.stop()
    assert np.argmax(answer["outputs"][0]["data"]) == best == 1


def test_a_conversation_is_shown_as_it_was(vllm):
    turns = [
        {"role": "user", "content": AWKWARD},
        {"role": "assistant", "content": "x"},
        {"role": "user", "content": "y"},
    ]
    code = text_code("openai", name="granite", url=vllm.url, prompt=turns, token=True)
    run([sys.executable, "-c", code])
    assert vllm.requests[-1]["messages"] == turns


def test_openai_does_not_classify():
    with pytest.raises(ValueError, match="does not classify"):
        classification_code("openai", name="m", url="http://h", picture="a.png")
