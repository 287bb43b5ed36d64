"""The line between a kernel and its page: a real kernel, and the test in the place of the page's extension."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_client.blocking import BlockingKernelClient

from odh_oci_widgets import __version__
from tests.servers.kernel import Page, running_kernel

START = "import odh_oci_widgets.widgets.page as page; page.start()"
PRESENT = "from odh_oci_widgets.widgets.page import PAGE; print(PAGE.present)"
NO_SETTINGS = {
    "registry": "",
    "repository": "{model}",
    "builder": "",
    "refresh": 5,
    "sandbox": True,
    "notifications": True,
}


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[BlockingKernelClient]:
    with running_kernel(tmp_path) as client:
        yield client


@pytest.fixture
def page(kernel: BlockingKernelClient) -> Page:
    """The page of the extension's own kernel, after both have greeted."""
    page = Page(kernel)
    page.execute(START)
    page.say("hello", settings=NO_SETTINGS)
    assert page.said("ready") == {"version": 1, "type": "ready", "package": __version__}
    return page


def test_hello_makes_the_page_present_and_its_settings_count(kernel: BlockingKernelClient) -> None:
    page = Page(kernel)
    page.execute(START)
    assert page.execute(PRESENT) == "False\n"
    page.say("hello", settings=NO_SETTINGS | {"registry": "quay.io/my-org", "refresh": 60})
    page.said("ready")
    code = (
        "import odh_oci_widgets.settings as s; now = s.read(); print(now.registry, now.refresh, now.origins)"
    )
    said = page.execute(f"{PRESENT}; {code}")
    assert said.startswith("True\nquay.io/my-org 60.0 ")
    assert "'registry': 'JupyterLab settings'" in said
    assert "'builder': 'default'" in said
    page.say("hello", settings=NO_SETTINGS | {"builder": "nobody"})
    told = page.said("notify")
    assert told["level"] == "error"
    assert "`builder` in JupyterLab's settings" in told["text"]


def test_a_view_is_opened_closed_and_found_again_after_a_reload(page: Page) -> None:
    page.say("open", view="wizard")
    first = page.said("view")
    assert (first["view"], first["title"]) == ("wizard", "Deploy a model")
    opened = {one["content"]["comm_id"] for one in page.heard if one["msg_type"] == "comm_open"}
    assert first["model_id"] in opened
    page.execute(
        "from ipywidgets import Widget\n"
        f"wizard = Widget.widgets[{first['model_id']!r}]; wizard.image.image.value = 'quay.io/me/x:1'"
    )

    page = page.reload()
    page.execute(START)
    page.say("hello", settings=NO_SETTINGS)
    page.said("ready")
    page.say("open", view="wizard")
    assert page.said("view")["model_id"] == first["model_id"]
    assert page.execute("print(wizard.image.image.value)") == "quay.io/me/x:1\n"

    page.say("close", model_id=first["model_id"])
    page.say("open", view="wizard")
    assert page.said("view")["model_id"] != first["model_id"]
    assert page.execute("print(wizard.comm)") == "None\n"


def test_starting_again_leaves_one_comm(page: Page) -> None:
    before = page.comms[-1]
    page.execute(START)
    assert before not in page.comms
    assert len(page.comms) == 1
    assert page.known_comms() == page.comms
    page.say("open", view="access")  # not greeted yet
    page.say("hello", settings={})
    page.said("ready")
    assert not [one for one in page.heard if (one["content"].get("data") or {}).get("type") == "view"]


def test_code_and_errors_reach_the_page(page: Page) -> None:
    page.say("code", name="nothing-here")
    told = page.said("notify")
    assert "nothing-here" in told["text"]
    page.execute("from odh_oci_widgets.widgets.page import PAGE; PAGE.insert('print(1)'); PAGE.copy('text')")
    assert page.said("insert")["code"] == "print(1)"
    assert page.said("copy")["text"] == "text"


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("explode", {}),
        ("open", {"view": "shell"}),
        ("open", {"view": "tester"}),
        ("code", {"name": 7}),
        ("code", {"name": "x" * 5000}),
        ("close", {}),
    ],
)
def test_what_is_no_message_is_refused_and_the_line_stays(page: Page, kind: str, fields: dict) -> None:
    heard = len(page.heard)
    page.say(kind, **fields)
    page.settled()
    assert not [one for one in page.heard[heard:] if one["msg_type"] == "error"]
    assert not [one for one in page.heard[heard:] if one["msg_type"] == "comm_msg"]
    page.say("open", view="access")
    page.said("view", view="access")


def test_another_version_is_refused_and_the_line_closed(kernel: BlockingKernelClient) -> None:
    page = Page(kernel)
    page.execute(START)
    page.say("hello", version=2, settings=NO_SETTINGS)
    page.until(lambda one: one["msg_type"] == "comm_close")
    assert page.execute(PRESENT) == "False\n"


def test_without_the_extension_everything_works_as_before(kernel: BlockingKernelClient) -> None:
    page = Page(kernel, extension=False)
    page.execute("from odh_oci_widgets import ImageStep\nstep = ImageStep('quay.io/me/x:1')\ndisplay(step)")
    page.settled()
    assert page.execute(PRESENT) == "False\n"
    page.execute("display(step); PAGE.insert('1'); PAGE.notify('info', 'text', 'key')")
    ours = [one for one in page.heard if one["content"].get("target_name") == "odh-oci-widgets"]
    assert len(ours) == 1  # a page without the extension is asked once


def test_a_notebooks_kernel_greets_when_a_widget_is_shown_and_is_found_again(
    kernel: BlockingKernelClient,
) -> None:
    page = Page(kernel)
    page.execute("from odh_oci_widgets import ImageStep\nstep = ImageStep('quay.io/me/x:1')")
    assert page.comms == []
    page.execute("display(step)")
    assert len(page.comms) == 1
    page.say("hello", settings=NO_SETTINGS)
    page.said("ready")

    page = page.reload()
    page.comms = page.known_comms()
    page.say("hello", settings=NO_SETTINGS)
    page.said("ready")
    assert page.execute(PRESENT) == "True\n"
