"""Calling by the command: text, pictures, arrays, load tests; finding and sizing up a model; logging in to deploy."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from PIL import Image

from odh_oci_widgets.serving import sandbox
from tests.command import COMMAND, ROOT, Ran, odh_oci
from tests.onnx_models import linear
from tests.sandbox import image_of, own_sandbox
from tests.servers.hub import Hub, Repo
from tests.servers.kubernetes import KubernetesApi
from tests.servers.registry import Registry
from tests.servers.vllm import language_model, package

pytestmark = pytest.mark.xdist_group("sandbox")

#: Seconds that a token of the language model takes.
DELAY = 0.02


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A sandbox with a language model, `granite`, and a classifier of 8x8 pictures, `digits`."""
    folder = tmp_path_factory.mktemp("call")
    with own_sandbox(folder / "state"), pytest.MonkeyPatch.context() as patch:
        site = package(folder / "site")
        patch.syspath_prepend(site)
        patch.setenv("PYTHONPATH", str(site))
        granite = image_of(language_model(folder / "granite"), f"oci:{folder / 'text'}")
        digits = image_of(linear(folder / "digits" / "model.onnx", 64, 10), f"oci:{folder / 'pictures'}")
        services = [
            sandbox.deploy(granite, "granite", args=[f"--token-delay={DELAY}"]),
            sandbox.deploy(digits, "digits"),
        ]
        for service in services:
            service.wait(60)
        yield str(folder / "state")


