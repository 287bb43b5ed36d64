"""Who we are, what the cluster refuses and in which words, what we may do, where images can go."""

from __future__ import annotations

import base64
import json
import threading
from pathlib import Path

import pytest

from odh_oci_widgets.cluster import (
    ClusterError,
    ClusterUntrusted,
    Conflict,
    LoginExpired,
    NoCluster,
    NotAllowed,
    ObjectNotFound,
    Refused,
    connect,
    use,
)
from odh_oci_widgets.cluster.access import check
from odh_oci_widgets.cluster.api import Api
from odh_oci_widgets.cluster.connection import (
    service_account_connection,
    token_connection,
)
from odh_oci_widgets.cluster.destinations import (
    list_destinations,
    store_connection,
)
from odh_oci_widgets.cluster.login import login_from_line
from odh_oci_widgets.cluster.project import Project
from odh_oci_widgets.cluster.resources import CONFIG_MAPS, PODS, SECRETS
from odh_oci_widgets.models import card_of
from odh_oci_widgets.oci import Credential


@pytest.fixture(autouse=True)
def _no_login_of_another_test():
    yield
    use(None)


def config_map(name: str, **data: str):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


class TestConnect:
    def test_the_kubeconfigs_context_says_who_and_where(self, project, namespace, editor):
        assert project.namespace == namespace
        assert project.user == editor.name
        assert project.connection.source == "kubeconfig"


class TestAnswers:
    def test_what_is_not_allowed_and_the_command_that_allows_it(self, cluster, as_nobody, nobody, namespace):
        with pytest.raises(NotAllowed) as caught:
            as_nobody.create(config_map("a"))
        assert f"`nobody-{namespace}` may not create configmaps" in caught.value.message
        assert f"`{cluster.repair(nobody, namespace)}`" in caught.value.hint

    def test_a_service_accounts_command_names_the_account(self, cluster, namespace, tmp_path):
        account = cluster.service_account(namespace, "bench")
        connection = service_account_connection(*cluster.in_cluster(account, tmp_path))
        with pytest.raises(NotAllowed) as caught:
            Project(Api(connection), namespace).list(SECRETS)
        assert f"`{cluster.repair(account, namespace)}`" in caught.value.hint

    def test_not_found_and_not_known(self, project):
        with pytest.raises(ObjectNotFound, match="ConfigMap `nosuch`"):
            project.get(CONFIG_MAPS, "nosuch")
        assert project.find(CONFIG_MAPS, "nosuch") is None

    def test_what_exists_already(self, project):
        project.create(config_map("a"))
        with pytest.raises(Conflict, match="exists already"):
            project.create(config_map("a"))

    def test_a_field_that_another_set(self, project):
        project.create(config_map("a", key="theirs"))
        entry = project.get(CONFIG_MAPS, "a")["metadata"]["managedFields"][0]
        assert entry["manager"] == "odh-oci-widgets"
        project.api.request(
            "PATCH",
            CONFIG_MAPS.path(project.namespace, "a"),
            what="change it as the dashboard",
            body={"data": {"key": "the dashboard's"}},
            query={"fieldManager": "odh-dashboard"},
            content_type="application/merge-patch+json",
        )
        with pytest.raises(Conflict, match="set by `odh-dashboard`") as caught:
            project.apply(config_map("a", key="ours"))
        assert "force" in caught.value.hint
        assert project.apply(config_map("a", key="ours"), force=True)["data"] == {"key": "ours"}

    def test_what_the_cluster_finds_wrong(self, project):
        with pytest.raises(Refused, match="RFC 1123") as caught:
            project.create(config_map("Not A Name"))
        assert caught.value.status == 422

    @pytest.mark.needs("kserve")
    def test_what_a_webhook_finds_wrong(self, project):
        wrong = {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "metadata": {"name": "wrong"},
            "spec": {"predictor": {"minReplicas": "many", "model": {"modelFormat": {"name": "onnx"}}}},
        }
        with pytest.raises(Refused, match=r"minReplicas|cannot unmarshal"):
            project.create(wrong)

    def test_a_certificate_that_is_not_trusted(self, cluster, editor, namespace):
        if cluster.authority is None:
            pytest.skip("this cluster has no certificate authority of its own")
        with pytest.raises(ClusterUntrusted, match="not trusted"):
            Project(Api(token_connection(cluster.url, editor.token)), namespace).list(PODS)
        insecure = token_connection(cluster.url, editor.token, verify=False)
        assert Project(Api(insecure), namespace).list(PODS) == []

    def test_long_lists_come_page_by_page(self, project, monkeypatch):
        monkeypatch.setattr("odh_oci_widgets.cluster.project._PAGE", 3)
        for number in range(7):
            project.create(config_map(f"page-{number}"))
        names = [one["metadata"]["name"] for one in project.list(CONFIG_MAPS)]
        assert [name for name in names if name.startswith("page-")] == [f"page-{n}" for n in range(7)]
        assert {one["kind"] for one in project.list(CONFIG_MAPS)} == {"ConfigMap"}


