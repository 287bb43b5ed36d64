"""What a build in a Job leaves in the project: restricted, owned, found again, and gone when it is cancelled.

No pod need run for it; whole builds are in `tests/integration/test_job_builder.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from odh_oci_widgets.builders import Build, BuildStatus, plan_image
from odh_oci_widgets.builders.job import JobBuilder
from odh_oci_widgets.cluster import NotAllowed, Project
from odh_oci_widgets.oci.plan import Plan
from tests.servers.hub import Hub
from tests.servers.kubernetes import User

from .cluster import Cluster, wait_for


@pytest.fixture
def plan(hub: Hub, namespace: str) -> Plan:
    hub.add(f"contract/{namespace}", {"config.json": b"{}"})
    return plan_image(f"hf://contract/{namespace}", "registry.test/contract/model:1", base="scratch")


@pytest.fixture
def build(project: Project, plan: Plan, no_pods: None) -> Iterator[Build]:
    made = JobBuilder(project, environ={}).start(plan, secrets={"hf": "hf_tokenOfTheContract"})
    yield made
    made.cancel()


def test_the_job_is_restricted_and_owns_what_it_needs(cluster: Cluster, namespace: str, build: Build) -> None:
    job = cluster.get("jobs", build.id, namespace)
    assert job
    pod = job["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    (container,) = pod["containers"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["limits"]["memory"]
    assert "hf_tokenOfTheContract" not in str(job)
    for plural in ("secrets", "configmaps"):
        found = cluster.get(plural, build.id, namespace)
        assert found, plural
        assert found["metadata"]["ownerReferences"][0]["uid"] == job["metadata"]["uid"]


def test_a_new_kernel_finds_it(project: Project, plan: Plan, build: Build) -> None:
    (found,) = JobBuilder(project, environ={}).builds()
    assert (found.id, found.plan.image) == (build.id, plan.image)
    assert found.status in {BuildStatus.PENDING, BuildStatus.RUNNING}


@pytest.mark.needs("controllers")
def test_cancelling_leaves_nothing(cluster: Cluster, namespace: str, build: Build) -> None:
    build.cancel()

    def left() -> list[str]:
        return [
            f"{plural}/{one['metadata']['name']}"
            for plural in ("jobs", "pods", "secrets", "configmaps")
            for one in cluster.find(plural, namespace)
            if build.id in one["metadata"]["name"]
        ]

    wait_for(lambda: not left(), 90, "the end of what the build made")


def test_who_may_not_build_there_is_told_the_command(
    cluster: Cluster, as_viewer: Project, viewer: User, namespace: str, plan: Plan
) -> None:
    builder = JobBuilder(as_viewer, environ={})
    for act in (builder.check, lambda: builder.start(plan)):
        with pytest.raises(NotAllowed) as caught:
            act()
        assert cluster.repair(viewer, namespace) in caught.value.hint
