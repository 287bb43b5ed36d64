"""Search, choose, files, estimate: the Model step as a person uses it, with a hub of more than forty models."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import serious
from tests.onnx_models import linear
from tests.servers.hub import Hub
from tests.servers.hub_library import fill

pytestmark = pytest.mark.xdist_group("browser")

_CELL = "import os\nos.environ['HF_ENDPOINT'] = {url!r}\nfrom odh_oci_widgets import Wizard\nwizard = Wizard(base='embedded')\nwizard"


@pytest.fixture(scope="module")
def library() -> Iterator[Hub]:
    with Hub() as hub:
        yield fill(hub)


def test_search_choose_files_estimate(open_notebook, library: Hub):
    assert len(library.repositories) > 40
    notebook = open_notebook(_CELL.format(url=library.url))
    notebook.label("Search Hugging Face").press_sequentially("granite 3 instruct", delay=20)
    notebook.status("models, the most downloaded first")
    notebook.button("Show filters").click()
    notebook.label("Size").select_option("3B models and smaller")
    notebook.status("models, the most downloaded first")
    found = notebook.page.locator(".odh-oci-choices button")
    found.filter(has_text="ibm-granite/granite-3.0-2b-instruct").wait_for()
    notebook.page.wait_for_function(
        "() => [...document.querySelectorAll('.odh-oci-choices button')].every((b) => !b.textContent.includes('8.2 billion'))"
    )
    notebook.picture("choose-1-search")
    found.filter(has_text="ibm-granite/granite-3.0-2b-instruct").click()
    notebook.status("8 files, 4.7 GiB")
    notebook.output.get_by_text("GraniteForCausalLM", exact=True).wait_for()
    notebook.output.get_by_text("vLLM serves GraniteForCausalLM").wait_for()
    expect(notebook.label("Branch or tag").locator("option")).to_have_count(3)
    notebook.button("Show files").click()
    off = notebook.output.get_by_label("pytorch_model.bin")
    assert not off.is_checked()
    notebook.output.get_by_text("the same weights as PyTorch pickles").first.wait_for()
    notebook.output.get_by_label("README.md").uncheck()
    notebook.status("7 files")
    assert notebook.label("Leave out").input_value() == "README.md"
    notebook.picture("choose-2-files")
    notebook.button("Hide files").click()
    notebook.button("Show memory and arguments").click()
    notebook.label("GPU").select_option("T4, 16 GiB")
    notebook.output.get_by_text("--dtype=half").wait_for()
    notebook.label("Requests at the same time").fill("64")
    notebook.label("Requests at the same time").press("Enter")
    notebook.output.get_by_text("--max-model-len=").first.wait_for()
    notebook.button("Show code").click()
    notebook.output.get_by_text('exclude=["README.md"]').wait_for()
    notebook.picture("choose-3-memory")
    notebook.theme("JupyterLab Dark")
    notebook.picture("choose-3-memory-dark")
    notebook.theme("JupyterLab Light")
    assert "--max-model-len" in notebook.execute("print(wizard.deploy.arguments.value)")
    assert notebook.execute("print(wizard.flow.model.revision)").strip() == library.repositories[
        "ibm-granite/granite-3.0-2b-instruct"
    ].commit("main")


def test_a_gated_model_is_opened_with_a_token_that_is_not_saved(open_notebook, library: Hub, lab):
    notebook = open_notebook(_CELL.format(url=library.url))
    notebook.label("Search Hugging Face").fill("llama 3.1 8b")
    notebook.page.locator(".odh-oci-choices button").filter(has_text="gated").first.click()
    notebook.alert("is gated")
    page = notebook.output.get_by_role("link", name="its page (meta-llama/Llama-3.1-8B-Instruct)")
    assert page.get_attribute("href") == f"{library.url}/meta-llama/Llama-3.1-8B-Instruct"
    notebook.picture("choose-gated")
    notebook.label("Hugging Face token").fill(library.token)
    notebook.label("Hugging Face token").press("Enter")
    notebook.status("llama-3-1-8b-instruct: 5 files")
    state = notebook.page.evaluate(
        """async () => {
          await window.jupyterapp.commands.execute('docmanager:save');
          return JSON.stringify(window.jupyterapp.shell.currentWidget.context.model.toJSON());
        }"""
    )
    assert library.token not in state
    for path in lab.root.rglob("*.ipynb"):
        assert library.token not in path.read_text()


def test_other_sources(open_notebook, library: Hub, lab):
    folder = lab.root / "models" / "digits"
    linear(folder / "model.onnx", 64, 10)
    notebook = open_notebook(_CELL.format(url=library.url))
    notebook.output.get_by_label("Folder", exact=True).check()
    notebook.page.locator(".odh-oci-choices button").filter(has_text="models/").click()
    notebook.page.locator(".odh-oci-choices button").filter(has_text="a model: onnx").click()
    notebook.status("digits: 1 file")
    notebook.output.get_by_text("Input x").wait_for()
    notebook.button("Show memory and arguments").click()
    notebook.picture("choose-folder")


@pytest.mark.slow
def test_every_step_is_accessible_in_light_and_dark(open_notebook, library: Hub):
    notebook = open_notebook(_CELL.format(url=library.url))
    notebook.label("Search Hugging Face").fill("granite")
    notebook.status("models, the most downloaded first")
    # What follows would be true of a checker that sees nothing, too.
    notebook.page.evaluate(
        "() => document.querySelector('.odh-oci-wizard').append(document.createElement('button'))"
    )
    assert "button-name" in " ".join(serious(notebook.page, "planted"))
    notebook.page.evaluate("() => document.querySelector('.odh-oci-wizard').lastElementChild.remove()")
    found: list[str] = []
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        notebook.theme(theme)
        found += serious(notebook.page, f"{theme}: search")
    notebook.page.locator(".odh-oci-choices button").filter(has_text="granite-3.0-2b").click()
    notebook.output.get_by_text("GraniteForCausalLM", exact=True).wait_for()
    for hidden in ("Show files", "Show memory and arguments", "Show filters", "Show code"):
        notebook.button(hidden).click()
    notebook.label("GPU").select_option("T4, 16 GiB")
    notebook.output.get_by_text("--dtype=half").wait_for()
    for step in ("Model", "Image", "Build", "Deploy", "Test"):
        notebook.step(step)
        notebook.page.locator(".odh-oci-title").filter(has_text=step).wait_for()
        if step == "Deploy":
            notebook.output.get_by_label("Project: KServe on the cluster").check()
            notebook.output.get_by_label("External route").wait_for()
        for theme in ("JupyterLab Dark", "JupyterLab Light"):
            notebook.theme(theme)
            found += serious(notebook.page, f"{theme}: {step}")
    assert found == []