@pytest.fixture
def call(state: str) -> Any:
    """The command, with that sandbox."""
    return partial(odh_oci, XDG_STATE_HOME=state)


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Light at pixel 3, 5, 7: classes 3, 5, 7."""
    found = []
    for pixel in (3, 5, 7):
        pixels = np.zeros((8, 8), np.uint8)
        pixels[0, pixel] = 255
        found.append(tmp_path / f"{pixel}.png")
        Image.fromarray(pixels).save(found[-1])
    return found


def asked(call: Any) -> dict[str, Any]:
    """What the language model was asked last."""
    return json.loads(call("logs", "granite", "--tail", "1", "--json").ok().json["lines"][-1])


def test_a_text_with_all_that_can_be_asked_for(call: Any) -> None:
    options = (
        "--max-tokens",
        3,
        "--temperature",
        0,
        "--top-p",
        0.9,
        "--seed",
        7,
        "--stop",
        "END",
        "--stop",
        "\\n",
    )
    found = call("complete", "granite", "Once", *options, "--json").ok().json
    assert (found["text"], found["completion_tokens"], found["finish_reason"]) == (" w0 w1 w2", 3, "length")
    assert asked(call) == {
        "model": "granite",
        "prompt": "Once",
        "max_tokens": 3,
        "temperature": 0.0,
        "top_p": 0.9,
        "seed": 7,
        "stop": ["END", "\n"],
    }
    assert call("complete", "granite", "Once", "--max-tokens", 2).ok().out == " w0 w1\n"


def test_a_text_as_it_comes(call: Any) -> None:
    ran = call("complete", "granite", "Once", "--max-tokens", 3, "--stream").ok()
    assert ran.out == " w0 w1 w2\n"
    assert "3 tokens, first after" in ran.err
    lines = call("complete", "granite", "Once", "--max-tokens", 3, "--stream", "--json").ok().lines
    assert [line["piece"] for line in lines[:-1]] == [" w0", " w1", " w2"]
    assert (lines[-1]["text"], lines[-1]["completion_tokens"]) == (" w0 w1 w2", 3)
    assert lines[-1]["first_token_seconds"] > 0


def test_a_chat(call: Any) -> None:
    chat = ("chat", "granite", "Who?", "--system", "Be short.", "--max-tokens", 2)
    assert call(*chat, "--json").ok().json["text"] == " w0 w1"
    assert [turn["role"] for turn in asked(call)["messages"]] == ["system", "user"]
    assert call(*chat, "--stream").ok().out == " w0 w1\n"
    assert asked(call)["messages"][0]["content"] == "Be short."


def test_what_the_server_refuses_is_one_sentence(call: Any) -> None:
    assert "maximum context length" in call("complete", "granite", "Once", "--max-tokens", 5000).failed()
    assert (
        "break the stream"
        not in call("complete", "granite", "break the stream", "--stream", "--max-tokens", 9).failed()
    )
    assert "must be 1 or more" in call("complete", "granite", "Once", "--max-tokens", 0).err


def test_ctrl_c_ends_a_text(state: str) -> None:
    with interrupted(
        "complete", "granite", "Once", "--stream", "--max-tokens", "2000", state=state
    ) as process:
        assert process.stdout.read(3) == " w0"
    assert process.returncode == 130
    assert process.told == "cancelled."


def test_one_picture_and_several(call: Any, pictures: list[Path]) -> None:
    one = call("classify", "digits", pictures[0], "--top", 1, "--json").ok().json
    assert [found["index"] for found in one["predictions"]] == [3]
    several = call("classify", "digits", *pictures, "--top", 1, "--json").ok().json["pictures"]
    assert [(found["picture"], found["predictions"][0]["index"]) for found in several] == [
        (str(path), int(path.stem)) for path in pictures
    ]
    shown = call("classify", "digits", *pictures, "--top", 1, "--preprocessing", "digits").ok().out
    assert [line for line in shown.splitlines() if line.endswith(".png")] == [str(path) for path in pictures]


def test_a_picture_by_its_url(call: Any, pictures: list[Path]) -> None:
    handler = partial(Quiet, directory=str(pictures[0].parent))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        found = call("classify", "digits", f"{url}/5.png", "--top", 1, "--json").ok().json
        assert found["predictions"][0]["index"] == 5
        assert "cannot be fetched" in call("classify", "digits", f"{url}/none.png").failed()
    finally:
        server.shutdown()
        server.server_close()


def test_rows_and_arrays(call: Any, tmp_path: Path) -> None:
    rows = np.zeros((2, 64))
    rows[0, 4] = rows[1, 9] = 5
    table, named = tmp_path / "rows.csv", tmp_path / "in.npz"
    np.savetxt(table, rows, delimiter=",", header=",".join(f"p{n}" for n in range(64)), comments="")
    np.savez(named, x=rows.astype(np.float32))
    for source, stdin in ((table, ""), (named, ""), ("-", json.dumps(rows.tolist()))):
        found = call("infer", "digits", source, "--json", stdin=stdin).ok().json["outputs"]["scores"]
        assert (found["datatype"], found["shape"]) == ("FP32", [2, 10])
        assert np.argmax(found["data"], axis=1).tolist() == [4, 9]
    saved = tmp_path / "out.npz"
    assert "FP32" in call("infer", "digits", table, "--save", saved).ok().out
    assert np.load(saved)["scores"].argmax(axis=1).tolist() == [4, 9]
    assert "does not fit" in call("infer", "digits", "-", stdin="[[1, 2]]").failed()
    assert "no arrays" in call("infer", "digits", "-", stdin="hello").failed()
    assert "nowhere.csv" in call("infer", "digits", tmp_path / "nowhere.csv").failed()


def test_a_load_test_of_each_kind(call: Any, pictures: list[Path]) -> None:
    many = ("--requests", 8, "--concurrency", 2, "--json")
    text = call("measure", "granite", "--prompt", "Once", "--max-tokens", 3, *many).ok().json
    assert (text["succeeded"], text["errors"]) == (8, {})
    assert 0 < text["first_token"]["p50"] < text["latency"]["p50"]
    for what in (("--picture", pictures[0]), ()):
        assert call("measure", "digits", *what, *many).ok().json["succeeded"] == 8
    shown = call("measure", "digits", "--requests", 4).ok().out
    assert "4 of 4 calls succeeded" in shown


def test_ctrl_c_ends_a_load_test_with_what_was_measured(state: str) -> None:
    options = ("--prompt", "Once", "--max-tokens", "20", "--requests", "100000", "--json")
    with interrupted("measure", "granite", *options, state=state) as process:
        wait_for_requests(state, 8)
    assert process.returncode == 130
    found = json.loads(process.out)
    assert found["cancelled"]
    assert 0 < found["succeeded"] < 100_000


def test_search(hub: Hub) -> None:
    parameters = {"BF16": 2 * 10**9}
    hub.add("clicall/small", Repo({"config.json": b"{}"}, license="mit", parameters=parameters, downloads=9))
    hub.add("clicall/gated", Repo({"config.json": b"{}"}, gated="manual", parameters={"F32": 9 * 10**9}))
    (found,) = odh_oci("search", "clicall", "--max-parameters", "3e9", "--json").ok().json["models"]
    assert (found["reference"], found["license"], found["parameters"]) == (
        "hf://clicall/small",
        "mit",
        2 * 10**9,
    )
    shown = odh_oci("search", "clicall", "--author", "clicall").ok().out.splitlines()
    assert [line.split()[0] for line in shown[1:]] == ["hf://clicall/small", "hf://clicall/gated"]
    assert "2.0 billion" in shown[1]
    assert "gated" in shown[2]
    assert "No model was found" in odh_oci("search", "clicall", "nothing-like-this").ok().err


def test_inspect_says_what_a_model_needs(hub: Hub, tmp_path: Path) -> None:
    config = {
        "architectures": ["LlamaForCausalLM"], "max_position_embeddings": 8192, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 8, "hidden_size": 4096, "torch_dtype": "bfloat16",
    }  # fmt: skip
    header = json.dumps({"w": {"dtype": "BF16", "shape": [64, 64], "data_offsets": [0, 8192]}}).encode()
    weights = len(header).to_bytes(8, "little") + header + bytes(8192)
    files = {"config.json": json.dumps(config).encode(), "model.safetensors": weights}
    hub.add("clicall/llama", Repo(files))

    sized = ("--gpu", "T4", "--context", 2048, "--concurrency", 4)
    found = odh_oci("inspect", "hf://clicall/llama", *sized, "--json").ok().json
    assert found["facts"]["config"]["architecture"] == "LlamaForCausalLM"
    assert found["facts"]["parameters"] == {"BF16": 4096}
    cache = next(part for part in found["sizing"]["gpu"]["parts"] if part["name"] == "KV cache")
    assert cache["size"] == 2 * 8 * 128 * 2 * 32 * 2048 * 4
    assert found["sizing"]["fit"]["fits"]
    assert found["sizing"]["fit"]["args"] == ["--dtype=half", "--max-model-len=2048"]
    shown = odh_oci("inspect", "hf://clicall/llama", *sized).ok().out
    assert "LlamaForCausalLM" in shown
    assert "--dtype=half --max-model-len=2048" in shown
    assert "A100-80GB" in odh_oci("inspect", "hf://clicall/llama", "--gpu", "Voodoo").failed()

    onnx = odh_oci("inspect", linear(tmp_path / "model.onnx", 64, 10), "--json").ok().json
    assert onnx["facts"]["inputs"][0]["name"] == "x"
    assert onnx["sizing"]["cpu"]["memory_limit"].endswith("i")


PASSWORD = "pass-word-1"
HTPASSWD = "me:$2y$05$abcdefghijklmnopqrstuupSO9sO3ASIekd.qADcbb/jgkLKkQBR2\n"


@pytest.fixture(scope="module")
def closed_image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An image in a registry that wants a login."""
    folder = tmp_path_factory.mktemp("closed")
    (folder / "htpasswd").write_text(HTPASSWD)
    auth = f"auth:\n  htpasswd:\n    realm: test\n    path: {folder / 'htpasswd'}\n"
    registry = Registry(folder / "registry", extra=auth)
    image = f"{registry.host}/call/digits:1"
    model = linear(folder / "model" / "model.onnx", 64, 10)
    odh_oci("build", model, image, "--base", "embedded", *LOGIN, stdin=PASSWORD).ok()
    yield image
    registry.stop()


