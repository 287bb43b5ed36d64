"""The fake API server answers the official client as a real one does: verbs, texts, watches, ownership, rights."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from kubernetes import client, config, watch
from kubernetes.client import ApiException

from tests.servers.kubernetes import KubernetesApi, User, wait_for
from tests.servers.kubernetes.raw import Raw

Object = dict[str, Any]
GROUP = ("serving.kserve.io", "v1beta1")


@pytest.fixture
def admin(kubernetes_api: KubernetesApi) -> User:
    return kubernetes_api.user("root", cluster_admin=True)


def connect(api: KubernetesApi, user: User, namespace: str) -> client.ApiClient:
    made = config.new_client_from_config(str(api.kubeconfig(user, namespace)))
    made.configuration.retries = 0
    return made


@pytest.fixture
def connection(kubernetes_api: KubernetesApi, editor: User, namespace: str) -> Iterator[client.ApiClient]:
    with connect(kubernetes_api, editor, namespace) as made:
        yield made


@pytest.fixture
def core(connection: client.ApiClient) -> client.CoreV1Api:
    return client.CoreV1Api(connection)


@pytest.fixture
def custom(connection: client.ApiClient) -> client.CustomObjectsApi:
    return client.CustomObjectsApi(connection)


@pytest.fixture
def raw(kubernetes_api: KubernetesApi, editor: User) -> Raw:
    return Raw(kubernetes_api.url, kubernetes_api.authority, editor)


def service(name: str = "m1", **predictor: Any) -> Object:
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": name},
        "spec": {
            "predictor": {
                "model": {"modelFormat": {"name": "onnx"}, "runtime": "r", "storageUri": "oci://r.test/m:1"},
                **predictor,
            }
        },
    }


def refused(call: Any, *args: Any, **more: Any) -> tuple[int, str]:
    """Code and message of a refusal."""
    with pytest.raises(ApiException) as caught:
        call(*args, **more)
    body = json.loads(caught.value.body)
    assert body["kind"] == "Status"
    assert body["code"] == caught.value.status
    return caught.value.status, body["message"]


class TestObjects:
    def test_jobs_leave_their_pods_unless_told(
        self, kubernetes_api: KubernetesApi, raw: Raw, namespace: str
    ) -> None:
        path = f"/apis/batch/v1/namespaces/{namespace}/jobs"
        pod = {"containers": [{"name": "c", "image": "busybox"}], "restartPolicy": "Never"}
        for name in ("kept", "gone"):
            code, job, _ = raw(
                "POST", path, {"metadata": {"name": name}, "spec": {"template": {"spec": pod}}}
            )
            assert code == 201
            ref = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": job["metadata"]["uid"]}
            meta = {"name": f"{name}-x", "namespace": namespace, "ownerReferences": [ref]}
            kubernetes_api.put({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": pod})
        _, _, headers = raw("DELETE", f"{path}/kept")
        assert "child pods are preserved by default when jobs are deleted" in headers["Warning"]
        raw("DELETE", f"{path}/gone", {"propagationPolicy": "Background"})
        wait_for(lambda: kubernetes_api.get("pods", "gone-x", namespace) is None)
        kubernetes_api.settle()
        assert kubernetes_api.get("pods", "kept-x", namespace)


class TestLists:
    def test_pages_show_one_moment(
        self, kubernetes_api: KubernetesApi, core: client.CoreV1Api, namespace: str
    ) -> None:
        for n in range(5):
            core.create_namespaced_config_map(
                namespace, {"metadata": {"name": f"c{n}", "labels": {"p": "1"}}}
            )
        first = core.list_namespaced_config_map(namespace, limit=3, label_selector="p=1")
        token = first.metadata._continue
        core.delete_namespaced_config_map("c4", namespace)
        rest = core.list_namespaced_config_map(namespace, limit=3, label_selector="p=1", _continue=token)
        assert [o.metadata.name for o in [*first.items, *rest.items]] == ["c0", "c1", "c2", "c3", "c4"]
        assert rest.metadata.resource_version == first.metadata.resource_version
        kubernetes_api.compact()
        code, message = refused(core.list_namespaced_config_map, namespace, limit=3, _continue=token)
        assert code == 410
        assert message.startswith(
            "The provided continue parameter is too old to display a consistent list result"
        )


class TestWatches:
    def test_a_cut_watch_is_resumed(
        self, kubernetes_api: KubernetesApi, core: client.CoreV1Api, namespace: str
    ) -> None:
        start = core.list_namespaced_config_map(namespace).metadata.resource_version
        for n in range(4):
            core.create_namespaced_config_map(namespace, {"metadata": {"name": f"c{n}"}})
        kubernetes_api.cut(path=f".*/{namespace}/configmaps", after_events=2)
        names: list[str] = []
        at = start
        for _ in range(2):
            try:
                for event in watch.Watch().stream(
                    core.list_namespaced_config_map, namespace, resource_version=at, timeout_seconds=1
                ):
                    names.append(event["object"].metadata.name)
                    at = event["object"].metadata.resource_version
            except (urllib3.exceptions.HTTPError, json.JSONDecodeError):
                pass
        assert names == ["c0", "c1", "c2", "c3"]

    def test_an_old_revision_has_expired(
        self, kubernetes_api: KubernetesApi, core: client.CoreV1Api, raw: Raw, namespace: str
    ) -> None:
        start = core.list_namespaced_config_map(namespace).metadata.resource_version
        kubernetes_api.compact()
        code, line, _ = raw(
            "GET", f"/api/v1/namespaces/{namespace}/configmaps", watch="true", resourceVersion=start
        )
        assert code == 200
        assert line["type"] == "ERROR"
        assert (line["object"]["code"], line["object"]["reason"]) == (410, "Expired")
        assert line["object"]["message"].startswith(f"too old resource version: {start} (")


class TestRights:
    def may(
        self, api: KubernetesApi, user: User, namespace: str, verb: str, resource: str, group: str = ""
    ) -> bool:
        plural, _, sub = resource.partition("/")
        spec = {"verb": verb, "group": group, "resource": plural, "subresource": sub, "namespace": namespace}
        review = {"spec": {"resourceAttributes": spec}}
        made = connect(api, user, namespace)
        return bool(client.AuthorizationV1Api(made).create_self_subject_access_review(review).status.allowed)

    def test_an_expired_token(self, kubernetes_api: KubernetesApi, namespace: str) -> None:
        user = kubernetes_api.user(f"late-{namespace}", edit=namespace)
        core = client.CoreV1Api(connect(kubernetes_api, user, namespace))
        core.list_namespaced_pod(namespace)
        kubernetes_api.expire(user)
        assert refused(core.list_namespaced_pod, namespace) == (401, "Unauthorized")

    def test_without_a_token_one_is_anonymous(self, kubernetes_api: KubernetesApi, namespace: str) -> None:
        code, body, _ = Raw(kubernetes_api.url, kubernetes_api.authority, None)(
            "GET", f"/api/v1/namespaces/{namespace}/pods"
        )
        assert code == 403
        assert body["message"].startswith(
            'pods is forbidden: User "system:anonymous" cannot list resource "pods"'
        )

    def test_templates_are_readable_by_grant_only(
        self, tmp_path: Path, custom: client.CustomObjectsApi
    ) -> None:
        assert custom.list_namespaced_custom_object(
            "template.openshift.io", "v1", "opendatahub", "templates"
        )["items"]
        api = KubernetesApi(tmp_path, templates_readable=False)
        try:
            user = api.user("alice", edit="demo")
            other = client.CustomObjectsApi(connect(api, user, "demo"))
            code, message = refused(
                other.list_namespaced_custom_object, "template.openshift.io", "v1", "opendatahub", "templates"
            )
            assert code == 403
            assert message == (
                'templates.template.openshift.io is forbidden: User "alice" cannot list resource "templates" in API '
                'group "template.openshift.io" in the namespace "opendatahub"'
            )
        finally:
            api.stop()


class TestOpenShift:
    def test_a_new_project_has_its_requester_as_admin(
        self, kubernetes_api: KubernetesApi, editor: User, raw: Raw, namespace: str
    ) -> None:
        name = f"{namespace}-new"
        request = {
            "apiVersion": "project.openshift.io/v1",
            "kind": "ProjectRequest",
            "metadata": {"name": name},
            "displayName": "New",
        }
        code, _, _ = raw("POST", "/apis/project.openshift.io/v1/projectrequests", request)
        assert code == 201
        wait_for(lambda: kubernetes_api.get("serviceaccounts", "builder", name))
        code, _, _ = raw("GET", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{name}/rolebindings")
        assert code == 200

    def test_a_plain_kubernetes_has_none_of_it(self, tmp_path: Path) -> None:
        api = KubernetesApi(tmp_path, openshift=False, odh=False, kserve=False, tls=False)
        try:
            user = api.user("alice", edit="demo")
            made = connect(api, user, "demo")
            groups = {group.name for group in client.ApisApi(made).get_api_versions().groups}
            assert not any("openshift" in group or "kserve" in group for group in groups)
            code, body, _ = Raw(api.url, api.authority, api.user("root", cluster_admin=True))(
                "GET", "/apis/route.openshift.io/v1/routes"
            )
            assert (code, body) == (404, "404 page not found\n")
        finally:
            api.stop()


class TestLogs:
    @pytest.fixture
    def pod(self, kubernetes_api: KubernetesApi, namespace: str) -> str:
        containers = [{"name": "model", "image": "m"}, {"name": "side", "image": "s"}]
        same = {"image": "m", "imageID": "", "ready": False, "restartCount": 0}
        waiting = {"waiting": {"reason": "ContainerCreating"}}
        statuses = [
            {"name": "model", "state": {"running": {}}, **same},
            {"name": "side", "state": waiting, **same},
        ]
        kubernetes_api.put({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": namespace},
            "spec": {"containers": containers, "nodeName": "local-1"},
            "status": {"phase": "Running", "containerStatuses": statuses},
        })  # fmt: skip
        return "p"

    def test_lines(
        self, kubernetes_api: KubernetesApi, core: client.CoreV1Api, namespace: str, pod: str
    ) -> None:
        kubernetes_api.logs(namespace, pod, "model", "one", "two", "three")
        read = core.read_namespaced_pod_log

        def lines(**more: Any) -> bytes:
            # clients differ in how they decode a log: the bytes are what counts
            return bytes(read(pod, namespace, container="model", _preload_content=False, **more).data)

        assert lines() == b"one\ntwo\nthree\n"
        assert lines(tail_lines=1) == b"three\n"
        code, message = refused(read, pod, namespace)
        assert code == 400
        assert message == "a container name must be specified for pod p, choose one of: [model side]"
        code, message = refused(read, pod, namespace, container="side")
        assert (code, message) == (400, 'container "side" in pod "p" is waiting to start: ContainerCreating')
        code, message = refused(read, pod, namespace, container="model", previous=True)
        assert (code, message) == (400, 'previous terminated container "model" in pod "p" not found')

    def test_following_ends_with_the_pod(
        self, kubernetes_api: KubernetesApi, core: client.CoreV1Api, namespace: str, pod: str
    ) -> None:
        kubernetes_api.logs(namespace, pod, "model", "early")
        answer = core.read_namespaced_pod_log(
            pod, namespace, container="model", follow=True, _preload_content=False
        )
        got: list[bytes] = []
        reader = threading.Thread(target=lambda: got.extend(answer.stream()))
        reader.start()
        wait_for(lambda: b"".join(got) == b"early\n")
        kubernetes_api.logs(namespace, pod, "model", "late")
        wait_for(lambda: b"".join(got) == b"early\nlate\n")
        core.delete_namespaced_pod(pod, namespace)
        reader.join(10)
        assert not reader.is_alive()


class TestTrouble:
    def test_scripted_answers(
        self, kubernetes_api: KubernetesApi, core: client.CoreV1Api, raw: Raw, namespace: str
    ) -> None:
        path = f"/api/v1/namespaces/{namespace}/pods"
        kubernetes_api.fail(503, path=path, times=2)
        assert refused(core.list_namespaced_pod, namespace)[0] == 503
        assert refused(core.list_namespaced_pod, namespace)[0] == 503
        assert core.list_namespaced_pod(namespace).items == []
        kubernetes_api.fail(429, method="GET", path=path, retry_after=1)
        code, body, headers = raw("GET", path)
        assert (code, headers["Retry-After"], body["reason"]) == (429, "1", "TooManyRequests")
        kubernetes_api.cut(path=path)
        with pytest.raises(urllib3.exceptions.HTTPError):
            raw("GET", path)

    def test_requests_are_recorded_without_secrets(
        self, kubernetes_api: KubernetesApi, core: client.CoreV1Api, editor: User, namespace: str
    ) -> None:
        with kubernetes_api.recorded() as requests:
            core.create_namespaced_secret(namespace, {"metadata": {"name": "s"}, "stringData": {"a": "hush"}})
        made = next(r for r in requests if r.user == editor.name)
        assert (made.method, made.path, made.status) == (
            "POST",
            f"/api/v1/namespaces/{namespace}/secrets",
            201,
        )
        assert "hush" not in repr(requests)
        assert editor.token not in repr(requests) + repr(editor)
