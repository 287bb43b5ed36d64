"""Who builds when nobody says: a Job in a workbench where that can work, else the kernel, and why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from odh_oci_widgets import build
from odh_oci_widgets.builders import default_builder, plan_image
from odh_oci_widgets.cluster import connect
from odh_oci_widgets.models import open_model
from odh_oci_widgets.oci import Plan, PlanFile, Source, make_plan
from odh_oci_widgets.oci.errors import Cancelled
from odh_oci_widgets.widgets import BuildStep, ImageStep
from odh_oci_widgets.widgets.flow import Flow
from tests.command import odh_oci
from tests.servers.kubernetes import KubernetesApi
from tests.servers.kubernetes.jobs import JobRunner
from tests.servers.kubernetes.workbench import workbench
from tests.servers.registry import Registry

IMAGE = "registry.example/me/model:1"
PATIENCE = 60


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model on the workbench's volume."""
    folder = tmp_path / "data" / "model"
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(b"\x08\x08" + bytes(5000))
    return folder


@pytest.fixture
def inside(
    kubernetes_api: KubernetesApi,
    namespace: str,
    kubeconfig: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, str]:
    """The environment of a workbench whose user may build."""
    environ = workbench(kubernetes_api, namespace, folder.parent, ["ReadWriteMany"])
    environ |= {"KUBECONFIG": str(kubeconfig)}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return environ


def _choice(folder: Path, image: str = IMAGE, **options) -> tuple[str, str]:
    choice = default_builder(plan_image(str(folder), image, **options))
    return choice.name, choice.reason


def _of_the_web(image: str) -> Plan:
    """A plan whose file any cluster reaches."""
    source = Source(url="https://web.example/model.onnx")
    return make_plan([PlanFile(path="models/1/model.onnx", size=2, source=source)], image)


def test_a_job_in_a_workbench(inside: dict, folder: Path, namespace: str) -> None:
    name, reason = _choice(folder, base="embedded")
    assert name == "job"
    assert reason == f"Built by a Job in the project `{namespace}`: it goes on when this notebook is closed."


@pytest.mark.parametrize(
    ("image", "options", "why"),
    [
        ("oci:image:1", {}, "cannot write the OCI layout"),
        ("localhost:5000/me/model:1", {}, "this machine"),
        (IMAGE, {"base": "oci:base:1"}, "on this disk"),
        (IMAGE, {"base": "127.0.0.1:5000/base:1"}, "this machine"),
    ],
)
def test_the_kernel_where_the_job_cannot_work(
    inside: dict, folder: Path, image: str, options: dict, why: str
) -> None:
    name, reason = _choice(folder, image, **options)
    assert name == "kernel"
    assert reason.startswith("Built in this kernel, not by a Job in the project: ")
    assert why in reason


def test_the_kernel_for_a_folder_on_no_claim(inside: dict, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "model.onnx").write_bytes(b"\x08\x08")
    name, reason = _choice(elsewhere)
    assert name == "kernel"
    assert "not on a volume of the workbench" in reason


def test_the_kernel_for_who_may_not(
    inside: dict,
    folder: Path,
    kubernetes_api: KubernetesApi,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    viewer = kubernetes_api.user(f"viewer-{namespace}", view=namespace)
    monkeypatch.setenv("KUBECONFIG", str(kubernetes_api.kubeconfig(viewer, namespace)))
    name, reason = _choice(folder)
    assert name == "kernel"
    assert "create jobs" in reason


def test_the_kernel_where_the_project_is_not_the_workbenchs(
    inside: dict, kubernetes_api: KubernetesApi, namespace: str
) -> None:
    other = kubernetes_api.namespace(f"{namespace}-other")
    user = kubernetes_api.user(f"both-{namespace}", edit=(namespace, other))
    project = connect(kubeconfig=str(kubernetes_api.kubeconfig(user, other)))
    assert default_builder(_of_the_web(IMAGE)).name == "job"
    elsewhere = default_builder(_of_the_web(IMAGE), project=project)
    assert elsewhere.name == "kernel"
    assert f"the pod of this workbench is not in `{other}`" in elsewhere.reason


def test_the_kernel_outside_but_for_what_only_the_cluster_reaches(
    folder: Path, kubeconfig: Path, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    internal = f"image-registry.openshift-image-registry.svc:5000/{namespace}/model:1"
    assert _choice(folder) == ("kernel", "")
    assert "No cluster is known here" in _choice(folder, internal)[1]
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    assert _choice(folder) == ("kernel", "")
    name, reason = _choice(folder, internal)
    assert name == "kernel"
    assert "this is not a workbench of the project" in reason
    only = default_builder(_of_the_web(internal))
    assert only.name == "job"
    assert "only the cluster reaches `image-registry.openshift-image-registry.svc:5000`" in only.reason


@pytest.fixture
def held(kubernetes_api: KubernetesApi, namespace: str, tmp_path: Path) -> Iterator[JobRunner]:
    runner = JobRunner(kubernetes_api, namespace, tmp_path / "pods")
    runner.hold()
    yield runner
    runner.stop()


def test_build_takes_it_and_says_why(inside: dict, folder: Path, held: JobRunner) -> None:
    running = build(str(folder), IMAGE, base="scratch")
    assert running.builder == "job"
    assert next(running.logs()).startswith("Built by a Job in the project")
    running.cancel()
    with pytest.raises(Cancelled):
        running.wait(PATIENCE)


def test_the_command_takes_it_and_says_why(inside: dict, folder: Path, registry: Registry) -> None:
    image = f"{registry.host}/default/{folder.parent.parent.name.replace('_', '').lower()}:1"
    words = ["build", str(folder), image, "--base", "scratch", "--insecure"]
    ran = odh_oci(*words, **inside).ok()
    assert "Built in this kernel, not by a Job in the project: `127.0.0.1` is this machine" in ran.err
    assert image in ran.out


def test_the_wizard_takes_it_and_says_why_before(
    inside: dict, folder: Path, namespace: str, held: JobRunner
) -> None:
    flow = Flow(model=open_model(str(folder)))
    image, step = ImageStep(IMAGE, base="scratch", flow=flow), BuildStep(flow=flow)
    image.check()
    step._asked.join(PATIENCE)
    assert "A job in the project" in step._what.value
    assert "it goes on when this notebook is closed" in step._what.value
    image.builder.value = "kernel"
    step._asked.join(PATIENCE)
    assert "This notebook&#x27;s kernel" in step._what.value
    image.builder.value = ""
    step.start()
    step._job.join(PATIENCE)
    assert flow.build.builder == "job"
    step.cancel()
    step.join(PATIENCE)
    assert "builder" not in image.renderings()["Python"]
