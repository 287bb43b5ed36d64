"""The wizard and its steps, without a browser: a click is `button.click()`, a typed text a `value`."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path

import comm
import pytest

from odh_oci_widgets import ModelStep, Wizard
from odh_oci_widgets.builders import BuildStatus, KernelBuild, Offer, ProgressTracker, plan_image
from odh_oci_widgets.builders.here import new_record
from odh_oci_widgets.models import ModelFormat
from odh_oci_widgets.oci.events import LayerInfo, LayerProgress, LayerState, Planned
from odh_oci_widgets.oci.plan import Plan
from odh_oci_widgets.serving.answering import Answering
from odh_oci_widgets.widgets import BuildStep, DeployStep, Flow, ImageStep, TestStep
from odh_oci_widgets.widgets.job import Job
from odh_oci_widgets.widgets.layer_bars import GROUP, LayerBars
from odh_oci_widgets.widgets.parts import LOG_LINES, LogPane, Secret
from odh_oci_widgets.widgets.surroundings import Surroundings
from tests.servers.vllm import VLLM

PATIENCE = 30


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "Tiny_Model"
    made.mkdir()
    (made / "model.onnx").write_bytes(b"not really a model" * 1000)
    (made / "notes.md").write_text("notes")
    return made


@pytest.fixture
def wizard(folder: Path, tmp_path: Path) -> Wizard:
    """A wizard whose model is chosen and whose image goes to a folder."""
    made = Wizard(str(folder), image=f"oci:{tmp_path}/images:1", base="embedded")
    made.model.join(PATIENCE)
    assert made.model.error is None
    return made


def wait_for(condition) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_model_step_lists_the_files_with_reasons(folder):
    step = ModelStep(str(folder), exclude=["*.md"])
    step.choose().join(PATIENCE)
    assert [file.path for file in step.flow.model.files] == ["model.onnx"]
    assert {line.path: line.why for line in step.files.lines} == {"model.onnx": "", "notes.md": "excluded"}


def test_the_selection_changes_at_once(wizard):
    wizard.model.include.value = "*.md"
    assert [file.path for file in wizard.flow.model.files] == ["notes.md"]
    wizard.model.include.value = "nothing*"
    assert wizard.flow.model is None
    wizard.model.include.value = ""
    assert [file.path for file in wizard.flow.model.files] == ["model.onnx", "notes.md"]


def test_an_unknown_model_is_told_in_a_sentence_with_a_hint(tmp_path):
    step = ModelStep(str(tmp_path / "nowhere"))
    step.choose().join(PATIENCE)
    assert 'role="alert"' in step._alert.value
    assert step.error.hint
    assert step.flow.model is None
    assert not step.look_up.disabled


def test_names_are_suggested_and_typed_ones_are_kept(folder):
    wizard = Wizard(str(folder))
    wizard.model.join(PATIENCE)
    assert wizard.flow.spec.image.startswith("oci:images/tiny")
    assert wizard.deploy.name.value.startswith("tiny")
    wizard.image.image.value = "quay.io/me/mine:2"
    assert wizard.image.place.value == "typed"
    wizard.deploy.name.value = "mine"
    wizard.model.choose().join(PATIENCE)
    assert wizard.image.image.value == "quay.io/me/mine:2"
    assert wizard.deploy.name.value == "mine"


@pytest.mark.parametrize("text", ["quay.io/UPPER/case:1", "no-registry:1", "quay.io/me/x:bad tag", "oci:"])
def test_a_malformed_image_is_refused_where_it_is_typed(text):
    step = ImageStep(text)
    assert step.flow.spec is None
    assert 'role="alert"' in step._alert.value
    step.image.value = "quay.io/me/x:1"
    assert step.flow.spec.image == "quay.io/me/x:1"
    assert step._alert.value == ""


def test_a_layout_that_was_given_goes_to_this_machine():
    assert ImageStep("oci:images/x:1").place.value == "layout"
    assert ImageStep("quay.io/me/x:1").place.value == "typed"


def test_a_look_ahead_says_what_would_move_and_what_would_stop_it(wizard):
    wizard.image.check_button.click()
    wizard.image.join(PATIENCE)
    assert "It can be built" in wizard.image._status.value
    assert "To move" in wizard.image._forecast.value
    wizard.image.base.value = "oci:/there/is/nothing"
    assert wizard.image._forecast.value == ""
    wizard.image.check_button.click()
    wizard.image.join(PATIENCE)
    assert "/there/is/nothing" in wizard.image._alert.value


def test_risks_are_said(wizard):
    wizard.image.base.value = "scratch"
    assert "Warning" in wizard.image._warning.value
    wizard.deploy.target.value = "project"
    wizard.deploy.external.value = True
    assert wizard.deploy._warning.value == ""
    wizard.deploy.token_auth.value = False
    assert "everybody" in wizard.deploy._warning.value
    wizard.deploy.target.value = "sandbox"
    assert wizard.deploy._warning.value == ""


def test_build_runs_beside_the_kernel_and_pins_the_image(wizard):
    wizard.go(2)
    wizard.build.start_button.click()
    assert wizard.build.start_button.disabled
    wizard.build.join(PATIENCE)
    assert wizard.build.error is None
    assert wizard.flow.image
    assert wizard.deploy.image.value == wizard.flow.image
    assert "models" not in wizard.build._alert.value
    assert 'role="progressbar"' in wizard.build._bars._total.value
    assert "done in" in wizard.build._lines.value
    assert not wizard._next.disabled


def test_the_shown_code_makes_the_same_image(wizard, tmp_path):
    wizard.build.start()
    wizard.build.join(PATIENCE)
    report = wizard.flow.build.report()
    wizard.image.image.value = f"oci:{tmp_path}/again:1"
    scope: dict = {}
    exec(wizard.model.renderings()["Python"], scope)
    exec(wizard.build.renderings()["Python"].replace("image = ", "made = ").replace(".wait()", ""), scope)
    assert scope["made"].wait(PATIENCE)
    assert scope["made"].report()["digest"] == report["digest"]


def test_the_containerfile_follows_the_guide(wizard):
    text = wizard.image.renderings()["Containerfile"]
    assert "USER 1001" in text
    assert "/models/1/model.onnx" in text
    assert "a=rX" in text


def test_an_openshift_build_is_shown_as_it_is_typed(wizard):
    wizard.image.image.value = "quay.io/me/mobilenet:1"
    wizard.image.base.value = "quay.io/org/base:1"
    assert "oc" not in wizard.build.renderings()
    wizard.image.builder.value = "openshift"
    text = wizard.build.renderings()["oc"]()
    assert "oc start-build modelcar --from-dir=context --follow --wait" in text
    assert "kind: BuildConfig" in text


class ScriptedBuild:
    """A build that moves as the test says."""

    id, builder = "x", "kernel"
    plan = Plan(image="r.example/a:1", layers=())
    image = error = None

    def __init__(self, layers: int) -> None:
        self.status = BuildStatus.RUNNING
        self.tracker = ProgressTracker()
        infos = tuple(LayerInfo(title=f"layer {n}", size=100) for n in range(layers))
        self.tracker.feed(Planned(image=self.plan.image, layers=infos))
        self.ended = threading.Event()

    @property
    def progress(self):
        return self.tracker.snapshot()

    def logs(self):
        self.ended.wait(PATIENCE)
        return iter(())

    def cancel(self) -> None:
        self.status = BuildStatus.CANCELLED
        self.ended.set()

    def move(self, layer: int, sent: int) -> None:
        self.tracker.feed(LayerProgress(layer=layer, sent=sent, total=100, state=LayerState.SENDING))


def test_what_a_build_waits_for_is_said_above_the_log():
    waiting = ScriptedBuild(1)
    waiting.status = BuildStatus.PENDING

    def logs():
        yield "The image `quay.example/none` cannot be pulled."
        waiting.ended.wait(PATIENCE)

    waiting.logs = logs
    step = BuildStep()
    step.attach(waiting)
    wait_for(lambda: "cannot be pulled" in step._status.value)
    waiting.status = BuildStatus.RUNNING
    wait_for(lambda: "cannot be pulled" not in step._status.value)
    waiting.cancel()
    step.join(PATIENCE)


@pytest.fixture
def messages(monkeypatch):
    """When and what each message of a widget to the browser is, as a kernel would send it."""
    sent: list[tuple[float, str]] = []

    class Counting(comm.DummyComm):
        def publish_msg(self, msg_type, *args, **options):
            sent.append((time.monotonic(), msg_type))

    monkeypatch.setattr(comm, "create_comm", Counting)
    return sent


def test_no_message_of_a_wizard_is_lost_on_its_way_to_a_slow_page(messages):
    Wizard().access.join(PATIENCE)
    assert len(messages) < 500, "a kernel keeps 1000, and learns by the 500 what was taken"


def test_what_was_chosen_before_the_deploy_step_was_opened_is_in_it():
    flow = Flow()
    wizard = Wizard(flow=flow, gpu=1)
    flow.suggested_args, flow.suggested_gpus, flow.image = ("--dtype=half",), 2, "quay.io/me/granite:1"
    wizard.go(3)
    assert wizard.deploy.arguments.value == "--dtype=half"
    assert wizard.deploy.gpu.value == 1
    assert wizard.deploy.image.value == "quay.io/me/granite:1"
    assert wizard._body.children == (wizard.deploy,)
    assert [type(step).__name__ for step in wizard.steps][3:] == ["DeployStep", "TestStep"]


def test_two_hundred_layers_and_at_most_ten_messages_a_second(messages):
    step, build = BuildStep(), ScriptedBuild(200)
    step.attach(build)
    wait_for(lambda: sum(group.value.count('role="progressbar"') for group in step._bars._groups) == 200)
    began, logged, step_on = time.monotonic(), 0, threading.Event()
    while (now := time.monotonic() - began) < 3:
        for layer in range(200):
            build.move(layer, round(30 * now))
        logged += 1
        step._lines.append(f"line {logged}")
        step_on.wait(0.01)
    told = [when for when, kind in messages if kind == "comm_msg" and began <= when < began + 3]
    assert 3 <= len(told) <= 10 * 3 + 3, "the painting at hand may be one more"
    build.cancel()
    step.join(PATIENCE)
    shown = "".join(group.value for group in step._bars._groups)
    assert shown.count('role="progressbar"') == 200
    assert len(set(re.findall(r'odh-oci-words">([^<]+)', shown))) == 1, (
        "at the end all groups stand where they are"
    )


def test_a_moving_layer_sends_only_its_group():
    bars, build = LayerBars(), ScriptedBuild(200)
    bars.paint(build.progress)
    sent: list[object] = []
    for group in bars._groups:
        group.observe(sent.append, "value")
    build.move(GROUP + 1, 50)
    bars.paint(build.progress)
    assert len(sent) == 1


def test_cancel_is_a_wish_and_no_alert(wizard):
    build = ScriptedBuild(3)
    wizard.build.attach(build)
    assert "running" in wizard._tabs[2].description
    assert wizard.build.cancel_button.layout.display == ""
    wizard.build.cancel_button.click()
    wizard.build.join(PATIENCE)
    assert wizard.build._alert.value == ""
    assert "reused" in wizard.build._status.value
    assert "cancelled" in wizard._tabs[2].description
    assert not wizard.build.start_button.disabled


def test_a_log_keeps_its_last_lines():
    pane = LogPane()
    for number in range(LOG_LINES + 10):
        pane.append(f"line {number}")
    pane.paint()
    assert "line 9\n" not in pane.value
    assert f"line {LOG_LINES + 9}" in pane.value


def test_a_secret_is_gone_from_the_field_when_its_callback_returns():
    kept: list[str] = []
    secret = Secret("Password", kept.append)
    secret.widget.set_state({"value": "hunter2"})
    assert kept == ["hunter2"]
    assert secret.widget.value == ""
    assert "hunter2" not in str(secret.widget.get_state())


def test_the_deploy_step_refuses_open_quotes_and_bad_names():
    step = DeployStep("oci:somewhere:1", name="Bad Name")
    step.arguments.value = '--x "y'
    assert "quotes" in step._alert.value
    assert step.deploy_button.disabled
    step.arguments.value = ""
    step.deploy_button.click()
    step.join(PATIENCE)
    assert "bad-name" in step._alert.value
    assert not step.deploy_button.disabled


def test_yaml_is_what_the_project_would_get(monkeypatch, tmp_path):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    step = DeployStep("quay.io/me/mobilenet@sha256:" + "0" * 64, name="mobilenet", target="project")
    step.framework.value = ModelFormat.ONNX
    text = step.renderings()["YAML"]()
    assert "InferenceService" in text
    assert "oci://quay.io/me/mobilenet" in text


class Remote(Answering):
    """A service that answers at a URL."""

    target, image = "project", "oci://quay.io/me/granite:1"

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self._url = url

    @property
    def url(self) -> str:
        return self._url


@pytest.fixture
def vllm():
    server = VLLM("granite", delay=0.01)
    yield server
    server.stop()


def test_text_grows_and_can_be_stopped(vllm):
    step = TestStep(Remote("granite", vllm.url), kind="completion", prompt="Tell me")
    form = step.completion
    grown: list[str] = []
    form._text.observe(lambda change: grown.append(change["new"]), "value")
    form.max_tokens.value = 1000
    form.ask_button.click()
    wait_for(lambda: len(grown) > 2)
    form.stop_button.click()
    step.join(PATIENCE)
    assert "Stopped" in step._status.value
    assert form.answer.text
    assert vllm.aborted.wait(PATIENCE)


def test_text_is_answered_with_its_numbers(vllm):
    step = TestStep(Remote("granite", vllm.url), kind="completion", prompt="Tell me")
    step.completion.max_tokens.value = 5
    step.completion.ask_button.click()
    step.join(PATIENCE)
    assert "5 tokens" in step._status.value
    assert "w4" in step.completion._text.value
    assert 5 in [request["max_tokens"] for request in vllm.requests]


def test_a_wrong_picture_and_a_wrong_model_are_told_in_a_sentence(vllm):
    step = TestStep(Remote("other", vllm.url), kind="classification")
    step.classification.put([("notes.txt", b"no picture")])
    step.classification.ask_button.click()
    step.join(PATIENCE)
    assert 'role="alert"' in step._alert.value
    assert not step.classification.ask_button.disabled


def test_steps_share_a_flow():
    flow = Flow()
    ImageStep("quay.io/me/x:1", flow=flow)
    assert BuildStep(flow=flow).flow.spec.image == "quay.io/me/x:1"


def test_a_viewer_without_widgets_gets_a_line_with_the_call():
    bundle = Wizard()._repr_mimebundle_()
    assert "Wizard()" in bundle["text/plain"]
    assert "Wizard()" in bundle["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_a_job_tells_errors_and_forgets_when_abandoned():
    told: list[object] = []
    Job(lambda _: 1 / 0, done=told.append, failed=told.append).join(PATIENCE)
    assert "ZeroDivisionError" in str(told[0])
    gate = threading.Event()
    job = Job(lambda _: gate.wait(PATIENCE), done=told.append, failed=told.append)
    job.abandon()
    gate.set()
    job.join(PATIENCE)
    assert len(told) == 1


def test_every_button_has_text(wizard):
    def buttons(widget):
        if type(widget).__name__ == "Button":
            yield widget
        for child in getattr(widget, "children", ()):
            yield from buttons(child)

    for step in (wizard, *wizard.steps):
        for found in buttons(step):
            assert found.description.strip()


def test_a_new_kernel_goes_on_with_what_an_earlier_one_built(wizard):
    wizard.build.start()
    wizard.build.join(PATIENCE)
    fresh = BuildStep()
    fresh.earlier.look()
    fresh.earlier.join(PATIENCE)
    (choice,) = fresh.earlier.list.choices
    assert choice.name == wizard.flow.spec.image
    assert "succeeded" in choice.facts
    fresh.earlier.list.children[0].click()
    fresh.join(PATIENCE)
    assert fresh.flow.image == wizard.flow.image
    assert "Image ready" in fresh._result.value
    assert "done in" in fresh._lines.value


def test_a_new_kernel_takes_over_what_the_build_was_allowed():
    plan = Plan(image="r.example:5000/a:1", layers=(), insecure=("r.example:5000",))
    build = ScriptedBuild(1)
    build.plan, build.status = plan, BuildStatus.CANCELLED
    flow = Flow()
    BuildStep(flow=flow).attach(build)
    assert DeployStep("r.example:5000/a@sha256:" + "0" * 64, name="a", flow=flow).spec.insecure
    assert not DeployStep("quay.io/a/b@sha256:" + "0" * 64, name="a", flow=flow).spec.insecure


@pytest.fixture
def long_build(wizard, tmp_path):
    """The build of the wizard's image, held until `go` is set."""
    file = tmp_path / "held" / "model.onnx"
    file.parent.mkdir()
    file.write_bytes(b"x" * 2**20)
    held, go = threading.Event(), threading.Event()

    class Held(KernelBuild):
        def _work(self):
            held.set()
            go.wait(PATIENCE)
            return super()._work()

    plan = plan_image(str(file.parent), wizard.flow.spec.image, base="embedded")
    running = Held(plan, new_record(None))
    running.start()
    assert held.wait(PATIENCE)
    yield running, go
    go.set()
    running.wait(PATIENCE)


