"""The panel in front of a project with services and builds: what it shows, asks for, tells, and when it stops."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from odh_oci_widgets import ModelsPanel, build, serving
from odh_oci_widgets.cluster import Project, connect, use
from odh_oci_widgets.serving import ServiceState
from odh_oci_widgets.serving.project.overview import BELIEVED_SECONDS, ProjectOverview
from odh_oci_widgets.widgets.item_list import MOST
from odh_oci_widgets.widgets.lookout import LOOKOUT, Seen
from odh_oci_widgets.widgets.news import Events, standing
from tests.servers.hub import Hub
from tests.servers.kubernetes import KServe, KubernetesApi, Network, Node
from tests.servers.v2 import V2Server

PATIENCE = 60
IMAGE = "quay.io/org/model:1@sha256:" + "b" * 64
GIVEN = {"format": "onnx", "memory": "2Gi"}


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ODH_OCI_REFRESH", "1")
    yield
    use(None)
    LOOKOUT._listeners.clear()
    LOOKOUT.look()
    LOOKOUT.project = LOOKOUT.last = None
    assert wait_for(lambda: not LOOKOUT.running)


@pytest.fixture
def project(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    return connect()


@pytest.fixture
def node(kubernetes_api: KubernetesApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    monkeypatch.setenv("SSL_CERT_FILE", str(kubernetes_api.authority))
    with Network(kubernetes_api, tmp_path) as network:
        yield Node(
            kubernetes_api,
            network,
            lambda _image, found: V2Server(
                lambda inputs: inputs,
                inputs=[("x", "FP32", [1])],
                outputs=[("x", "FP32", [1])],
                name=found["metadata"]["name"],
            ),
        )


@pytest.fixture
def panel() -> Iterator[ModelsPanel]:
    made = ModelsPanel()
    yield made
    made.close()


@pytest.fixture
def model(tmp_path: Path) -> str:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(b"\x08\x08" + bytes(1000))
    return str(folder)


def wait_for(condition) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return True


def lines(items) -> list[str]:
    """What the buttons of a list say."""
    return [row._face.description for row in items.children if hasattr(row, "_face")]


def labelled(box) -> dict[str, object]:
    return {one.description: one.click for one in box.children}


def test_services_come_up_are_stopped_and_go_and_the_page_is_told_once(
    kubernetes_api: KubernetesApi, project: Project, node: Node, panel: ModelsPanel
) -> None:
    events, told, seen = Events(), [], []

    def hear(now: Seen) -> None:
        seen.append(standing(now))  # before that for which the test waits
        told.extend(one.text for one in events.of(now))

    with KServe(kubernetes_api, project.namespace, node=node):
        panel.look()
        LOOKOUT.listen(hear)
        wait_for(lambda: "No service yet" in panel._service_head.value)
        serving.deploy(IMAGE, "digits", project=project, **GIVEN)
        project.apply(serving.preview(IMAGE, "lost", project=project, **GIVEN).objects[1])
        wait_for(lambda: "1 ready, 1 failed" in panel._service_head.value)
        name, facts, url = lines(panel.services)[0].split("\n")
        assert (name, facts) == ("digits", "ready · project · new")
        assert url.startswith("https://digits-predictor.")
        wait_for(lambda: len(told) == 2)
        ready, failed = sorted(told)
        assert ready == "digits is ready."
        assert "does not exist" in failed
        assert seen[-1] == {
            "running": 0,
            "percent": None,
            "services": {"ready": 1, "failed": 1, "other": 0},
        }

        panel.open_service("project/digits")
        _, details = panel._service
        assert list(labelled(details._actions)) == ["Test it here"]  # there is no page to insert into
        details._card.join(PATIENCE)
        labelled(details._card._actions)["Stop"]()
        wait_for(lambda: "stopped" in lines(panel.services)[0])
        wait_for(lambda: "Start" in labelled(details._card._actions))
        labelled(details._card._actions)["Start"]()
        wait_for(lambda: told.count("digits is ready.") == 2)
        labelled(details._card._actions)["Delete"]()
        labelled(details._card._actions)["Yes, delete the service"]()
        wait_for(lambda: len(lines(panel.services)) == 1)
        assert panel._service is None
    assert len(told) == 3
    LOOKOUT.leave(hear)


def test_a_build_is_seen_running_cancelled_and_its_end_is_told(
    panel: ModelsPanel, model: str, hub: Hub, tmp_path: Path
) -> None:
    name = f"panel/{tmp_path.name}"
    hub.add(name, {"model.onnx": b"\x08\x08" + bytes(1000)})
    hub.break_next(f"/{name}/resolve/*", stall=60, times=1000)
    build(model, f"oci:{tmp_path}/done:1", base="embedded").wait()
    events, told = Events(), []

    def hear(now: Seen) -> None:
        told.extend((str(one.level), one.text) for one in events.of(now))

    LOOKOUT.listen(hear)
    panel.look()
    wait_for(lambda: "1 succeeded" in panel._build_head.value)
    running = build(f"hf://{name}", f"oci:{tmp_path}/granite:1", base="embedded")
    wait_for(lambda: lines(panel.builds)[0].startswith("granite:1\nrunning · kernel"))
    assert 'role="progressbar"' in panel.builds.children[0]._bar.value
    assert standing(LOOKOUT.last)["running"] == 1

    panel.open_build(running.id)
    _, details = panel._build
    details._logs.toggle()
    wait_for(lambda: "granite:1" in details._log.lines.value)
    labelled(details._actions)["Cancel the build"]()
    wait_for(lambda: lines(panel.builds)[0].startswith("granite:1\ncancelled"))
    wait_for(lambda: told)
    assert told == [("info", "granite:1 is not built: it was cancelled.")]  # the one before was no news
    LOOKOUT.leave(hear)


def test_forty_services_cost_few_requests_and_few_messages(
    kubernetes_api: KubernetesApi, project: Project, node: Node, panel: ModelsPanel, monkeypatch
) -> None:
    manifest = serving.preview(IMAGE, "model", project=project, **GIVEN).objects[1]
    for number in range(40):
        manifest["metadata"]["name"] = f"model-{number:02}"
        project.apply(manifest)
    overview = ProjectOverview(project)
    asked = len(kubernetes_api.requests)
    assert len(overview.look()) == 40
    assert len(kubernetes_api.requests) - asked < 12

    panel.look()
    wait_for(lambda: "40 " in panel._service_head.value)
    assert len(lines(panel.services)) == MOST
    panel.services._more.click()
    assert len(lines(panel.services)) == 40
    sent = []
    looks = []
    monkeypatch.setattr(type(panel.comm), "send", lambda self, *a, **k: sent.append((a, k)))
    LOOKOUT.listen(looks.append)
    wait_for(lambda: len(looks) >= 3)
    LOOKOUT.leave(looks.append)
    assert len(sent) < 10  # nothing changed


def test_a_model_that_answered_is_believed_for_a_while(
    kubernetes_api: KubernetesApi, project: Project, node: Node
) -> None:
    now = [0.0]
    overview = ProjectOverview(project, clock=lambda: now[0])
    with KServe(kubernetes_api, project.namespace, node=node):
        serving.deploy(IMAGE, "digits", project=project, **GIVEN).wait(PATIENCE)
        assert overview.look()[0].diagnosis.state is ServiceState.READY
        node.stop_all()
        assert overview.look()[0].diagnosis.state is ServiceState.READY
        now[0] += BELIEVED_SECONDS + 1
        assert overview.look()[0].diagnosis.state is ServiceState.STARTING


def test_the_open_service_follows_what_others_do_to_it(
    kubernetes_api: KubernetesApi, project: Project, node: Node, panel: ModelsPanel
) -> None:
    """Its card follows a service until it is settled; who sees it change later tells the card."""
    with KServe(kubernetes_api, project.namespace, node=node):
        serving.deploy(IMAGE, "digits", project=project, **GIVEN)
        panel.look()
        wait_for(lambda: "1 ready" in panel._service_head.value)
        panel.open_service("project/digits")
        assert panel._service is not None
        card = panel._service[1]._card
        wait_for(lambda: "Stop" in labelled(card._actions))
        serving.service("digits", target="project", project=project).stop()
        wait_for(lambda: "Start" in labelled(card._actions))
        serving.service("digits", target="project", project=project).start()
        wait_for(lambda: "Stop" in labelled(card._actions))


def test_what_is_open_stays_open_while_the_cluster_does_not_answer(
    kubernetes_api: KubernetesApi, project: Project, panel: ModelsPanel
) -> None:
    serving.deploy(IMAGE, "digits", project=project, **GIVEN)
    panel.look()
    wait_for(lambda: lines(panel.services))
    panel.open_service("project/digits")
    _, details = panel._service
    kubernetes_api.fail(500, path=".*/inferenceservices", times=1000)
    wait_for(lambda: panel.error is not None)
    assert lines(panel.services)[0].startswith("digits\n")
    assert panel._service[1] is details
    kubernetes_api.heal()
    LOOKOUT.look()
    wait_for(lambda: panel.error is None)
    assert panel._service[1] is details


def test_an_expired_login_is_a_sentence_and_the_way_to_repair_it(
    kubernetes_api: KubernetesApi, project: Project, kubeconfig: Path, panel: ModelsPanel
) -> None:
    text = kubeconfig.read_text()
    kubeconfig.write_text(text.replace("token: ", "token: expired"))
    panel.look()
    wait_for(lambda: 'role="alert"' in panel._alert.value)
    assert panel.error.hint
    assert panel._repair.layout.display == ""
    panel._repair.click()
    assert panel.access.details.shown
    kubeconfig.write_text(text)
    LOOKOUT.look()
    wait_for(lambda: panel.error is None)
    assert panel._repair.layout.display == "none"


def test_without_a_cluster_the_builds_of_this_machine_are_shown(
    panel: ModelsPanel, model: str, tmp_path: Path
) -> None:
    build(model, f"oci:{tmp_path}/done:1", base="embedded").wait()
    panel.look()
    wait_for(lambda: "1 succeeded" in panel._build_head.value)
    assert panel.error is None
    assert LOOKOUT.last.project == ""
    panel.close()
    wait_for(lambda: not LOOKOUT.running)


def test_a_bad_setting_is_told_and_the_panel_works(
    panel: ModelsPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODH_OCI_REFRESH", "often")
    panel.look()
    wait_for(lambda: "<code>ODH_OCI_REFRESH</code> is <code>often</code>" in panel._alert.value)