LOGIN = ("--insecure", "--username", "me", "--password-stdin")


def test_the_sandbox_pulls_with_a_login(closed_image: str, tmp_path: Path) -> None:
    call = partial(odh_oci, XDG_STATE_HOME=str(tmp_path))
    deploy = ("deploy", closed_image, "closed", "--target", "sandbox")
    call(*deploy, "--no-wait", *LOGIN, stdin="wrong").failed()
    call(*deploy, "--no-wait", *LOGIN, stdin=PASSWORD).ok()
    call("delete", "closed", "--yes").ok()
    assert_nowhere(PASSWORD, tmp_path)


def test_a_pull_secret_is_made_of_a_login(
    kubernetes_api: KubernetesApi, namespace: str, kubeconfig: Path, closed_image: str
) -> None:
    call = partial(odh_oci, KUBECONFIG=str(kubeconfig))
    both = call("deploy", closed_image, "digits", "--pull-secret", "x", *LOGIN, stdin=PASSWORD).failed()
    assert "one of them" in both
    ran = call("deploy", closed_image, "digits", "--no-wait", *LOGIN, stdin=PASSWORD).ok()
    secret = kubernetes_api.get("secrets", "digits-pull", namespace)
    login = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))["auths"]
    assert base64.b64decode(next(iter(login.values()))["auth"]).decode() == f"me:{PASSWORD}"
    predictor = kubernetes_api.get("inferenceservices", "digits", namespace)["spec"]["predictor"]
    assert {"name": "digits-pull"} in predictor["imagePullSecrets"]
    assert "@sha256:" in predictor["model"]["storageUri"], "the registry was asked with the login"
    assert PASSWORD not in ran.out + ran.err


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


class interrupted:  # noqa: N801 - reads as what it does: `with interrupted("measure", …) as process:`
    """Run the command; at the end of the block press Ctrl-C and wait for its end."""

    def __init__(self, *arguments: str, state: str) -> None:
        environ = os.environ | {"XDG_STATE_HOME": state, "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [*COMMAND, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environ,
            # whoever runs the tests in the background lets their children ignore Ctrl-C
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
        )
        self.stdout: Any = self.process.stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGINT)
        try:
            self.out, err = self.process.communicate(timeout=30)
        finally:
            self.process.kill()
        self.returncode = self.process.returncode
        self.told = Ran(self.returncode, self.out, err).failed(self.returncode)


def wait_for_requests(state: str, count: int) -> None:
    """Until the language model was asked that often by this test."""
    log = next(Path(state).rglob("granite/*.log"))
    before = log.read_text().count("\n")
    deadline = threading.Event()
    for _ in range(600):
        if log.read_text().count("\n") >= before + count:
            return
        deadline.wait(0.05)
    raise AssertionError(f"{sys.argv[0]}: the service was not asked {count} times")


def assert_nowhere(secret: str, folder: Path) -> None:
    """The secret stands in no file below the folder."""
    for path in folder.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path
