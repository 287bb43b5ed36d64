"""What a build of OpenShift leaves in the project: taken by the API, found again, and gone when it is cancelled.

No pod need run for it; whole builds are in `tests/integration/test_openshift_builder.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

import pytest

from odh_oci_widgets.builders import BuildConflict, BuildStatus, plan_image
from odh_oci_widgets.builders.openshift import OpenShiftBuild, OpenShiftBuilder
from odh_oci_widgets.cluster import NotAllowed, Project
from odh_oci_widgets.oci import Credential, Credentials
from odh_oci_widgets.oci.plan import Plan
from tests import openshift_schemas
from tests.servers.hub import Hub
from tests.servers.kubernetes import Builds, KubernetesApi

from .cluster import Cluster, wait_for

BUILDS = "build.openshift.io"
TOKEN, PASSWORD = "hf_tokenOfTheContract", "pass-0xCONTRACT"
CREDENTIALS = Credentials({"registry.test": Credential("me", PASSWORD)}, environ={})

pytestmark = pytest.mark.needs("builds", "build_account")


@pytest.fixture(autouse=True)
def _builds(_own_server: KubernetesApi | None) -> Iterator[None]:
    """Somebody answers `instantiate`; the build waits, and can be cancelled."""
    player: AbstractContextManager[object] = nullcontext()
    if _own_server is not None:
        player = Builds(_own_server, situation="build-missing-push-secret")
    with player:
        yield


@pytest.fixture
def plan(hub: Hub, namespace: str) -> Plan:
    hub.add(f"contract/{namespace}", {"config.json": b"{}"})
    return plan_image(f"hf://contract/{namespace}", "registry.test/contract/model:1", base="quay.test/base:1")


@pytest.fixture
def build(project: Project, plan: Plan, no_pods: None) -> Iterator[OpenShiftBuild]:
    builder = OpenShiftBuilder(project, environ={})
    made = builder.start(plan, credentials=CREDENTIALS, secrets={"hf": TOKEN})
    assert isinstance(made, OpenShiftBuild)
    yield made
    made.cancel()


def test_its_objects_are_as_they_were_sent(cluster: Cluster, namespace: str, build: OpenShiftBuild) -> None:
    config = cluster.get("buildconfigs", build.id, namespace)
    assert config
    config["metadata"].pop("managedFields", None)
    config = {name: value for name, value in config.items() if name != "status"}
    # what the server leaves empty it writes as null
    config["spec"] = {name: value for name, value in config["spec"].items() if value is not None}
    assert openshift_schemas.errors(config) == []
    docker = config["spec"]["strategy"]["dockerStrategy"]
    assert docker["imageOptimizationPolicy"] == "SkipLayers"
    assert docker["volumes"][0]["source"]["secret"]["secretName"] == build.id
    assert config["spec"]["output"]["pushSecret"] == {"name": f"{build.id}-push"}
    (one,) = cluster.find("builds", namespace, BUILDS)
    assert one["metadata"]["labels"]["buildconfig"] == build.id
    for text in (str(config), str(one)):
        assert TOKEN not in text
        assert PASSWORD not in text


def test_it_is_found_again_and_a_second_one_is_told(
    project: Project, plan: Plan, build: OpenShiftBuild
) -> None:
    builder = OpenShiftBuilder(project, environ={})
    (found,) = builder.builds()
    assert (found.id, found.plan.image) == (build.id, plan.image)
    assert found.status in {BuildStatus.PENDING, BuildStatus.RUNNING}
    with pytest.raises(BuildConflict, match=build.id):
        builder.start(plan)


@pytest.mark.needs("controllers")
def test_cancelling_leaves_nothing(cluster: Cluster, namespace: str, build: OpenShiftBuild) -> None:
    build.cancel()

    def left() -> list[str]:
        kinds = {"jobs": "batch", "buildconfigs": BUILDS, "builds": BUILDS, "secrets": "", "configmaps": ""}
        return [
            f"{plural}/{one['metadata']['name']}"
            for plural, group in kinds.items()
            for one in cluster.find(plural, namespace, group)
            if build.id in one["metadata"]["name"]
        ]

    wait_for(lambda: not left(), 90, "the end of what the build made")


def test_who_may_not_build_there_is_told(as_viewer: Project, plan: Plan) -> None:
    builder = OpenShiftBuilder(as_viewer, environ={})
    for act in (builder.check, lambda: builder.start(plan)):
        with pytest.raises(NotAllowed):
            act()
