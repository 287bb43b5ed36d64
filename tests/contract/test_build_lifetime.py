"""How long the objects of an OpenShift build stay is said by a Job that owns them: one without a pod."""

from __future__ import annotations

import pytest

from odh_oci_widgets.builders.marks import metadata
from odh_oci_widgets.builders.openshift import OpenShiftSettings
from odh_oci_widgets.builders.openshift.manifests import lifetime
from odh_oci_widgets.cluster import Project
from odh_oci_widgets.oci import PlanFile, Source, make_plan

from .cluster import Cluster, wait_for

PLAN = make_plan(
    [PlanFile(path="models/a", size=1, source=Source(url="https://web.test/a"))], "registry.test/a/b:1"
)


@pytest.mark.needs("controllers")
def test_it_goes_after_its_time_with_what_it_owns(cluster: Cluster, project: Project, namespace: str) -> None:
    job = project.create(lifetime(PLAN, "odh-oci-build-time", OpenShiftSettings(deadline=1, keep=1)))
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(PLAN, "odh-oci-build-time", job)}
    project.create(config)
    lasting = project.create(lifetime(PLAN, "odh-oci-build-more", OpenShiftSettings()))

    def done(name: str) -> bool:
        status = (cluster.get("jobs", name, namespace) or {}).get("status") or {}
        return any(one["type"] == "Complete" for one in status.get("conditions") or ())

    wait_for(lambda: done(lasting["metadata"]["name"]), 30, "the end of a Job of which nothing is wanted")
    assert not cluster.find("pods", namespace)
    for plural in ("jobs", "configmaps"):
        wait_for(
            lambda plural=plural: cluster.get(plural, "odh-oci-build-time", namespace) is None, 60, plural
        )
    assert cluster.get("jobs", "odh-oci-build-more", namespace)
