"""A live JupyterLab and a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.page import PATIENCE, NotebookPage
from tests.servers.lab import Lab
from tests.servers.programs import require


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    server = Lab(tmp_path_factory.mktemp("lab"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = require("chromium")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield launched
        launched.close()


@pytest.fixture
def open_notebook(
    lab: Lab, browser: Browser, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[..., NotebookPage]]:
    """`open_notebook(*cells)` shows a new notebook and runs it; its kernel ends with the test."""
    # High enough for the tallest step: a screenshot of what is scrolled away is cut.
    context = browser.new_context(viewport={"width": 1180, "height": 1700}, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    opened: list[NotebookPage] = []

    def show(*cells: str) -> NotebookPage:
        url = lab.notebook(f"{request.node.name}-{len(opened) + 1}.ipynb", *cells)
        notebook = NotebookPage(context.new_page(), url, tmp_path / "pictures")
        opened.append(notebook)
        notebook.run()
        return notebook

    yield show
    for notebook in opened:
        notebook.shut_down()
    context.close()