def test_of_two_builds_of_one_image_the_user_says_what_becomes_of_them(wizard, long_build):
    running, go = long_build
    wizard.build.start()
    wizard.build.join(PATIENCE)
    assert "is running already" in wizard.build._alert.value
    offered = {one.description: one for one in wizard.build._conflict.children}
    assert list(offered) == ["Watch that build", "Wait for it, then build", "Stop it, then build"]
    offered["Wait for it, then build"].click()
    wait_for(lambda: "Waiting for the other build" in wizard.build._status.value)
    assert wizard.build.running
    go.set()
    wizard.build.join(PATIENCE)
    assert wizard.build.error is None
    assert wizard.flow.image
    assert running.status is BuildStatus.SUCCEEDED
    assert wizard.flow.build.id != running.id


def test_the_wizard_offers_a_running_build(wizard, long_build):
    running, go = long_build
    wizard.build.earlier.look()
    wait_for(lambda: wizard._offer.children)
    (offer,) = wizard._offer.children
    assert running.plan.image in offer.description
    offer.click()
    assert wizard._body.children == (wizard.build,)
    assert wizard._offer.children == ()
    go.set()
    wizard.build.join(PATIENCE)
    assert wizard.flow.image == running.image


def test_a_builder_that_cannot_work_here_says_why(wizard):
    wizard.flow.surroundings = Surroundings(
        sentence="", builders=(Offer("kernel"), Offer("job", "There is no cluster."))
    )
    assert "There is no cluster." in wizard.image._builders_note.value
    assert any("cannot work here" in label for label, name in wizard.image.builder.options if name == "job")


def test_a_first_choice_that_stands_for_nothing_is_shown():
    step = DeployStep("quay.io/me/x:1", name="x")
    assert (step.profile.label, step.profile.value) == ("None", None)
    assert step.framework.label == "As the image says"
