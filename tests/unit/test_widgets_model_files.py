"""The tree of files, and the patterns that say the same as its check marks."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odh_oci_widgets.models import Model, ModelFile, open_model
from odh_oci_widgets.oci.plan import Source
from odh_oci_widgets.widgets import ModelStep
from odh_oci_widgets.widgets.model_files import MAX_LINES, FileTree, lines, patterns
from odh_oci_widgets.widgets.words import globs

PATHS = [
    "config.json",
    "onnx/model.onnx",
    "onnx/deep/a b, c.onnx",
    "[odd]*.bin",
    "model.safetensors",
    "x/y.txt",
]


def model(paths: list[str], off: list[str] = []) -> Model:  # noqa: B006
    files = [ModelFile(path=path, size=10, source=Source(path="/" + path)) for path in sorted(paths)]
    return Model(
        reference="x",
        name="x",
        files=tuple(file for file in files if file.path not in off),
        left_out=tuple((file, "not needed") for file in files if file.path in off),
    )


def test_the_tree_has_folders_with_sums_and_reasons():
    found = {line.path: line for line in lines(model(PATHS, ["onnx/model.onnx", "onnx/deep/a b, c.onnx"]))}
    assert list(found)[:3] == ["[odd]*.bin", "config.json", "model.safetensors"]
    assert (found["onnx/"].count, found["onnx/"].size, found["onnx/"].chosen) == (2, 20, False)
    assert found["onnx/"].why == "not needed"
    assert (found["onnx/deep/a b, c.onnx"].depth, found["onnx/deep/"].name) == (2, "deep/")
    assert found["x/"].chosen


@given(st.sets(st.sampled_from(PATHS)), st.sets(st.sampled_from(PATHS), min_size=1))
def test_the_patterns_choose_what_was_ticked(off: set[str], chosen: set[str]):
    found = model(PATHS, sorted(off))
    include, exclude = patterns(found, chosen)
    # As they come back from the text fields.
    include, exclude = globs(", ".join(include)), globs(", ".join(exclude))
    assert {file.path for file in found.select(include=include, exclude=exclude).files} == chosen


def test_hundreds_of_files_are_cut_and_boxes_are_made_when_somebody_looks():
    tree = FileTree(lambda _: None)
    tree.show(model([f"shard-{at:04}.bin" for at in range(MAX_LINES + 50)]))
    assert tree._list.children == ()
    tree.look()
    assert len(tree._list.children) == MAX_LINES
    assert "50 more lines" in tree._more.value


@pytest.fixture
def step(tmp_path: Path) -> ModelStep:
    folder = tmp_path / "model"
    for path in ("model.onnx", "notes.md", "more/a.txt", "more/b.txt"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"x" * 100)
    step = ModelStep(str(folder))
    step.choose().join(30)
    step._selection.toggle()
    return step


def box(step: ModelStep, path: str):
    at = next(at for at, line in enumerate(step.files.lines) if line.path == path)
    return step.files._list.children[at]


def test_a_click_changes_the_model_the_fields_and_the_code(step: ModelStep):
    box(step, "notes.md").value = False
    assert [file.path for file in step.flow.model.files] == ["model.onnx", "more/a.txt", "more/b.txt"]
    assert step.exclude.value == "notes.md"
    assert 'exclude=["notes.md"]' in step.renderings()["Python"]
    box(step, "more/").value = False
    assert [file.path for file in step.flow.model.files] == ["model.onnx"]
    assert not box(step, "more/a.txt").value
    scope: dict = {}
    exec(step.renderings()["Python"], scope)
    assert [file.path for file in scope["model"].files] == ["model.onnx"]
    box(step, "more/a.txt").value = True
    assert [file.path for file in step.flow.model.files] == ["model.onnx", "more/a.txt"]
    box(step, "notes.md").value = True
    box(step, "more/b.txt").value = True
    assert (step.include.value, step.exclude.value) == ("", "")
    for path in ("model.onnx", "notes.md", "more/"):
        box(step, path).value = False
    assert step.flow.model is None
    assert "No file is left" in step._status.value


def test_the_code_is_there_as_soon_as_it_is_looked_at(step: ModelStep):
    step.code.toggle()
    assert step.code._language.value == "Python"
    assert "open_model" in step.code._text.value


def test_the_layout_of_the_image_is_shown(step: ModelStep):
    assert "/models/1/model.onnx" in step.files._layout.value
    assert open_model(step.location.value).versioned
