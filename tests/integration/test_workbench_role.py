"""The Role of docs/rbac: with it a workbench does everything, without one of its rules the access check says so."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from odh_oci_widgets import serving
from odh_oci_widgets.builders import BuildStatus, plan_image
from odh_oci_widgets.builders.job import JobBuilder
from odh_oci_widgets.builders.openshift import OpenShiftBuilder
from odh_oci_widgets.cluster import NotAllowed, Project
from odh_oci_widgets.cluster.access import check
from odh_oci_widgets.cluster.api import Api
from odh_oci_widgets.cluster.connection import service_account_connection
from odh_oci_widgets.cluster.destinations import list_destinations, store_connection
from odh_oci_widgets.cluster.needs import BUILD_WITH_JOB, BUILD_WITH_OPENSHIFT, actions
from odh_oci_widgets.oci import Cancelled, Credential
from odh_oci_widgets.serving import ServiceState
from odh_oci_widgets.serving.project import service as service_module
from tests.servers.hub import Hub
from tests.servers.kubernetes import KServe, KubernetesApi, Network, Node, User
from tests.servers.kubernetes.builds import BuildRunner
from tests.servers.kubernetes.jobs import JobRunner
from tests.servers.kubernetes.server import Request
from tests.servers.kubernetes.targets import target_of
from tests.servers.registry import Registry
from tests.servers.vllm import VLLM

Rule = dict[str, Any]
ROLE = Path(__file__).resolve().parents[2] / "docs" / "rbac" / "workbench-role.yaml"
RULES: list[Rule] = yaml.safe_load(ROLE.read_text())["rules"]
#: What is tried, and done without where it is not allowed: docs/for-administrators.md says what that costs.
DONE_WITHOUT = {
    "list clusterservingruntimes",
    "list llminferenceservices",
    "list templates",
    "list hardwareprofiles",
    "get pods/proxy",
    "create serviceaccounts/token",
}
#: What OpenShift gives everybody until an administrator takes it away.
EVERYBODYS = {"create builds/docker", "create builds/optimizeddocker"}


def rights(rules: list[Rule]) -> set[str]:
    """`create jobs`, one for each verb on each resource."""
    return {
        f"{verb} {resource}" for rule in rules for resource in rule["resources"] for verb in rule["verbs"]
    }


@pytest.fixture
def account(kubernetes_api: KubernetesApi, namespace: str) -> User:
    """A workbench's service account with exactly the Role."""
    account = kubernetes_api.service_account(namespace, "workbench")
    kubernetes_api.grant(account, namespace, "odh-oci-widgets", copy.deepcopy(RULES))
    return account


@pytest.fixture
def internal_registry(kubernetes_api: KubernetesApi) -> None:
    """As on OpenShift: everybody may read the image streams of the project `openshift`, which tell where it is."""
    kubernetes_api.namespace("openshift")
    meta = {"name": "cli", "namespace": "openshift"}
    where = "image-registry.openshift-image-registry.svc:5000/openshift/cli"
    stream = {"kind": "ImageStream", "apiVersion": "image.openshift.io/v1", "metadata": meta}
    kubernetes_api.put({**stream, "status": {"dockerImageRepository": where}})


@pytest.fixture
def project(
    kubernetes_api: KubernetesApi, account: User, namespace: str, internal_registry: None, tmp_path: Path
) -> Project:
    rule = {"apiGroups": ["image.openshift.io"], "resources": ["imagestreams"], "verbs": ["get", "list"]}
    kubernetes_api.grant(account, "openshift", f"viewer-{namespace}", [rule])
    connection = service_account_connection(*kubernetes_api.in_cluster(account, tmp_path / "account"))
    assert connection
    return Project(Api(connection), namespace)


@pytest.fixture
def running(
    kubernetes_api: KubernetesApi, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[JobRunner, BuildRunner]]:
    """What a cluster does with what is made in it: services answer, Jobs and builds run."""
    monkeypatch.setattr(service_module, "_POLL_SECONDS", 0.05)
    monkeypatch.setenv("SSL_CERT_FILE", str(kubernetes_api.authority))
    jobs = JobRunner(kubernetes_api, namespace, tmp_path / "jobs")
    builds = BuildRunner(kubernetes_api, namespace, tmp_path / "builds")
    with Network(kubernetes_api, tmp_path) as network:
        node = Node(kubernetes_api, network, lambda _, service: VLLM(service["metadata"]["name"]))
        with KServe(kubernetes_api, namespace, node=node, headless=True):
            yield jobs, builds
        node.stop_all()
    jobs.stop()
    builds.stop()


def test_the_role_is_what_the_access_check_asks_for(project: Project) -> None:
    access = check(project)
    assert access.allowed, access.sentence
    wanted = {str(need) for needed in actions(access.features).values() for need in needed}
    assert rights(RULES) == wanted
    assert len(access.permissions) == 7, "this cluster has every action"


def test_what_builders_check_is_part_of_it() -> None:
    assert set(JobBuilder.needs) <= set(BUILD_WITH_JOB)
    assert set(OpenShiftBuilder.needs) <= set(BUILD_WITH_OPENSHIFT)


