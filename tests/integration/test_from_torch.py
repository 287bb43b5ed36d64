"""A PyTorch network as an ONNX model, compared with the network itself in onnxruntime.

PyTorch is a gigabyte, too much for everybody who runs the tests: where it is not installed, CI installs it into a
virtual environment for this test alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

PACKAGES = ("torch==2.13.0", "onnxscript>=0.5")
#: What runs where PyTorch is: packages that stand there come first, ours and the test's own after them.
SCRIPT = """
import sys
from pathlib import Path
sys.path += sys.argv[2:]
import numpy as np, onnxruntime, torch
from odh_oci_widgets.models import ObjectNotExported, from_object, understand

rows = np.random.default_rng(7).random((60, 4), dtype=np.float32)
network = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Dropout(), torch.nn.Linear(8, 2))
network.train()
with torch.no_grad():
    expected = network.eval()(torch.from_numpy(rows)).numpy()
network.train()
for sample in (torch.from_numpy(rows[:1]), rows[:2]):
    model = from_object(network, sample, folder=Path(sys.argv[1]))
    assert network.training, "the notebook's own stays as it is"
    assert [tensor.shape for tensor in understand(model).inputs] == [("batch", 4)]
    session = onnxruntime.InferenceSession(model.files[0].source.path, providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {session.get_inputs()[0].name: rows})[0], expected, atol=1e-5)
try:
    from_object(network, rows[:2, :3], folder=Path(sys.argv[1]))
except ObjectNotExported as error:
    print(error.message)
"""


@pytest.fixture
def python() -> Iterator[str]:
    """An interpreter that has PyTorch and its exporter."""
    if find_spec("torch") and find_spec("onnxscript"):
        yield sys.executable
        return
    if os.environ.get("CI") != "true":
        pytest.skip("PyTorch is not installed: `pip install torch onnxscript`")
    # Not below pytest's own folder, which outlives the run.
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=300)
        interpreter = str(Path(folder) / "bin" / "python")
        install = [
            interpreter,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-cache-dir",
            "--no-compile",
            *PACKAGES,
        ]
        subprocess.run(install, check=True, timeout=900)
        yield interpreter


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_network_of_pytorch(tmp_path: Path, python: str) -> None:
    found = [str(Path(__file__).resolve().parents[2]), sysconfig.get_path("purelib")]
    done = subprocess.run(
        [python, "-c", SCRIPT, str(tmp_path), *found],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "The Sequential cannot be exported to ONNX" in done.stdout
    assert "\x1b" not in done.stdout
