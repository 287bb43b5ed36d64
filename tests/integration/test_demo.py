"""`odh-oci demo`: the main job on this machine, with nothing left behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import ROOT, odh_oci
from tests.servers.registry import Registry


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the demo's temporary files go."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def test_for_people_it_tells_each_step_and_cleans_up(temporary: Path) -> None:
    ran = odh_oci("demo", timeout=250).ok()
    told = ran.out
    assert "Warning" not in ran.err
    assert [line for line in told.splitlines() if line[:1].isdigit()] == [
        "1. Choose a model",
        "2. Build its OCI image",
        "3. Deploy it to the sandbox",
        "4. Call it",
    ]
    assert "accuracy 9" in told
    assert "██" in told
    assert "make lab" in told
    assert list(temporary.glob("odh-oci-demo-*")) == []
    assert odh_oci("list", "--target", "sandbox", "--json").json == {"services": []}


def test_through_a_registry_and_kept_it_can_be_called_again(temporary: Path, registry: Registry) -> None:
    ran = odh_oci("demo", "--registry", f"{registry.host}/demo/digits", "--keep", "--json", timeout=250)
    result = ran.ok().json
    try:
        assert registry.tags("demo/digits") == ["demo"]
        assert result["image"].startswith(f"{registry.host}/demo/digits:demo@sha256:")
        assert result["accuracy"] > 0.9
        assert len(result["predictions"]) == 5
        assert result["predictions"][0]["index"] == result["answer"]
        again = odh_oci("classify", result["service"], result["picture"], "--json").ok().json["predictions"]
        assert again[0]["index"] == result["answer"]
        assert again[0]["probability"] == pytest.approx(result["predictions"][0]["probability"], abs=0.02)
    finally:
        odh_oci("delete", result["service"], "--yes").ok()


def test_without_its_extra_it_says_what_to_install(temporary: Path) -> None:
    program = "import sys; sys.modules['skl2onnx'] = None; from odh_oci_widgets.cli import main; sys.exit(main(['demo']))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "pip install 'odh-oci-widgets[demo,sandbox]'" in done.stderr
    assert list(temporary.iterdir()) == []