@pytest.mark.parametrize("number", range(len(RULES)), ids=lambda n: "-".join(RULES[n]["resources"])[:40])
def test_without_one_rule_the_access_check_names_what_lacks(
    project: Project, kubernetes_api: KubernetesApi, account: User, namespace: str, number: int
) -> None:
    left = [rule for at, rule in enumerate(RULES) if at != number]
    kubernetes_api.grant(account, namespace, "odh-oci-widgets", left)
    access = check(project)
    assert not access.allowed
    missing = {one for permission in access.permissions for one in permission.missing}
    assert missing == rights([RULES[number]]) - EVERYBODYS
    assert all(one.repair for one in access.permissions if not one.allowed)


def test_an_apply_that_makes_an_object_needs_create_too(
    kubernetes_api: KubernetesApi, account: User, project: Project, namespace: str
) -> None:
    less = copy.deepcopy(RULES)
    less[0]["verbs"].remove("create")
    kubernetes_api.grant(account, namespace, "odh-oci-widgets", less)
    with pytest.raises(NotAllowed, match="may not create"):
        serving.deploy("quay.example/me/a:1", "a", project=project, format="onnx")


def test_with_the_role_every_action_works(
    project: Project,
    running: tuple[JobRunner, BuildRunner],
    hub: Hub,
    registry: Registry,
    kubernetes_api: KubernetesApi,
    account: User,
    namespace: str,
    tmp_path: Path,
) -> None:
    with kubernetes_api.recorded() as requests:
        _see_and_store(project)
        _deploy_and_call(project)
        _build_with_a_job(project, hub, registry, running[0])
        _build_with_openshift(project, hub, tmp_path, running[1])
    used, refused = set(), set()
    for one in requests:
        target = target_of(Request(one.method, one.path, one.query, {}, b""))
        mine = one.user == account.name and target and target.namespace in ("", namespace)
        if mine and "review" not in target.plural:
            what = f"{target.verb} {target.attributes.full_resource}"
            (refused if one.status == 403 else used).add(what)
    assert refused <= DONE_WITHOUT
    registry_does = {"get imagestreams/layers", "update imagestreams/layers"}  # as whoever pushes
    by_apply = {"create servingruntimes", "create inferenceservices"}  # which needs both rights
    own_pod = {"get pods", "get persistentvolumeclaims"}  # of the workbench: see test_job_builder
    assert rights(RULES) - used <= registry_does | EVERYBODYS | by_apply | own_pod


def _see_and_store(project: Project) -> None:
    places, notes = list_destinations(project)
    assert notes == []
    assert places
    store_connection(project, "quay", "quay.io/my-org", Credential("me", "pass-word-1"))


def _deploy_and_call(project: Project) -> None:
    options: dict[str, Any] = {"project": project, "format": "huggingface", "gpu": 1, "memory": "8Gi"}
    image = "quay.example/me/granite:1"
    login = Credential("me", "pass-word-1")
    service = serving.deploy(image, "granite", pull_secret=login, hardware_profile="nvidia-t4", **options)
    service.wait(60)
    assert service.complete("Hello", max_tokens=3).text == " w0 w1 w2"
    assert service.timeline()
    assert list(service.logs()) is not None
    assert [one.name for one in serving.services(target="project", project=project)] == ["granite"]
    service.stop()
    assert service.state is ServiceState.STOPPED
    service.start()
    service.wait(60)
    service.redeploy("quay.example/me/granite:2")
    service.delete()
    serving.deploy(image, "again", pull_secret="quay", **options).delete()


def _build_with_a_job(project: Project, hub: Hub, registry: Registry, runner: JobRunner) -> None:
    namespace = project.namespace
    hub.add(f"role/{namespace}", {"config.json": b"{}"})
    model, builder = f"hf://role/{namespace}", JobBuilder(project, environ={})
    builder.check()
    options: dict[str, Any] = {"base": "scratch", "insecure": True}
    builder.start(plan_image(model, f"{registry.host}/role/{namespace}:1", **options)).wait(60)
    assert [one.status for one in builder.builds()]
    runner.hold()
    stopped = builder.start(plan_image(model, f"{registry.host}/role/{namespace}:2", **options))
    stopped.cancel()
    with pytest.raises(Cancelled):
        stopped.wait(60)


def _build_with_openshift(project: Project, hub: Hub, tmp_path: Path, runner: BuildRunner) -> None:
    namespace = project.namespace
    folder = tmp_path / "model"
    folder.mkdir()
    shutil.copy(ROLE, folder / "config.json")
    builder = OpenShiftBuilder(project, environ={})
    builder.check()
    internal = f"image-registry.openshift-image-registry.svc:5000/{namespace}/model:1"
    for model, image in ((f"hf://role/{namespace}", internal), (str(folder), "quay.example/me/model:2")):
        build = builder.start(plan_image(model, image))
        build.wait(60)
        assert build.status is BuildStatus.SUCCEEDED
    assert builder.builds()
    runner.hold_at = "Running"
    stopped = builder.start(plan_image(f"hf://role/{namespace}", "quay.example/me/model:3"))
    stopped.cancel()
    with pytest.raises(Cancelled):
        stopped.wait(60)
