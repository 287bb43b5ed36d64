"""The Test step as a person uses it: a text that comes and is stopped, a chat, a load test, pictures, rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from playwright.sync_api import expect

from tests.browser.accessibility import serious
from tests.sandbox import image_of
from tests.servers.pictures import bright_or_dark
from tests.servers.v2 import V2Server
from tests.servers.vllm import VLLM

pytestmark = pytest.mark.xdist_group("browser")

#: Milliseconds for what a busy machine does slowly.
SLOW = 120_000
STEP = ".odh-oci-step"

#: A service at a URL, as any other that is not deployed by us.
HERE = """
from odh_oci_widgets import TestStep
from odh_oci_widgets.serving.answering import Answering

class Here(Answering):
    target, image = "project", "oci://quay.io/me/model:1"

    def __init__(self, name, url):
        self.name, self._url = name, url

    @property
    def url(self):
        return self._url
"""


@pytest.fixture
def vllm() -> Iterator[VLLM]:
    server = VLLM("granite", delay=0.02)
    yield server
    server.stop()


def test_a_text_is_stopped_a_chat_answered_and_the_deployment_measured(open_notebook, vllm: VLLM):
    notebook = open_notebook(
        f"{HERE}\nstep = TestStep(Here('granite', {vllm.url!r}), kind='completion', prompt='Once upon a time')\nstep"
    )
    notebook.output.get_by_label("Chat: an answer").wait_for()
    notebook.label("Most tokens").fill("1500")
    notebook.label("Most tokens").press("Enter")
    notebook.button("Complete").click()
    answer = notebook.output.get_by_role("region", name="Answer")
    answer.filter(has_text="w3").wait_for()
    assert notebook.execute("print(1 + 1)").strip() == "2", "the kernel is free while the text comes"
    notebook.picture("call-streaming", STEP)
    notebook.button("Stop").click()
    notebook.status("Stopped")
    assert "w1499" not in answer.inner_text()
    assert vllm.aborted.wait(30)

    notebook.output.get_by_label("Chat: an answer").check()
    notebook.label("System prompt").fill("Answer in one sentence.")
    notebook.label("Message").fill("What is a tar file?")
    notebook.label("Most tokens").fill("12")
    notebook.label("Most tokens").press("Enter")
    notebook.button("Send").click()
    notebook.status("12 tokens")
    notebook.output.get_by_role("region", name="Conversation").filter(has_text="w11").wait_for()
    notebook.button("Show top-p, stop, seed").click()
    notebook.button("Show code").click()
    notebook.label("Language").select_option("openai")
    notebook.output.get_by_text("client.chat.completions.create").wait_for()
    notebook.picture("call-chat", STEP)
    assert serious(notebook.page, "chat", STEP) == []
    notebook.button("Hide code").click()
    notebook.button("Hide top-p, stop, seed").click()

    notebook.button("Show load test").click()
    notebook.label("Requests").fill("40")
    notebook.label("Requests").press("Enter")
    notebook.button("Run load test").click()
    notebook.status("Measured", timeout=SLOW)
    notebook.output.get_by_role("img", name="Calls by how long they took").wait_for()
    notebook.button("Show history").click()
    notebook.output.get_by_role("region", name="Calls").filter(has_text="Once upon a time").wait_for()
    notebook.picture("call-load-test", STEP)
    found = serious(notebook.page, "light", STEP)
    notebook.theme("JupyterLab Dark")
    notebook.picture("call-load-test-dark", STEP)
    assert found + serious(notebook.page, "dark", STEP) == []
    notebook.theme("JupyterLab Light")


@pytest.fixture
def classifier(shared: Path | None, tmp_path: Path) -> dict[str, object]:
    """An image of a classifier, three pictures, labels, and the label of each: the real thing where it is there."""
    data = shared / "data" / "mobilenet" if shared else None
    pictures = [tmp_path / f"{name}.png" for name in ("first", "second", "third")]
    if data is not None and (data / "mobilenet_v2_quant.onnx").is_file():
        model, labels = data / "mobilenet_v2_quant.onnx", data / "synset.txt"
        pelican = Image.open(data / "pelican.jpeg").convert("RGB")
        small = ImageOps.contain(pelican, (640, 640))
        for path, picture in zip(
            pictures, (small, ImageOps.mirror(small), ImageOps.grayscale(small)), strict=True
        ):
            picture.save(path)
        expected = ["pelican"] * 3
    else:
        model, labels = bright_or_dark(tmp_path / "model.onnx"), tmp_path / "labels.txt"
        labels.write_text("dark\nbright\n")
        for path, value in zip(pictures, (250, 3, 240), strict=True):
            Image.fromarray(np.full((300, 400, 3), value, np.uint8)).save(path)
        expected = ["bright", "dark", "bright"]
    image = image_of(model, f"oci:{tmp_path / 'image'}")
    return {"image": image, "pictures": pictures, "labels": labels, "expected": expected}


def test_three_pictures_are_classified_and_shown_as_the_model_sees_them(open_notebook, classifier):
    notebook = open_notebook(
        "from odh_oci_widgets import TestStep, deploy\n"
        f"service = deploy({classifier['image']!r}, 'call-pictures', target='sandbox')\nservice.wait(120)\n"
        "step = TestStep(service)\nstep"
    )
    notebook.button("Classify").wait_for(timeout=SLOW)
    notebook.choose_files("Labels from a file", classifier["labels"])
    notebook.status("labels read from")
    notebook.drag_files(".odh-oci-drop", *classifier["pictures"])
    notebook.status("3 pictures chosen")
    notebook.button("Classify").click()
    notebook.status("Answered in", timeout=SLOW)
    groups = notebook.output.get_by_role("group", name="Classes of")
    expect(groups).to_have_count(3)
    found = [groups.nth(at).get_by_role("meter").first.get_attribute("aria-label") for at in range(3)]
    assert found == classifier["expected"]
    seen = notebook.output.get_by_role("group", name="As the model sees it")
    expect(seen.get_by_role("img")).to_have_count(3)
    expect(seen).to_contain_text("imagenet")
    notebook.picture("call-pictures", STEP)
    assert serious(notebook.page, "pictures", STEP) == []
    assert notebook.execute("print(len(step.calls.to_dataframe()))").strip() == "1"
    notebook.execute("service.delete()")


def test_pictures_are_dropped_or_picked_with_mouse_and_keyboard(open_notebook, tmp_path: Path):
    pictures = [tmp_path / f"{colour}.png" for colour in ("red", "green", "blue")]
    for path in pictures:
        Image.new("RGB", (60, 40), path.stem).save(path)
    notebook = open_notebook("from odh_oci_widgets import TestStep\nstep = TestStep()\nstep")
    pick = notebook.output.get_by_title("Choose pictures", exact=True)
    pick.wait_for()
    notebook.drag_files(".odh-oci-drop", *pictures, drop=False)
    notebook.page.locator(".odh-oci-over").wait_for()
    notebook.drag_files(".odh-oci-drop", *pictures)
    notebook.status("3 pictures chosen")
    notebook.drag_files(".odh-oci-drop button", *pictures[:2])
    notebook.status("2 pictures chosen")
    assert notebook.execute("print(step.classification.names)").strip() == "['red.png', 'green.png']"
    assert notebook.execute("print(step.classification.upload.value)").strip() == "()", "nothing to save"
    with notebook.page.expect_file_chooser() as chooser:
        notebook.page.locator(".odh-oci-drop-here").click()
    chooser.value.set_files(pictures[0])
    notebook.status("1 picture chosen")
    pick.focus()
    notebook.page.wait_for_function("() => document.activeElement.title === 'Choose pictures'")
    with notebook.page.expect_file_chooser() as chooser:
        notebook.page.keyboard.press("Space")
    chooser.value.set_files(pictures)
    notebook.status("3 pictures chosen")
    found = []
    for theme, name in (("JupyterLab Dark", "call-drop-dark"), ("JupyterLab Light", "call-drop")):
        notebook.theme(theme)
        notebook.picture(name, STEP)
        found += serious(notebook.page, theme, STEP)
    assert found == []


def test_rows_of_a_table_and_their_raw_outputs(open_notebook):
    def model(inputs):
        return {"label": (inputs["x"].sum(axis=1) > 10).astype(np.int64), "double": inputs["x"] * 2}

    outputs = [("label", "INT64", [-1]), ("double", "FP32", [-1, 4])]
    server = V2Server(model, inputs=[("x", "FP32", [-1, 4])], outputs=outputs, name="iris")
    try:
        notebook = open_notebook(
            f"{HERE}\nstep = TestStep(Here('iris', {server.url!r}), kind='tensors')\nstep"
        )
        notebook.output.get_by_text("The model takes x FP32 [-1, 4]").wait_for()
        notebook.label("Rows").fill("height, width, depth, weight\n5.1, 3.5, 1.4, 0.2\n6.2, 2.9, 4.3, 1.3")
        notebook.button("Compute").click()
        notebook.status("Answered in")
        notebook.output.get_by_role("region", name="Values of double").filter(has_text="10.2").wait_for()
        notebook.picture("call-rows", STEP)
        assert serious(notebook.page, "rows", STEP) == []
    finally:
        server.stop()
