"""The line between a kernel and its page: a real kernel, and the test in the place of the page's extension."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import comm
import pytest
from jupyter_client.blocking import BlockingKernelClient

from odh_oci_widgets import __version__
from odh_oci_widgets.widgets import page as line
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
    """A kernel that has not met a page."""
    with running_kernel(tmp_path) as client:
        yield client


@pytest.fixture(scope="module")
def own_kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlockingKernelClient]:
    """The extension's own kernel: pages come and go."""
    with running_kernel(tmp_path_factory.mktemp("kernel")) as client:
        yield client


@pytest.fixture
def page(own_kernel: BlockingKernelClient) -> Iterator[Page]:
    """A page of that kernel, after both have greeted; what it opened is closed."""
    page = Page(own_kernel)
    page.execute(START)
    page.say("hello", settings=NO_SETTINGS)
    assert page.said("ready") == {"version": 1, "type": "ready", "package": __version__}
    yield page
    page.execute(
        "from odh_oci_widgets.widgets import page_views\n"
        "for one in list(page_views._shown.values()): page_views.close(one.model_id)"
    )


def test_hello_makes_the_page_present_and_its_settings_count(own_kernel: BlockingKernelClient) -> None:
    page = Page(own_kernel)
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


def test_an_answer_that_comes_before_the_opening_is_over_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    class Eager(comm.DummyComm):
        def publish_msg(self, msg_type: str, *args: Any, **options: Any) -> None:
            if msg_type == "comm_open":
                self.handle_msg({"content": {"data": {"version": 1, "type": "hello"}}})

    monkeypatch.setattr(line, "create_comm", Eager)
    heard: queue.SimpleQueue[str] = queue.SimpleQueue()
    page = line.Page(lambda kind, _: heard.put(kind))
    page.greet()
    assert page.present
    assert heard.get(timeout=60) == "hello"


def test_a_view_is_opened_closed_and_found_again_after_a_reload(page: Page) -> None:
    page.say("open", view="wizard")
    first = page.said("view")
    assert (first["view"], first["title"]) == ("wizard", "Deploy a model")
    opened = {one["content"]["comm_id"] for one in page.heard if one["msg_type"] == "comm_open"}
    assert first["model_id"] in opened
    page.execute(
        "from odh_oci_widgets.widgets import page_views\n"
        "(wizard,) = page_views._shown.values()\n"
        "wizard.image.image.value = 'quay.io/me/x:1'"
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


def test_what_is_no_message_is_refused_and_the_line_stays(page: Page) -> None:
    for kind, fields in (
        ("explode", {}),
        ("open", {"view": "shell"}),
        ("open", {"view": "tester"}),
        ("code", {"name": 7}),
        ("code", {"name": "x" * 5000}),
        ("close", {}),
    ):
        page.say(kind, **fields)
    page.settled()
    page.say("open", view="access")
    page.said("view", view="access")
    kinds = [(one["content"].get("data") or {}).get("type") for one in page.heard]
    assert kinds.count("view") == 1
    assert "insert" not in kinds
    assert "error" not in [one["msg_type"] for one in page.heard]


BUILDS = """
from pathlib import Path
folder = Path("digits")
folder.mkdir(exist_ok=True)
(folder / "model.onnx").write_bytes(b"\\x08\\x08" + bytes(1000))
from odh_oci_widgets import build
image = build("digits", "oci:images/digits:1", base="embedded").wait()
"""


def test_the_page_is_told_how_things_stand_and_of_the_end_of_a_build_once(page: Page) -> None:
    nothing = {"ready": 0, "failed": 0, "other": 0}
    page.said("status", running=0, percent=None, services=nothing)
    page.said("services", names=[])
    page.execute(BUILDS)
    page.say("refresh")
    told = page.said("notify")
    assert (told["level"], told["text"]) == ("success", "digits:1 is built.")
    page.say("refresh")
    page.say("open", view="panel")
    first = page.said("view", view="panel")
    assert first["title"] == "Models"

    # A page that comes back is told how things stand, and no news twice.
    page = page.reload()
    page.execute(START)
    page.say("hello", settings=NO_SETTINGS)
    page.said("status", running=0)
    page.said("services")
    page.say("open", view="panel")
    assert page.said("view")["model_id"] == first["model_id"]
    page.settled()
    assert '"notify"' not in page.words()


def test_the_panel_offers_what_needs_the_page_only_when_it_is_there(page: Page) -> None:
    page.execute(BUILDS)
    page.say("open", view="panel")
    model_id = page.said("view")["model_id"]
    actions = (
        "import time\n"
        "from odh_oci_widgets.widgets import page_views\n"
        f"(panel,) = [one for one in page_views._shown.values() if one.model_id == {model_id!r}]\n"
        "for _ in range(600):\n"
        "    if panel._seen.builds: break\n"
        "    panel.look(); time.sleep(0.1)\n"
        "panel.open_build(panel._seen.builds[0].build.id)\n"
        "print([one.description for one in panel._build[1]._actions.children])"
    )
    assert page.execute(actions) == '["Copy the image\'s name"]\n'
    page.execute("panel._build[1]._copy.click()")
    assert page.said("copy")["text"].startswith("oci:")
    page.execute(
        "PAGE = __import__('odh_oci_widgets.widgets.page', fromlist=['PAGE']).PAGE; PAGE.present = False"
    )
    assert page.execute(actions) == "[]\n"


def test_another_version_is_refused_and_the_line_closed(own_kernel: BlockingKernelClient) -> None:
    page = Page(own_kernel)
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
