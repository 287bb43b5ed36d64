"""Connecting to a Kubernetes API: who we are, what it refuses, what we may do, and where images can go."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import threading
from pathlib import Path

import pytest

from odh_oci_widgets import cluster, serving
from odh_oci_widgets.cluster import (
    ClusterBusy,
    ClusterUnreachable,
    KindNotFound,
    KubeconfigInvalid,
    LoginExpired,
    NoCluster,
    connect,
)
from odh_oci_widgets.cluster.access import check
from odh_oci_widgets.cluster.api import Api
from odh_oci_widgets.cluster.connection import (
    kubeconfig_connection,
    service_account_connection,
    token_connection,
    workbench_namespace,
)
from odh_oci_widgets.cluster.destinations import (
    DestinationKind,
    credential_for,
    list_destinations,
    store_connection,
)
from odh_oci_widgets.cluster.login import LoginLineInvalid, login_from_line, parse_login_line
from odh_oci_widgets.cluster.project import Project
from odh_oci_widgets.cluster.resources import CONFIG_MAPS, INFERENCE_SERVICES, PODS
from odh_oci_widgets.oci import Credential
from tests.servers.kubernetes.cluster import KubernetesApi
from tests.servers.programs import require


@pytest.fixture(autouse=True)
def _no_login_of_another_test():
    yield
    cluster.use(None)


@pytest.fixture
def project(kubeconfig):
    return connect(kubeconfig=str(kubeconfig))


def config_map(name: str, **data: str):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


class TestConnect:
    def test_without_anything_there_is_no_cluster(self):
        with pytest.raises(NoCluster) as caught:
            connect()
        assert "oc login" in caught.value.hint

    def test_a_kubeconfig_of_the_environment_and_of_the_home(self, kubeconfig, namespace, monkeypatch):
        monkeypatch.setenv("KUBECONFIG", f"/nonexistent{os.pathsep}{kubeconfig}")
        assert connect().namespace == namespace
        monkeypatch.delenv("KUBECONFIG")
        home = Path.home() / ".kube"
        home.mkdir()
        shutil.copy(kubeconfig, home / "config")
        assert connect().namespace == namespace
        assert connect(namespace="other").namespace == "other"

    def test_after_a_logout_the_pods_own_account_counts(self, tmp_path):
        """`oc logout` leaves a file without a context."""
        path = tmp_path / "config"
        path.write_text("apiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\nusers: []\n")
        assert kubeconfig_connection(environ={"KUBECONFIG": str(path)}) is None
        path.write_text("")
        assert kubeconfig_connection(environ={"KUBECONFIG": str(path)}) is None

    @pytest.mark.parametrize("text", ["{", "apiVersion: v1\ncurrent-context: nosuch\ncontexts: []\n", "[]"])
    def test_a_kubeconfig_that_cannot_be_used(self, tmp_path, text):
        path = tmp_path / "config"
        path.write_text(text)
        with pytest.raises(KubeconfigInvalid, match="cannot be used"):
            connect(kubeconfig=str(path))

    def test_a_kubeconfig_or_context_that_is_not_there(self, kubeconfig, tmp_path):
        with pytest.raises(KubeconfigInvalid, match="There is no kubeconfig"):
            connect(kubeconfig=str(tmp_path / "nosuch"))
        with pytest.raises(KubeconfigInvalid, match="no context `nosuch`"):
            connect(kubeconfig=str(kubeconfig), context="nosuch")

    def test_a_pods_token_is_read_again_when_it_rotates(self, kubernetes_api, namespace, tmp_path):
        account = kubernetes_api.service_account(namespace, "notebook", edit=namespace)
        environ, folder = kubernetes_api.in_cluster(account, tmp_path / "account")
        connection = service_account_connection(environ, folder)
        project = Project(Api(connection), connection.namespace)
        assert project.user == f"system:serviceaccount:{namespace}:notebook"
        kubernetes_api.expire(account)
        with pytest.raises(LoginExpired) as caught:
            project.list(PODS)
        assert "Restart the workbench" in caught.value.hint
        kubernetes_api.in_cluster(kubernetes_api.service_account(namespace, "notebook"), folder)
        assert project.list(PODS) == []

    def test_outside_a_pod_there_is_no_service_account(self, tmp_path):
        assert service_account_connection({}, tmp_path) is None
        assert service_account_connection({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, tmp_path) is None

    def test_the_workbench_knows_its_project(self, tmp_path):
        assert workbench_namespace({"NB_PREFIX": "/notebook/alice/bench"}, tmp_path) == "alice"
        (tmp_path / "namespace").write_text("bob\n")
        assert workbench_namespace({"NB_PREFIX": "/notebook/alice/bench"}, tmp_path) == "bob"
        assert workbench_namespace({}, tmp_path / "nosuch") is None

    def test_no_token_in_reprs(self, project, editor):
        assert editor.token not in repr(project) + repr(project.connection) + repr(project.api)


class TestAnswers:
    def test_a_login_that_expired(self, kubernetes_api, project, editor):
        kubernetes_api.expire(editor)
        with pytest.raises(LoginExpired) as caught:
            project.list(PODS)
        assert "oc login" in caught.value.hint
        assert editor.token not in str(caught.value)

    def test_a_busy_cluster_is_asked_again(self, kubernetes_api, project):
        project.create(config_map("a"))
        kubernetes_api.fail(503, method="GET", path=".*/configmaps/a", times=2)
        assert project.get(CONFIG_MAPS, "a")
        kubernetes_api.fail(429, method="POST", path=".*/configmaps", times=1, retry_after=0)
        assert project.create(config_map("b"))
        kubernetes_api.fail(500, method="GET", path=".*/configmaps/a", times=20)
        with pytest.raises(ClusterBusy, match="500"):
            project.get(CONFIG_MAPS, "a")

    def test_a_connection_that_breaks_is_made_again_but_nothing_is_created_twice(
        self, kubernetes_api, project
    ):
        project.create(config_map("a"))
        kubernetes_api.cut(method="GET", path=".*/configmaps/a", times=2)
        assert project.get(CONFIG_MAPS, "a")
        kubernetes_api.cut(method="POST", path=".*/configmaps", times=1)
        with pytest.raises(ClusterUnreachable, match="cut"):
            project.create(config_map("b"))

    def test_a_cluster_that_is_not_there(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"https://127.0.0.1:{free.getsockname()[1]}"
        project = Project(Api(token_connection(address, "t")), "alice")
        with pytest.raises(ClusterUnreachable, match="nothing listens there"):
            project.list(PODS)

    def test_a_name_that_does_not_exist(self):
        project = Project(Api(token_connection("https://api.invalid:6443", "t")), "alice")
        with pytest.raises(ClusterUnreachable, match="name is not known"):
            project.list(PODS)


class Follower:
    """Reads a watch in a thread; `wait_for` blocks until it told enough."""

    def __init__(self, changes) -> None:
        self.told: list[tuple[str, str]] = []
        self._more = threading.Condition()
        self._thread = threading.Thread(target=self._read, args=(changes,), daemon=True)
        self._thread.start()

    def _read(self, changes) -> None:
        for change in changes:
            with self._more:
                self.told.append((change.type, change.object["metadata"]["name"]))
                self._more.notify_all()

    def wait_for(self, *wanted: tuple[str, str]) -> None:
        with self._more:
            assert self._more.wait_for(lambda: all(one in self.told for one in wanted), timeout=20), self.told


class TestWatch:
    @pytest.fixture
    def follower(self, project):
        project.create(config_map("before") | {"metadata": {"name": "before", "labels": {"w": "1"}}})
        return Follower(project.watch(CONFIG_MAPS, labels="w=1", timeout=30))

    def labelled(self, name):
        return config_map(name) | {"metadata": {"name": name, "labels": {"w": "1"}}}

    def test_a_connection_that_breaks_loses_nothing(self, kubernetes_api, project):
        kubernetes_api.cut(method="GET", path=".*/configmaps", times=2, after_events=1)
        project.create(self.labelled("first"))
        follower = Follower(project.watch(CONFIG_MAPS, labels="w=1", timeout=30))
        follower.wait_for(("ADDED", "first"))
        for name in ("second", "third", "fourth"):
            project.create(self.labelled(name))
        follower.wait_for(("ADDED", "second"), ("ADDED", "third"), ("ADDED", "fourth"))
        assert len(follower.told) == len(set(follower.told))

    def test_after_a_break_too_long_the_differences_are_told(self, kubernetes_api, project, follower):
        follower.wait_for(("ADDED", "before"))
        kubernetes_api.fail(
            410,
            method="GET",
            path=".*/configmaps",
            times=1,
            reason="Expired",
            message="too old resource version",
        )
        kubernetes_api.cut(method="GET", path=".*/configmaps", times=1, after_events=0)
        project.create(self.labelled("missed"))
        project.delete(CONFIG_MAPS, "before")
        follower.wait_for(("ADDED", "missed"), ("DELETED", "before"))


class TestCheck:
    def test_a_plain_cluster_without_kserve(self, tmp_path):
        api = KubernetesApi(tmp_path, openshift=False, kserve=False, odh=False)
        try:
            api.namespace("alice")
            project = connect(kubeconfig=str(api.kubeconfig(api.user("al ice", view="alice"), "alice")))
            access = check(project)
            assert serving.services(target="project", project=project) == []
            with pytest.raises(serving.ServingError, match="KServe is not installed"):
                serving.preview("quay.io/a/b:1", "b", format="onnx", project=project)
            admin = connect(kubeconfig=str(api.kubeconfig(api.user("root", cluster_admin=True), "alice")))
            with pytest.raises(KindNotFound):
                admin.list(INFERENCE_SERVICES)
        finally:
            api.stop()
        assert not access.features.openshift
        assert "KServe is not installed" in access.sentence
        assert (
            access.repair
            == "kubectl create rolebinding al-ice-edit --clusterrole=edit --user='al ice' -n alice"
        )


class TestLogin:
    def test_the_consoles_line(self):
        line = parse_login_line(" oc login --token=sha256~abc --server=https://api.example.org:6443 -n alice")
        assert (line.server, line.token, line.namespace) == (
            "https://api.example.org:6443",
            "sha256~abc",
            "alice",
        )
        assert "sha256~abc" not in repr(line)
        assert parse_login_line("oc login https://api:6443 --token sha256~abc").server == "https://api:6443"
        assert parse_login_line(
            "$ oc login --server api:6443 --token='x' --insecure-skip-tls-verify"
        ).insecure

    @pytest.mark.parametrize(
        "line", ["", "oc whoami", "oc login", "oc login --token=secret-token", "oc login 'secret-token"]
    )
    def test_something_else(self, line):
        with pytest.raises(LoginLineInvalid) as caught:
            parse_login_line(line)
        assert "secret-token" not in str(caught.value)

    def test_with_oc_the_terminal_has_it_too(self, kubernetes_api, editor, namespace, tmp_path, monkeypatch):
        (tmp_path / "oc").symlink_to(require("kubectl"))  # the same program, as far as logins go
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        home = Path.home() / ".kube"
        home.mkdir()
        other = kubernetes_api.user("before", view=namespace)
        shutil.copy(kubernetes_api.kubeconfig(other, namespace), home / "config")
        login_from_line(
            f"oc login --token={editor.token} --server={kubernetes_api.url} "
            f"--certificate-authority={kubernetes_api.authority} -n {namespace}"
        )
        cluster.use(None)
        assert connect().user == editor.name
        assert connect().namespace == namespace
        assert (home / "config").stat().st_mode & 0o077 == 0
        assert other.token in (home / "config").read_text(), "earlier logins stay"
        assert "KUBECONFIG" not in os.environ


class TestDestinations:
    def test_a_pull_secret_of_docker_hub_as_docker_writes_it(self, project):
        pair = base64.b64encode(b"me:pass-1").decode()
        config = json.dumps({"auths": {"https://index.docker.io/v1/": {"auth": pair}}})
        project.create(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "hub"},
                "type": "kubernetes.io/dockerconfigjson",
                "stringData": {".dockerconfigjson": config},
            }
        )
        found, _ = list_destinations(project, environ={"HOME": str(Path.home())})
        (hub,) = [one for one in found if one.secret == "hub"]
        assert hub.image("me/granite") == "docker.io/me/granite:1"
        assert credential_for(project, hub) == Credential(username="me", password="pass-1")

    def test_order_internal_registry_connections_auth_files(self, kubernetes_api, project, namespace, editor):
        kubernetes_api.namespace("openshift")
        internal = "image-registry.openshift-image-registry.svc:5000"
        kubernetes_api.put(
            {
                "apiVersion": "image.openshift.io/v1",
                "kind": "ImageStream",
                "metadata": {"name": "cli", "namespace": namespace},
                "status": {"dockerImageRepository": f"{internal}/{namespace}/cli"},
            }
        )
        store_connection(project, "quay", "quay.io/my-org", Credential(username="me", password="pass-1"))
        home = Path.home() / ".docker"
        home.mkdir()
        pair = base64.b64encode(b"me:pass-2").decode()
        auths = {
            "ghcr.io/me": {"auth": pair},
            "quay.io": {"auth": pair},
            "https://index.docker.io/v1/": {"auth": pair},
        }
        (home / "config.json").write_text(json.dumps({"auths": auths}))
        environ = {"HOME": str(Path.home()), "KUBERNETES_SERVICE_HOST": "10.0.0.1"}
        found, notes = list_destinations(project, environ=environ)
        assert notes == []
        assert [(one.kind, one.prefix) for one in found] == [
            (DestinationKind.INTERNAL, f"{internal}/{namespace}"),
            (DestinationKind.CONNECTION, "quay.io/my-org"),
            (DestinationKind.AUTH_FILE, "ghcr.io/me"),
            (DestinationKind.AUTH_FILE, "docker.io"),
        ]
        assert not found[0].pushable, "it is reached from inside the cluster only"
        assert "inside the cluster" in found[0].note
        assert credential_for(project, found[0]).password == editor.token
        assert credential_for(project, found[1]) == Credential(username="me", password="pass-1")
        assert credential_for(project, found[2]) is None
        assert found[1].image("granite", "2") == "quay.io/my-org/granite:2"
