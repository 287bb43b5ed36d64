"""The hub behind a proxy, behind a certificate of one's own, slow, and with faults. In processes of their own where
the client reads its environment once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from odh_oci_widgets.models import SourceUnreachable, open_model, understand
from odh_oci_widgets.models import hub as hub_module
from odh_oci_widgets.models.bounded import within
from tests.servers.hub import Content, Hub
from tests.servers.kubernetes.certificates import Authority

HEADER = json.dumps({"w": {"dtype": "BF16", "shape": [50], "data_offsets": [0, 100]}}).encode()
FILES: dict[str, Content] = {
    "config.json": b'{"architectures": ["LlamaForCausalLM"], "torch_dtype": "bfloat16"}',
    "model.safetensors": len(HEADER).to_bytes(8, "little") + HEADER + bytes(100),
}
PROGRAM = """
from odh_oci_widgets.models import open_model, understand, ModelError
try:
    print(understand(open_model("hf://network/tiny")).parameters)
except ModelError as error:
    print(type(error).__name__, error)
"""


def in_a_process(**environment: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout.strip() or result.stderr


def test_a_certificate_of_ones_own(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue()
    with Hub({"network/tiny": FILES}, tls=(certificate, key)) as hub:
        assert in_a_process(HF_ENDPOINT=hub.url, SSL_CERT_FILE=str(authority.certificate)) == "{'BF16': 50}"
        untrusted = in_a_process(HF_ENDPOINT=hub.url)
        assert "SourceUnreachable The certificate of 127.0.0.1:" in untrusted
        assert "SSL_CERT_FILE" in untrusted


def test_through_a_proxy(hub: Hub) -> None:
    """The stand-in takes requests as a proxy does: the host of the hub exists nowhere else."""
    hub.add("network/tiny", FILES)
    assert in_a_process(HF_ENDPOINT="http://hub.invalid", HTTP_PROXY=hub.url) == "{'BF16': 50}"


def test_faults_of_a_moment_are_not_seen(hub: Hub) -> None:
    hub.add("network/faults", FILES)
    model = open_model("hf://network/faults")
    hub.break_next("*/resolve/*/model.safetensors", status=503)
    hub.break_next("/network/faults/*", cut=9)
    assert understand(model).parameters == {"BF16": 50}
    hub.break_next("*/resolve/*/model.safetensors", status=503, times=3)
    with pytest.raises(SourceUnreachable, match="HTTP 503"):
        understand(model)


def test_a_hub_that_never_answers_is_given_up(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("network/slow", FILES)
    monkeypatch.setattr(hub_module, "LISTING_SECONDS", 0.3)
    hub.break_next("/api/models/network/slow/tree/*", stall=2)
    start = time.monotonic()
    with pytest.raises(SourceUnreachable, match="did not answer in time"):
        open_model("hf://network/slow")
    assert time.monotonic() - start < 1.9


def test_within_hands_on_results_and_errors() -> None:
    assert within(5, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 / 0)
