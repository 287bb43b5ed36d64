"""The tutorials as they are stored: without outputs, each with what it needs and costs, readable in a plain viewer."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbconvert import HTMLExporter

from tests.notebooks.executed import NOTEBOOKS

ALL = sorted(NOTEBOOKS.glob("*.ipynb"))
each = pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)


def test_they_are_all_there():
    assert [path.name[:2] for path in ALL] == ["00", "01", "02", "03", "04", "05"]


@each
def test_a_notebook_is_stored_without_outputs(path: Path):
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    assert "widgets" not in book.metadata
    for cell in book.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


@each
def test_it_says_first_what_it_needs_and_costs(path: Path):
    first, *_, last = (c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "markdown")
    assert first.startswith("# ")
    rows = re.findall(r"^\| (.+?) \| .+ \|$", first, re.MULTILINE)
    assert rows == ["You need", "Bytes", "Minutes", "GPU", "Left behind"]
    assert "nothing: everything here only reads" in first or "Clean up" in last


@each
def test_one_switch_says_where_it_runs(path: Path):
    cells = nbformat.read(path, as_version=4).cells
    (settings,) = (c.source for c in cells if "parameters" in c.metadata.get("tags", []))
    assert re.match(r'# Where .+\nTARGET = "(sandbox|project)"\n', settings)


@pytest.mark.parametrize("name", ["01-granite-completion", "02-mobilenet-classification"])
def test_who_only_clicked_can_clean_up(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The last cell needs nothing of the cells by code, and takes the service away that has the name."""
    deleted: list[str] = []

    class Service:
        def __init__(self, name: str) -> None:
            self.name = name

        def delete(self) -> None:
            deleted.append(self.name)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("odh_oci_widgets.services", lambda **_: [Service("mine"), Service("another's")])
    cells = [
        c for c in nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4).cells if c.cell_type == "code"
    ]
    (settings,) = (c.source for c in cells if "parameters" in c.metadata.get("tags", []))
    exec(settings + "\nNAME = 'mine'\n" + cells[-1].source, {})
    assert deleted == ["mine"]


@each
def test_a_plain_viewer_shows_it(path: Path):
    page, _ = HTMLExporter().from_filename(str(path))
    title = nbformat.read(path, as_version=4).cells[0].source.splitlines()[0].removeprefix("# ")
    assert title in page
    assert page.count("<table") >= 1
    for name in re.findall(r"\]\(([^):]+\.ipynb)\)", path.read_text()):
        assert (NOTEBOOKS / name).is_file(), name