class Follower:
    """Reads a watch in a thread; `wait_for` blocks until it told enough."""

    def __init__(self, changes) -> None:
        self.told: list[tuple[str, str]] = []
        self.error: ClusterError | None = None
        self._more = threading.Condition()
        self._thread = threading.Thread(target=self._read, args=(changes,), daemon=True)
        self._thread.start()

    def _read(self, changes) -> None:
        try:
            for change in changes:
                with self._more:
                    self.told.append((change.type, change.object["metadata"]["name"]))
                    self._more.notify_all()
        except ClusterError as error:  # at the latest when the namespace goes
            self.error = error

    def wait_for(self, *wanted: tuple[str, str]) -> None:
        with self._more:
            assert self._more.wait_for(lambda: all(one in self.told for one in wanted), timeout=20), (
                self.told,
                self.error,
            )


class TestWatch:
    @pytest.fixture
    def follower(self, project):
        project.create(config_map("before") | {"metadata": {"name": "before", "labels": {"w": "1"}}})
        return Follower(project.watch(CONFIG_MAPS, labels="w=1", timeout=30))

    def labelled(self, name):
        return config_map(name) | {"metadata": {"name": name, "labels": {"w": "1"}}}

    def test_what_is_there_and_what_comes(self, project, follower):
        follower.wait_for(("ADDED", "before"))
        project.create(self.labelled("after"))
        project.patch(CONFIG_MAPS, "after", {"data": {"a": "b"}})
        project.delete(CONFIG_MAPS, "before")
        follower.wait_for(("ADDED", "after"), ("MODIFIED", "after"), ("DELETED", "before"))


class TestCheck:
    def test_an_editor_may_do_everything(self, cluster, project, editor, namespace):
        access = check(project)
        assert access.user == editor.name
        assert access.allowed, access.permissions
        assert access.features.openshift == cluster.has("openshift")
        assert access.features.builds == cluster.has("builds")
        assert access.features.kserve == cluster.has("kserve")
        told = f"may do everything that is needed in the project `{namespace}`"
        assert (told if cluster.has("kserve") else "KServe is not installed") in access.sentence
        json.dumps(access.to_dict())

    def test_the_hardware_profiles_and_their_gpus(self, project, old_gpu):
        found = {profile.name: profile for profile in check(project).features.gpu_profiles}
        assert card_of(found[old_gpu]).compute_capability == 7.5

    def test_a_fresh_workbench_may_do_nothing_and_reads_how_to_change_that(
        self, cluster, namespace, tmp_path, monkeypatch
    ):
        monkeypatch.setenv("NB_PREFIX", f"/notebook/{namespace}/bench")
        account = cluster.service_account(namespace, "bench")
        connection = service_account_connection(*cluster.in_cluster(account, tmp_path))
        access = check(Project(Api(connection), namespace))
        assert not any(one.allowed for one in access.permissions)
        assert access.repair == cluster.repair(account, namespace)
        if cluster.has("kserve"):
            assert access.sentence == (
                f"The service account `bench` of this workbench may not do anything in the project `{namespace}` "
                f"yet. Somebody with admin rights there can allow it: `{access.repair}`"
            )
        cluster.bind(account, "edit", namespace)
        assert check(Project(Api(connection), namespace)).allowed

    @pytest.mark.needs("kserve")
    def test_a_viewer_sees_and_may_not_deploy(self, as_viewer):
        access = check(as_viewer)
        told = {one.action: one for one in access.permissions}
        assert told["see services"].allowed
        assert not told["deploy a model"].allowed
        assert "create inferenceservices" in told["deploy a model"].missing
        assert str(told["deploy a model"]).startswith("✗ deploy a model (may not")


class TestLogin:
    def test_without_oc_the_login_stays_in_memory(self, cluster, editor, namespace, monkeypatch):
        monkeypatch.setenv("PATH", "")
        trust = (
            f"--certificate-authority={cluster.authority}"
            if cluster.authority
            else "--insecure-skip-tls-verify"
        )
        line = f"oc login --token={editor.token} --server={cluster.url} {trust}"
        project = login_from_line(f"{line} --namespace={namespace}")
        assert project.user == editor.name
        assert connect().user == editor.name
        assert connect(namespace="other").namespace == "other"
        assert not (Path.home() / ".kube").exists()

    def test_a_token_that_is_not_known(self, cluster):
        if cluster.authority is None:
            pytest.skip("this cluster has no certificate authority of its own")
        with pytest.raises(LoginExpired):
            login_from_line(
                f"oc login --token=wrong --server={cluster.url} --certificate-authority={cluster.authority}"
            )
        with pytest.raises(NoCluster):
            connect()


class TestDestinations:
    def test_a_pull_only_connection_is_shown_and_not_offered_for_pushing(self, project):
        store_connection(project, "quay", "quay.io/my-org", Credential(username="me", password="p"))
        project.patch(SECRETS, "quay", {"data": {"ACCESS_TYPE": base64.b64encode(b'["Pull"]').decode()}})
        found, _ = list_destinations(project, environ={"HOME": str(Path.home())})
        (one,) = [one for one in found if one.prefix == "quay.io/my-org"]
        assert not one.pushable

    def test_without_rights_there_is_a_note(self, as_nobody):
        _, notes = list_destinations(as_nobody, environ={"HOME": str(Path.home())})
        assert any("connections cannot be read" in note for note in notes)

    def test_a_connection_that_exists_is_not_overwritten(self, project):
        store_connection(project, "quay", "quay.io/a", Credential(username="me", password="p"))
        with pytest.raises(Conflict):
            store_connection(project, "quay", "quay.io/b", Credential(username="me", password="p"))
