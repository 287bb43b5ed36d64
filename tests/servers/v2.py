"""A small server of the Open Inference Protocol V2, for the ways in which servers differ.

`model(inputs) -> outputs` computes. `binary=False` refuses raw tensors as servers without that extension do.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

DTYPES = {"FP32": np.float32, "FP64": np.float64, "INT64": np.int64, "UINT8": np.uint8}
NAMES = {np.dtype(dtype): name for name, dtype in DTYPES.items()}


class V2Server:
    """`url` answers for the model `name`; `requests` holds (headers, body) of each infer call."""

    def __init__(
        self,
        model: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]],
        *,
        inputs: list[tuple[str, str, list[int]]],
        outputs: list[tuple[str, str, list[int]]],
        name: str = "model",
        binary: bool = True,
    ) -> None:
        self.model, self.name, self.binary = model, name, binary
        self.ready = True
        self.requests: list[tuple[dict[str, str], bytes]] = []
        keys = ("name", "datatype", "shape")
        self.metadata = {
            "name": name,
            "versions": ["1"],
            "platform": "test",
            "inputs": [dict(zip(keys, spec, strict=True)) for spec in inputs],
            "outputs": [dict(zip(keys, spec, strict=True)) for spec in outputs],
        }
        state = self

        class Handler(_Handler):
            server_state = state

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_state: V2Server

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        state = self.server_state
        if self.path == f"/v2/models/{state.name}":
            self._send(200, state.metadata)
        elif self.path == f"/v2/models/{state.name}/ready":
            self._send(200 if state.ready else 503, {"error": "model is loading"})
        else:
            self._send(404, {"error": "Model with requested name is not found"})

    def do_POST(self) -> None:
        state = self.server_state
        body = self.rfile.read(int(self.headers["Content-Length"]))
        state.requests.append((dict(self.headers), body))
        if not state.ready:
            return self._send(503, {"error": "model is loading"})
        end = self.headers.get("Inference-Header-Content-Length")
        if end and not state.binary:
            return self._send(400, {"error": "Invalid JSON: invalid UTF-8 in string"})
        request = json.loads(body[: int(end)] if end else body)
        at, inputs = int(end or 0), {}
        for tensor in request["inputs"]:
            dtype = DTYPES[tensor["datatype"]]
            if end:
                size = tensor["parameters"]["binary_data_size"]
                array = np.frombuffer(body[at : at + size], dtype)
                at += size
            else:
                array = np.array(tensor["data"], dtype)
            inputs[tensor["name"]] = array.reshape(tensor["shape"])
        try:
            answers = state.model(inputs)
        except Exception as error:
            return self._send(500, {"error": str(error)})
        outputs = [
            {"name": name, "shape": list(a.shape), "datatype": NAMES[a.dtype], "data": a.ravel().tolist()}
            for name, a in answers.items()
        ]
        return self._send(200, {"model_name": state.name, "outputs": outputs})

    def _send(self, status: int, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
