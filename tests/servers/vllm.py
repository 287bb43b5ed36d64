"""A stand-in that answers as vLLM's OpenAI server does.

Word for word where it matters: `max_tokens` 16 by default, an error JSON for a wrong model (404), unset fields
left out of stream chunks, a last chunk with usage and no choices, an error inside the stream, `data: [DONE]`.
"""

from __future__ import annotations

import argparse
import json
import ssl
import sys
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

MAX_MODEL_LEN = 2048


class VLLM:
    """`url` answers for the model `name`. Each token is ` w0`, ` w1`… and takes `delay` seconds.

    A prompt with `break the stream` breaks it at the third token. `requests` holds the bodies, in order.
    """

    def __init__(
        self,
        name: str = "granite",
        *,
        chat_template: bool = True,
        token: str | None = None,
        delay: float = 0,
        port: int = 0,
        max_model_len: int = MAX_MODEL_LEN,
        tls: Sequence[Path] | None = None,
    ) -> None:
        self.name, self.chat_template, self.token, self.delay = name, chat_template, token, delay
        self.max_model_len = max_model_len
        self.ready = True
        self.requests: list[dict[str, Any]] = []
        self.aborted = threading.Event()
        vllm = self

        class Handler(_Handler):
            server_state = vllm

        self._server = _Server(("127.0.0.1", port), Handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who hangs up is no line in the log, which tests read."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_state: VLLM

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        vllm = self.server_state
        if self.path == "/health":
            self._send(200 if vllm.ready else 503, b"", "text/plain")
        elif not self._allowed():
            self._json(401, {"error": "Unauthorized"})
        elif self.path == "/v1/models":
            model = {"id": vllm.name, "object": "model", "owned_by": "vllm", "root": "/mnt/models"}
            self._json(200, {"object": "list", "data": [model | {"max_model_len": vllm.max_model_len}]})
        else:
            self._json(404, {"detail": "Not Found"})

    def do_POST(self) -> None:
        vllm = self.server_state
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        vllm.requests.append(body)
        chat = self.path == "/v1/chat/completions"
        if not self._allowed():
            return self._json(401, {"error": "Unauthorized"})
        if self.path not in {"/v1/completions", "/v1/chat/completions"}:
            return self._json(404, {"detail": "Not Found"})
        if body["model"] != vllm.name:
            return self._error(404, "NotFoundError", f"The model `{body['model']}` does not exist.", "model")
        if chat and not vllm.chat_template:
            message = (
                "As of transformers v4.44, default chat template is no longer allowed, so you must provide a chat "
                "template if the tokenizer does not define one. None"
            )
            return self._error(400, "BadRequestError", message)
        text = " ".join(turn["content"] for turn in body["messages"]) if chat else body["prompt"]
        prompt_tokens, wanted = len(text.split()), body.get("max_tokens", 100 if chat else 16)
        if prompt_tokens + wanted > vllm.max_model_len:
            message = (
                f"This model's maximum context length is {vllm.max_model_len} tokens. However, you requested "
                f"{prompt_tokens + wanted} tokens. Please reduce the length of the input prompt."
            )
            return self._error(400, "BadRequestError", message)
        words = [f" w{index}" for index in range(wanted)]
        usage = {
            "prompt_tokens": prompt_tokens,
            "total_tokens": prompt_tokens + wanted,
            "completion_tokens": wanted,
        }
        if body.get("stream"):
            return self._stream(body, words, usage, chat=chat, breaks="break the stream" in text)
        time.sleep(vllm.delay * wanted)
        choice: dict[str, Any] = {
            "index": 0,
            "logprobs": None,
            "finish_reason": "length",
            "stop_reason": None,
        }
        if chat:
            choice["message"] = {"role": "assistant", "content": "".join(words)}
        else:
            choice |= {"text": "".join(words), "prompt_logprobs": None}
        kind = "chat.completion" if chat else "text_completion"
        answer = {
            "id": "cmpl-1",
            "object": kind,
            "created": 1,
            "model": vllm.name,
            "choices": [choice],
            "usage": usage,
        }
        return self._json(200, answer)

    def _stream(
        self, body: dict[str, Any], words: list[str], usage: dict[str, int], *, chat: bool, breaks: bool
    ) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        kind = "chat.completion.chunk" if chat else "text_completion"
        head = {"id": "cmpl-1", "object": kind, "created": 1, "model": self.server_state.name}
        try:
            if chat:
                choice = {"index": 0, "delta": {"role": "assistant", "content": ""}}
                self._event(json.dumps(head | {"choices": [choice]}))
            for index, word in enumerate(words):
                time.sleep(self.server_state.delay)
                if breaks and index == 3:
                    error = {
                        "message": "EngineCore encountered an issue.",
                        "type": "InternalServerError",
                        "code": 500,
                    }
                    self._event(json.dumps({"error": error | {"param": None}}))
                    break
                piece: dict[str, Any] = {"index": 0} | (
                    {"delta": {"content": word}} if chat else {"text": word}
                )
                if index == len(words) - 1:
                    piece["finish_reason"] = "length"
                self._event(json.dumps(head | {"choices": [piece]}))
            else:
                if (body.get("stream_options") or {}).get("include_usage"):
                    self._event(json.dumps(head | {"choices": [], "usage": usage}))
            self._event("[DONE]")
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.close_connection = True
            self.server_state.aborted.set()

    def _event(self, data: str) -> None:
        chunk = f"data: {data}\n\n".encode()
        self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        self.wfile.flush()

    def _allowed(self) -> bool:
        token = self.server_state.token
        return token is None or self.headers.get("Authorization") == f"Bearer {token}"

    def _error(self, status: int, kind: str, message: str, param: str | None = None) -> None:
        self._json(status, {"error": {"message": message, "type": kind, "param": param, "code": status}})

    def _json(self, status: int, value: Any) -> None:
        self._send(status, json.dumps(value).encode(), "application/json")

    def _send(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def package(folder: Path) -> Path:
    """A package `vllm` whose entry point is the stand-in; put the folder on PYTHONPATH, and vLLM is installed."""
    openai = folder / "vllm" / "entrypoints" / "openai"
    openai.mkdir(parents=True)
    for made in (openai, *list(openai.parents)[:2]):
        (made / "__init__.py").touch()
    (openai / "api_server.py").write_text("from tests.servers.vllm import main\nmain()\n")
    return folder


def language_model(folder: Path) -> Path:
    """A folder that looks like a small language model."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"architectures": ["GraniteForCausalLM"]}')
    (folder / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    return folder


class _Printed(list[dict[str, Any]]):
    """Requests, in the log too."""

    def append(self, body: dict[str, Any]) -> None:
        super().append(body)
        print(json.dumps(body, sort_keys=True), flush=True)


def main() -> None:
    """The stand-in as a process, with the few arguments of vLLM's own entry point that matter here, and two more."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--served-model-name", required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--max-model-len", type=int, default=MAX_MODEL_LEN)
    parser.add_argument("--token-delay", type=float, default=0)
    parser.add_argument("--no-chat-template", dest="chat_template", action="store_false")
    given = parser.parse_args()
    json.loads((Path(given.model) / "config.json").read_text())
    server = VLLM(
        given.served_model_name,
        port=given.port,
        max_model_len=given.max_model_len,
        delay=given.token_delay,
        chat_template=given.chat_template,
    )
    server.requests = _Printed()
    threading.Event().wait()
