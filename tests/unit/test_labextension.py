"""What must agree between the Python package and the JupyterLab extension, and stay out of its lock file."""

from __future__ import annotations

import json
import re
from pathlib import Path

import odh_oci_widgets

ROOT = Path(__file__).resolve().parents[2]
EXTENSION = ROOT / "labextension"


def test_one_version() -> None:
    for name in ("package.json", "package-lock.json"):
        assert json.loads((EXTENSION / name).read_text())["version"] == odh_oci_widgets.__version__


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((EXTENSION / "package-lock.json").read_text())
    for path, package in lock["packages"].items():
        assert "resolved" not in package, path
        assert not path or package["integrity"].startswith("sha512-"), path


def test_all_tutorials_are_offered() -> None:
    listed = re.search(r"TUTORIALS = \[(.*?)\]", (EXTENSION / "src" / "notebooks.ts").read_text(), re.DOTALL)
    assert listed
    assert re.findall(r"'([^']+)'", listed[1]) == sorted(
        path.stem for path in (ROOT / "notebooks").glob("*.ipynb")
    )


def test_only_the_theme_has_colours() -> None:
    for path in (EXTENSION / "style").iterdir():
        assert not re.search(r"#[0-9a-f]{3,8}\b|rgba?\(|hsla?\(", path.read_text(), re.IGNORECASE), path


def test_both_ends_speak_the_same_messages() -> None:
    from odh_oci_widgets.widgets import page_messages

    source = (EXTENSION / "src" / "messages.ts").read_text()
    assert f"VERSION = {page_messages.VERSION};" in source
    views = re.search(r"VIEWS = \[(.*?)\]", source)
    levels = re.search(r"LEVELS = \[(.*?)\]", source)
    assert views
    assert levels
    assert re.findall(r"'(\w+)'", views[1]) == list(page_messages.View)
    assert re.findall(r"'(\w+)'", levels[1]) == list(page_messages.Level)
    sent = re.search(r"type ToKernel =(.*?);\n\n", source, re.DOTALL)
    assert sent
    assert set(re.findall(r"type: '(\w+)'", sent[1])) == set(page_messages._FIELDS)
