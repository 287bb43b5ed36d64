"""A secret typed into the wizard is in no saved notebook, no widget state and no output."""

from __future__ import annotations

import nbformat

from tests.notebooks.executed import ROOT, book_of, execute, printed
from tests.servers.registry import Registry

PASSWORD = "correct-horse-battery-staple"
TOKEN = "hf_ThisMustNeverBeSaved"

_CHOOSE = """
from pathlib import Path
from odh_oci_widgets import Wizard

Path("model").mkdir()
Path("model/model.onnx").write_bytes(b"weights" * 1000)
wizard = Wizard("model", image="{image}", base="embedded", insecure=True)
wizard.model.join(60)
wizard
"""
# What the browser sends when somebody types: the same entry point, `set_state`.
_TYPE = """
wizard.image.user.set_state({{"value": "me"}})
wizard.image._password.widget.set_state({{"value": "{password}"}})
wizard.model.access.token.widget.set_state({{"value": "{token}"}})
assert wizard.flow.secrets.logins["{host}"].password == "{password}"
assert wizard.flow.secrets.token == "{token}"
"""
_USE = """
for at, step in enumerate(wizard.steps):
    wizard.go(at)
    step.code.toggle()
wizard.build.start()
wizard.build.join(60)
print(wizard.flow.image, wizard.flow.secrets, wizard.flow, wizard.image, wizard.build.error)
for step in wizard.steps:
    for text in step.renderings().values():
        print(text if isinstance(text, str) else text())
"""


def test_no_secret_is_saved(tmp_path, monkeypatch, registry: Registry):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    image = f"{registry.host}/widget-secrets/model:1"
    typed = _TYPE.format(password=PASSWORD, token=TOKEN, host=registry.host)
    book = execute(book_of(_CHOOSE.format(image=image), typed, _USE), tmp_path)
    said = printed(book)
    assert f"{image}@sha256:" in said, said
    assert 'os.environ["REGISTRY_PASSWORD"]' in said
    # The cell that types them is the test's own; everything else is what would be saved.
    del book.cells[1]
    saved = nbformat.writes(book)
    assert "PasswordModel" in saved
    assert PASSWORD not in saved
    assert TOKEN not in saved
