"""What the code relies on of rights, logins and ways in."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
import urllib3
from kubernetes import client, dynamic
from kubernetes.config.incluster_config import InClusterConfigLoader

from tests.servers.kubernetes import User
from tests.servers.kubernetes.raw import Raw

from .cluster import Cluster, wait_for
from .talking import connect, refused


class TestRights:
    def may(
        self, api: Cluster, user: User, namespace: str, verb: str, resource: str, group: str = ""
    ) -> bool:
        plural, _, sub = resource.partition("/")
        spec = {"verb": verb, "group": group, "resource": plural, "subresource": sub, "namespace": namespace}
        review = {"spec": {"resourceAttributes": spec}}
        made = connect(api, user, namespace)
        return bool(client.AuthorizationV1Api(made).create_self_subject_access_review(review).status.allowed)

    @pytest.mark.needs("kserve")
    def test_roles(self, cluster: Cluster, namespace: str) -> None:
        people = {
            role: cluster.user(f"{role}-{namespace}", **{role: namespace})
            for role in ("admin", "edit", "view")
        }
        people["nothing"] = cluster.user(f"nothing-{namespace}")
        serving, rbac, build = "serving.kserve.io", "rbac.authorization.k8s.io", "build.openshift.io"
        expected = {
            ("create", "inferenceservices", serving): "admin edit",
            ("get", "inferenceservices", serving): "admin edit view",
            ("patch", "inferenceservices/status", serving): "",
            ("create", "secrets", ""): "admin edit",
            ("list", "secrets", ""): "admin edit",
            ("get", "pods/log", ""): "admin edit view",
            ("list", "events", ""): "admin edit view",
            ("create", "roles", rbac): "admin",
            ("create", "rolebindings", rbac): "admin",
            ("create", "serviceaccounts/token", ""): "admin edit",
            ("create", "resourcequotas", ""): "",
            ("list", "nodes", ""): "",
        }
        if cluster.has("builds"):
            expected["create", "buildconfigs/instantiate", build] = "admin edit"
        found = {
            what: " ".join(name for name, user in people.items() if self.may(cluster, user, namespace, *what))
            for what in expected
        }
        assert found == expected

    def test_refusals(self, cluster: Cluster, core: client.CoreV1Api, editor: User, namespace: str) -> None:
        assert refused(core.list_namespaced_secret, "kube-system") == (
            403,
            (
                f'secrets is forbidden: User "{editor.name}" cannot list resource "secrets" in API group "" in the '
                'namespace "kube-system"'
            ),
        )
        assert refused(core.list_node) == (
            403,
            (
                f'nodes is forbidden: User "{editor.name}" cannot list resource "nodes" in API group "" at the cluster '
                "scope"
            ),
        )

    def test_who_am_i(self, cluster: Cluster, namespace: str) -> None:
        account = cluster.service_account(namespace, "workbench")
        made = client.AuthenticationV1Api(connect(cluster, account, namespace))
        info = made.create_self_subject_review({}).status.user_info
        assert info.username == f"system:serviceaccount:{namespace}:workbench"
        assert f"system:serviceaccounts:{namespace}" in info.groups

    def test_tokens(self, cluster: Cluster, core: client.CoreV1Api, namespace: str) -> None:
        request = {"spec": {"expirationSeconds": 600}}
        made = core.create_namespaced_service_account_token("default", namespace, request)

        def whose(token: str) -> str:
            reader = client.AuthenticationV1Api(connect(cluster, User("", token=token), namespace))
            return str(reader.create_self_subject_review({}).status.user_info.username)

        assert whose(made.status.token) == f"system:serviceaccount:{namespace}:default"
        if not cluster.has("controllers"):
            return
        secret = {
            "metadata": {"name": "t", "annotations": {"kubernetes.io/service-account.name": "default"}},
            "type": "kubernetes.io/service-account-token",
        }
        core.create_namespaced_secret(namespace, secret)
        data = wait_for(lambda: core.read_namespaced_secret("t", namespace).data)
        assert whose(base64.b64decode(data["token"]).decode()) == f"system:serviceaccount:{namespace}:default"

    @pytest.mark.needs("kserve")
    def test_nobody_grants_more_than_they_hold(self, cluster: Cluster, namespace: str) -> None:
        boss = cluster.user(f"boss-{namespace}", admin=namespace)
        rbac = client.RbacAuthorizationV1Api(connect(cluster, boss, namespace))
        fine = {"apiGroups": ["serving.kserve.io"], "resources": ["inferenceservices"], "verbs": ["get"],
                "resourceNames": ["m1"]}  # fmt: skip
        rbac.create_namespaced_role(namespace, {"metadata": {"name": "fine"}, "rules": [fine]})
        more = {"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}
        code, message = refused(
            rbac.create_namespaced_role, namespace, {"metadata": {"name": "more"}, "rules": [more]}
        )
        assert code == 403
        assert "is attempting to grant RBAC permissions not currently held:\n" in message
        assert message.endswith('{APIGroups:[""], Resources:["nodes"], Verbs:["list"]}')


class TestWaysIn:
    def test_from_within_a_pod(self, cluster: Cluster, namespace: str, tmp_path: Path) -> None:
        if cluster.authority is None:
            pytest.skip("this cluster has no certificate authority of its own")
        account = cluster.service_account(namespace, "workbench", view=namespace)
        environment, folder = cluster.in_cluster(account, tmp_path / "account")
        made = client.Configuration()
        loader = InClusterConfigLoader(str(folder / "token"), str(folder / "ca.crt"), environ=environment)
        loader.load_and_set(made)
        core = client.CoreV1Api(client.ApiClient(made))
        assert core.list_namespaced_pod((folder / "namespace").read_text()).items == []

    def test_the_certificate_is_checked(self, cluster: Cluster) -> None:
        if cluster.authority is None:
            pytest.skip("this cluster has no certificate authority of its own")
        with pytest.raises(urllib3.exceptions.SSLError):
            urllib3.PoolManager(retries=False).request("GET", f"{cluster.url}/version")

    @pytest.mark.needs("kserve")
    def test_discovery(self, connection: client.ApiClient) -> None:
        assert client.VersionApi(connection).get_code().git_version.startswith("v1.")
        groups = {group.name for group in client.ApisApi(connection).get_api_versions().groups}
        assert {"apps", "batch", "serving.kserve.io"} <= groups
        found = dynamic.DynamicClient(connection).resources.get(
            api_version="serving.kserve.io/v1beta1", kind="InferenceService"
        )
        assert found.name == "inferenceservices"
        assert found.short_names == ["isvc"]


@pytest.mark.needs("openshift")
class TestOpenShift:
    def test_projects_are_ones_own(self, cluster: Cluster, editor: User, raw: Raw, namespace: str) -> None:
        def mine() -> list[str]:
            _, body, _ = raw("GET", "/apis/project.openshift.io/v1/projects")
            return [p["metadata"]["name"] for p in body["items"]]

        wait_for(lambda: mine() == [namespace], what="the list of projects, which is counted now and then")
        if "user.openshift.io" in cluster.groups:  # another server's than the projects
            _, body, _ = raw("GET", "/apis/user.openshift.io/v1/users/~")
            assert body["metadata"]["name"] == editor.name
