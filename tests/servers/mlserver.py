"""MLServer from PyPI: a V2 server by other people, in a virtual environment of its own (its pins clash with ours)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from .registry import free_port

PACKAGES = ("mlserver>=1.6", "onnxruntime>=1.20")

#: The model server's side of an ONNX model; MLServer brings none.
RUNTIME = """
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse
from mlserver.utils import get_model_uri

class Onnx(MLModel):
    async def load(self):
        self._session = onnxruntime.InferenceSession(await get_model_uri(self._settings))
        return True

    async def predict(self, payload):
        feed = {tensor.name: NumpyCodec.decode_input(tensor) for tensor in payload.inputs}
        names = [tensor.name for tensor in self._session.get_outputs()]
        outputs = zip(names, self._session.run(names, feed))
        outputs = [NumpyCodec.encode_output(name, array) for name, array in outputs]
        return InferenceResponse(model_name=self.name, outputs=outputs)
"""


class MLServer:
    """`url` answers for the ONNX `model` under `name`; metadata as in `inputs` and `outputs`."""

    def __init__(
        self, environment: Path, folder: Path, name: str, model: Path, metadata: dict[str, object]
    ) -> None:
        python = environment / "bin" / "python"
        if not (environment / "complete").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", environment], check=True)
            done = subprocess.run(
                [python, "-m", "pip", "install", "--quiet", *PACKAGES],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                line = f"MLServer cannot be installed from the package index: {done.stderr.strip()[-300:]}"
                pytest.fail(line) if os.environ.get("CI") == "true" else pytest.skip(line)
            (environment / "complete").touch()
        http, grpc, metrics = free_port(), free_port(), free_port()
        folder.mkdir()
        settings = {"host": "127.0.0.1", "http_port": http, "grpc_port": grpc, "metrics_port": metrics}
        (folder / "settings.json").write_text(json.dumps(settings | {"parallel_workers": 0}))
        (folder / "onnx_runtime.py").write_text(RUNTIME)
        described = {"name": name, "implementation": "onnx_runtime.Onnx", "parameters": {"uri": str(model)}}
        (folder / "model-settings.json").write_text(json.dumps(described | metadata))
        self.url = f"http://127.0.0.1:{http}"
        with (folder / "server.log").open("wb") as log:
            self._process = subprocess.Popen(
                [environment / "bin" / "mlserver", "start", folder],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PYTHONPATH": str(folder)},
                cwd=folder,
            )
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/v2/models/{name}/ready", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"MLServer did not start:\n{(folder / 'server.log').read_text()[-3000:]}")

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(20)
