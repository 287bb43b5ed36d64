"""A real server of the OpenAI protocol that is not ours: llama.cpp, from the package `xllamacpp`, on a tiny model.

The model is made on the spot with the package `gguf`: one layer of random weights and a vocabulary of bytes and
letters. What it writes makes no sense; how it is asked and how it answers is the real thing.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

from .registry import free_port

CONTEXT = 256
_WIDTH, _FEED, _HEADS = 32, 64, 2
_NORMAL, _UNKNOWN, _CONTROL, _BYTE = 1, 2, 3, 6


def tiny_gguf(path: Path) -> Path:
    """A language model of a few thousand parameters."""
    import gguf

    letters = ["▁", *(f"{space}{chr(code)}" for space in ("", "▁") for code in range(ord("a"), ord("z") + 1))]
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *letters]
    kinds = [_UNKNOWN, _CONTROL, _CONTROL, *[_BYTE] * 256, *[_NORMAL] * len(letters)]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(_FEED)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(_WIDTH // _HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * 259 + [-float(at) for at in range(len(letters))])
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    random = np.random.default_rng(7)

    def add(name: str, *shape: int) -> None:
        values = np.ones(shape) if len(shape) == 1 else random.normal(0, 0.5, shape)
        if name == "output.weight":
            values[: -len(letters)] = 0  # the likeliest token is a letter, never half a character
        writer.add_tensor(name, values.astype(np.float32))

    add("token_embd.weight", len(tokens), _WIDTH)
    add("output_norm.weight", _WIDTH)
    add("output.weight", len(tokens), _WIDTH)
    for name in ("attn_norm", "ffn_norm"):
        add(f"blk.0.{name}.weight", _WIDTH)
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        add(f"blk.0.{name}.weight", _WIDTH, _WIDTH)
    for name in ("ffn_gate", "ffn_up"):
        add(f"blk.0.{name}.weight", _FEED, _WIDTH)
    add("blk.0.ffn_down.weight", _WIDTH, _FEED)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


class LlamaServer:
    """`url` answers for the model `tiny`, from a process of its own."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / "llama.log"
        model = tiny_gguf(folder / "tiny.gguf")
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.servers.llama", str(model), str(port)],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=Path(__file__).resolve().parents[2],
            )
        self._wait()

    def _wait(self) -> None:
        from odh_oci_widgets.inference import Endpoint, InferenceError

        deadline = time.monotonic() + 60
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                Endpoint(self.url, timeout=2).send("GET", "/health")
            except InferenceError:
                time.sleep(0.1)
            else:
                return
        raise RuntimeError(f"llama.cpp did not start:\n{self.log.read_text(errors='replace')[-2000:]}")

    def stop(self) -> None:
        self._process.kill()
        self._process.wait(20)


def main() -> None:
    """Serve a model until killed."""
    import xllamacpp

    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("port", type=int)
    given = parser.parse_args()
    params = xllamacpp.CommonParams()
    params.model.path = given.model
    params.model_alias = {"tiny"}
    params.hostnames, params.port = ["127.0.0.1"], given.port
    params.n_ctx = CONTEXT
    params.n_parallel = 2
    params.cpuparams.n_threads = 1
    params.warmup = False
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
