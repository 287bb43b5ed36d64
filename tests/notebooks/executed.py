"""Execute notebooks in a real kernel, with this checkout, a home of its own, and `odh-oci` on the PATH."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
#: Seconds that one cell may take.
PATIENCE = 240


def execute(book: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    """Run all cells in `folder`; the notebook as JupyterLab would save it, with the widgets' state."""
    NotebookClient(
        book,
        timeout=PATIENCE,
        startup_timeout=PATIENCE,
        kernel_name="python3",
        store_widget_state=True,
        resources={"metadata": {"path": str(folder)}},
    ).execute()
    return book


def tutorial(name: str, folder: Path, **settings: Any) -> nbformat.NotebookNode:
    """Run a notebook of ours from top to bottom, its settings changed as papermill does: by a cell after them."""
    book = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    at = next(i for i, cell in enumerate(book.cells) if "parameters" in cell.metadata.get("tags", []))
    lines = [
        f"{key} = {(str(value) if isinstance(value, Path) else value)!r}" for key, value in settings.items()
    ]
    known = book.cells[at].source
    assert [key for key in settings if f"\n{key} = " not in f"\n{known}"] == [], (
        "not a setting of the notebook"
    )
    book.cells.insert(at + 1, nbformat.v4.new_code_cell("\n".join(lines)))
    executed = execute(book, folder)
    for data in (output.get("data", {}) for cell in executed.cells for output in cell.get("outputs", ())):
        if "application/vnd.jupyter.widget-view+json" in data:
            assert "from odh_oci_widgets import" in data["text/html"], "a plain viewer shows nothing for it"
    return executed


def put_command_on_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`odh-oci` and `python`, as they are in an environment that the package is installed in."""
    folder.mkdir()
    for name, words in (("odh-oci", "-m odh_oci_widgets"), ("python", "")):
        (folder / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def book_of(*cells: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])


def printed(book: nbformat.NotebookNode) -> str:
    """What all cells wrote to standard output."""
    return "".join(
        output["text"]
        for cell in book.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "stream" and output.name == "stdout"
    )
