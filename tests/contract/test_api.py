"""What the code relies on, as the official client sees it: verbs, texts, watches, ownership, rights."""

from __future__ import annotations

import base64
import json
import threading
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from kubernetes import client, config, dynamic, watch
from kubernetes.client import ApiException
from kubernetes.config.incluster_config import InClusterConfigLoader

from tests.servers.kubernetes import User

from .cluster import ISVC, PLATFORM, Cluster, wait_for

Object = dict[str, Any]
GROUP = ("serving.kserve.io", "v1beta1")


def connect(api: Cluster, user: User, namespace: str) -> client.ApiClient:
    made = config.new_client_from_config(str(api.kubeconfig(user, namespace)))
    made.configuration.retries = 0
    return made


@pytest.fixture
def connection(cluster: Cluster, editor: User, namespace: str) -> Iterator[client.ApiClient]:
    with connect(cluster, editor, namespace) as made:
        yield made


@pytest.fixture
def core(connection: client.ApiClient) -> client.CoreV1Api:
    return client.CoreV1Api(connection)


@pytest.fixture
def custom(cluster: Cluster, connection: client.ApiClient) -> client.CustomObjectsApi:
    cluster.need("kserve")
    return client.CustomObjectsApi(connection)


class Raw:
    """Requests as they are, for what the client's own methods hide."""

    def __init__(self, api: Cluster, user: User | None) -> None:
        self.url = api.url
        trust = {"ca_certs": str(api.authority)} if api.authority else {"cert_reqs": "CERT_NONE"}
        self._pool = urllib3.PoolManager(retries=False, **trust)
        self._token = user.token if user else None

    def __call__(
        self, method: str, path: str, body: Any = None, *, kind: str = "application/json", **query: Any
    ) -> tuple[int, Any, Any]:
        headers = {"Content-Type": kind}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        where = self.url + path + ("?" + urllib.parse.urlencode(query) if query else "")
        data = json.dumps(body) if body is not None else None
        answer = self._pool.request(method, where, body=data, headers=headers, timeout=10)
        text = answer.data.decode()
        return (
            answer.status,
            (json.loads(text) if text.count("\n") == 1 and text[0] == "{" else text),
            answer.headers,
        )


@pytest.fixture
def raw(cluster: Cluster, editor: User) -> Raw:
    return Raw(cluster, editor)


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
    def test_metadata_is_the_servers(self, core: client.CoreV1Api, namespace: str) -> None:
        made = core.create_namespaced_secret(
            namespace, {"metadata": {"generateName": "s-"}, "stringData": {"a": "b"}}
        )
        meta = made.metadata
        assert meta.name.startswith("s-")
        assert len(meta.name) == 7
        assert meta.uid
        assert meta.creation_timestamp
        assert int(meta.resource_version) > 0
        assert meta.managed_fields[0].operation == "Update"
        assert made.type == "Opaque"
        assert made.data == {"a": base64.b64encode(b"b").decode()}

    def test_generation_counts_changes_of_the_spec_only(
        self, custom: client.CustomObjectsApi, namespace: str
    ) -> None:
        where = (*GROUP, namespace, "inferenceservices")
        made = custom.create_namespaced_custom_object(*where, service())
        assert made["metadata"]["generation"] == 1
        labelled = custom.patch_namespaced_custom_object(*where, "m1", {"metadata": {"labels": {"a": "b"}}})
        assert labelled["metadata"]["generation"] == 1
        changed = custom.patch_namespaced_custom_object(
            *where, "m1", {"spec": {"predictor": {"minReplicas": 2}}}
        )
        assert changed["metadata"]["generation"] == 2
        again = custom.patch_namespaced_custom_object(
            *where, "m1", {"spec": {"predictor": {"minReplicas": 2}}}
        )
        assert again["metadata"]["resourceVersion"] == changed["metadata"]["resourceVersion"]

    def test_the_status_is_its_subresources(
        self, cluster: Cluster, custom: client.CustomObjectsApi, namespace: str
    ) -> None:
        where = (*GROUP, namespace, "inferenceservices")
        made = custom.create_namespaced_custom_object(*where, {**service(), "status": {"url": "http://mine"}})
        assert "status" not in made
        cluster.put({**service(), "metadata": {"name": "m1", "namespace": namespace},
                     "status": {"url": "http://theirs.test"}})  # fmt: skip
        kept = custom.patch_namespaced_custom_object(*where, "m1", {"status": {"url": "http://mine.test"}})
        assert kept["status"].get("url") != "http://mine.test"
        code, message = refused(custom.patch_namespaced_custom_object_status, *where, "m1", {"status": {}})
        assert code == 403
        assert 'cannot patch resource "inferenceservices/status"' in message

    def test_texts_of_the_usual_refusals(self, core: client.CoreV1Api, namespace: str) -> None:
        body = {"metadata": {"name": "c"}, "data": {"a": "1"}}
        made = core.create_namespaced_config_map(namespace, body)
        assert refused(core.create_namespaced_config_map, namespace, body) == (
            409,
            'configmaps "c" already exists',
        )
        assert refused(core.read_namespaced_config_map, "d", namespace) == (404, 'configmaps "d" not found')
        stale = {**body, "metadata": {"name": "c", "resourceVersion": "1"}}
        assert refused(core.replace_namespaced_config_map, "c", namespace, stale) == (
            409,
            (
                'Operation cannot be fulfilled on configmaps "c": the object has been modified; please apply your changes '
                "to the latest version and try again"
            ),
        )
        code, message = refused(
            core.create_namespaced_config_map, namespace, {"metadata": {"name": "Big_Name"}}
        )
        assert code == 422
        assert message.startswith(
            'ConfigMap "Big_Name" is invalid: metadata.name: Invalid value: "Big_Name": a lowercase RFC 1123 subdomain'
        )
        long = {"metadata": {"name": "l", "labels": {"a": "x" * 64}}}
        code, message = refused(core.create_namespaced_config_map, namespace, long)
        shown = f'metadata.labels: Invalid value: "{"x" * 64}": must be no more than 63 bytes'
        assert (code, message) == (422, f'ConfigMap "l" is invalid: {shown}')
        assert (
            made.metadata.resource_version
            == core.read_namespaced_config_map("c", namespace).metadata.resource_version
        )

    def test_a_pull_secret_must_hold_a_docker_config(self, core: client.CoreV1Api, namespace: str) -> None:
        kind = "kubernetes.io/dockerconfigjson"
        code, message = refused(
            core.create_namespaced_secret, namespace, {"metadata": {"name": "s"}, "type": kind}
        )
        assert (code, message) == (422, 'Secret "s" is invalid: data[.dockerconfigjson]: Required value')

    def test_dry_run_leaves_nothing(self, custom: client.CustomObjectsApi, namespace: str) -> None:
        where = (*GROUP, namespace, "inferenceservices")
        answer = custom.create_namespaced_custom_object(*where, service(), dry_run="All")
        assert answer["metadata"]["uid"]
        assert custom.list_namespaced_custom_object(*where)["items"] == []

    @pytest.mark.needs("controllers")
    def test_owners_take_their_dependents_along(
        self, cluster: Cluster, core: client.CoreV1Api, namespace: str
    ) -> None:
        owner = core.create_namespaced_config_map(namespace, {"metadata": {"name": "owner"}})
        ref = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.metadata.uid}
        core.create_namespaced_secret(namespace, {"metadata": {"name": "mine", "ownerReferences": [ref]}})
        lost = {**ref, "uid": "00000000-0000-0000-0000-000000000000"}
        core.create_namespaced_secret(namespace, {"metadata": {"name": "lost", "ownerReferences": [lost]}})
        wait_for(lambda: cluster.get("secrets", "lost", namespace) is None)
        assert cluster.get("secrets", "mine", namespace)
        core.delete_namespaced_config_map("owner", namespace)
        wait_for(lambda: cluster.get("secrets", "mine", namespace) is None)

    def test_finalizers_hold_a_deletion(self, core: client.CoreV1Api, namespace: str) -> None:
        core.create_namespaced_config_map(namespace, {"metadata": {"name": "f", "finalizers": ["x.test/f"]}})
        core.delete_namespaced_config_map("f", namespace)
        held = core.read_namespaced_config_map("f", namespace)
        assert held.metadata.deletion_timestamp
        core.patch_namespaced_config_map("f", namespace, {"metadata": {"finalizers": None}})
        assert refused(core.read_namespaced_config_map, "f", namespace)[0] == 404

    @pytest.mark.needs("controllers")
    def test_a_deleted_namespace_is_emptied(self, cluster: Cluster, namespace: str) -> None:
        meta = {"name": "c", "namespace": namespace, "finalizers": ["x.test/f"]}
        cluster.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})
        cluster.call("DELETE", f"/api/v1/namespaces/{namespace}")
        maps = f"/api/v1/namespaces/{namespace}/configmaps"
        code, answer = cluster.call("POST", maps, {"metadata": {"name": "d"}})
        assert code == 403
        assert answer["message"] == (
            f'configmaps "d" is forbidden: unable to create new content in namespace {namespace} because it is being '
            "terminated"
        )
        change = {"metadata": {"finalizers": None}}
        assert cluster.call("PATCH", f"{maps}/c", change, "application/merge-patch+json")[0] == 200
        wait_for(lambda: cluster.get("namespaces", namespace, group="") is None, 60)


class TestLists:
    def test_selectors(self, core: client.CoreV1Api, namespace: str) -> None:
        for name, labels in (("a", {"x": "1"}), ("b", {"x": "2", "y": ""}), ("c", {})):
            core.create_namespaced_secret(namespace, {"metadata": {"name": name, "labels": labels}})

        def names(**more: str) -> list[str]:
            found = core.list_namespaced_secret(namespace, **more).items
            return [s.metadata.name for s in found if "dockercfg" not in s.metadata.name]

        assert names(label_selector="x=1") == ["a"]
        assert names(label_selector="x in (1,2),!y") == ["a"]
        assert names(label_selector="x!=1") == ["b", "c"]
        assert names(label_selector="y") == ["b"]
        assert names(field_selector="metadata.name=c") == ["c"]
        assert names(field_selector="type=Opaque") == ["a", "b", "c"]
        code, message = refused(core.list_namespaced_secret, namespace, field_selector="data.a=1")
        assert code == 400
        assert "field label not supported: data.a" in message

    def test_pages_show_one_moment(self, cluster: Cluster, core: client.CoreV1Api, namespace: str) -> None:
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


class TestWatches:
    def test_a_watch_tells_what_happens(self, core: client.CoreV1Api, namespace: str) -> None:
        start = core.list_namespaced_config_map(namespace).metadata.resource_version
        core.create_namespaced_config_map(namespace, {"metadata": {"name": "w", "labels": {"l": "1"}}})
        core.patch_namespaced_config_map("w", namespace, {"data": {"a": "1"}})
        core.patch_namespaced_config_map("w", namespace, {"metadata": {"labels": {"l": "2"}}})
        core.delete_namespaced_config_map("w", namespace)

        def seen(**more: Any) -> list[str]:
            stream = watch.Watch().stream(
                core.list_namespaced_config_map, namespace, resource_version=start, timeout_seconds=1, **more
            )
            return [f"{e['type']} {e['object'].metadata.name}" for e in stream]

        assert seen() == ["ADDED w", "MODIFIED w", "MODIFIED w", "DELETED w"]
        assert seen(label_selector="l=1") == ["ADDED w", "MODIFIED w", "DELETED w"]

    def test_news_arrive_while_waiting(self, core: client.CoreV1Api, namespace: str) -> None:
        start = core.list_namespaced_secret(namespace).metadata.resource_version
        body = {"metadata": {"name": "late"}}
        timer = threading.Timer(0.2, core.create_namespaced_secret, (namespace, body))
        timer.start()
        stream = watch.Watch().stream(
            core.list_namespaced_secret, namespace, resource_version=start, timeout_seconds=20
        )
        began = time.monotonic()
        assert next(stream)["object"].metadata.name == "late"
        assert time.monotonic() - began < 10
        timer.join()

    def test_bookmarks(self, raw: Raw, namespace: str) -> None:
        code, text, _ = raw(
            "GET",
            f"/api/v1/namespaces/{namespace}/configmaps",
            watch="true",
            sendInitialEvents="true",
            allowWatchBookmarks="true",
            resourceVersionMatch="NotOlderThan",
            timeoutSeconds="1",
            labelSelector="none=there",
        )
        assert code == 200
        first = json.loads(text.splitlines()[0])
        assert first["type"] == "BOOKMARK"
        assert first["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


class TestPatches:
    def test_strategic_merge_joins_lists_by_name(self, raw: Raw, namespace: str) -> None:
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
        labels = {"app": "d"}
        containers = [
            {"name": "a", "image": "a:1", "env": [{"name": "X", "value": "1"}]},
            {"name": "b", "image": "b:1"},
        ]
        template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
        body = {
            "metadata": {"name": "d"},
            "spec": {"selector": {"matchLabels": labels}, "template": template},
        }
        assert raw("POST", path, body)[0] == 201
        change = {
            "spec": {
                "template": {"spec": {"containers": [{"name": "a", "env": [{"name": "Y", "value": "2"}]}]}}
            }
        }
        code, made, _ = raw("PATCH", f"{path}/d", change, kind="application/strategic-merge-patch+json")
        assert code == 200
        pod = made["spec"]["template"]["spec"]
        assert [(c["name"], c["image"]) for c in pod["containers"]] == [("a", "a:1"), ("b", "b:1")]
        assert pod["containers"][0]["env"] == [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]
        code, made, _ = raw("PATCH", f"{path}/d", change, kind="application/merge-patch+json")
        assert code == 422
        assert "spec.template.spec.containers[0].image: Required value" in made["message"]

    @pytest.mark.needs("kserve")
    def test_custom_kinds_know_no_strategic_merge(self, raw: Raw, namespace: str) -> None:
        path = f"/apis/serving.kserve.io/v1beta1/namespaces/{namespace}/inferenceservices"
        raw("POST", path, service())
        code, body, _ = raw("PATCH", f"{path}/m1", {}, kind="application/strategic-merge-patch+json")
        assert (code, body["reason"]) == (415, "UnsupportedMediaType")

    def test_json_patch(self, core: client.CoreV1Api, raw: Raw, namespace: str) -> None:
        core.create_namespaced_config_map(namespace, {"metadata": {"name": "j"}, "data": {"a": "1"}})
        path = f"/api/v1/namespaces/{namespace}/configmaps/j"
        steps = [
            {"op": "test", "path": "/data/a", "value": "1"},
            {"op": "add", "path": "/data/b", "value": "2"},
        ]
        code, made, _ = raw("PATCH", path, steps, kind="application/json-patch+json")
        assert (code, made["data"]) == (200, {"a": "1", "b": "2"})
        steps = [{"op": "remove", "path": "/data/none"}]
        code, made, _ = raw("PATCH", path, steps, kind="application/json-patch+json")
        assert code == 422


class TestServerSideApply:
    @pytest.fixture
    def kinds(self, connection: client.ApiClient) -> dynamic.DynamicClient:
        return dynamic.DynamicClient(connection)

    def apply(
        self, kinds: dynamic.DynamicClient, namespace: str, body: Object, manager: str, *, force: bool = False
    ) -> Object:
        resource = kinds.resources.get(api_version=body["apiVersion"], kind=body["kind"])
        name = body["metadata"]["name"]
        made = kinds.server_side_apply(
            resource, body=body, name=name, namespace=namespace, field_manager=manager, force_conflicts=force
        )
        return made.to_dict()

    def config_map(self, **data: str) -> Object:
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data}

    def test_what_is_no_longer_applied_goes(self, kinds: dynamic.DynamicClient, namespace: str) -> None:
        self.apply(kinds, namespace, self.config_map(a="1", b="2"), "me")
        assert self.apply(kinds, namespace, self.config_map(b="2"), "me")["data"] == {"b": "2"}

    @pytest.mark.needs("kserve")
    def test_the_same_again_is_no_change(self, kinds: dynamic.DynamicClient, namespace: str) -> None:
        first = self.apply(kinds, namespace, service(), "me")
        again = self.apply(kinds, namespace, service(), "me")
        assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]

    def test_conflicts_name_the_other_and_the_field(
        self, kinds: dynamic.DynamicClient, namespace: str
    ) -> None:
        self.apply(kinds, namespace, self.config_map(a="1", b="2"), "one")
        with pytest.raises(ApiException) as caught:
            self.apply(kinds, namespace, self.config_map(a="3"), "two")
        body = json.loads(caught.value.body)
        assert (caught.value.status, body["reason"]) == (409, "Conflict")
        assert body["message"] == 'Apply failed with 1 conflict: conflict with "one" using v1: .data.a'
        assert body["details"]["causes"] == [
            {"reason": "FieldManagerConflict", "message": 'conflict with "one" using v1', "field": ".data.a"}
        ]
        with pytest.raises(ApiException) as caught:
            self.apply(kinds, namespace, self.config_map(a="3", b="3"), "two")
        message = json.loads(caught.value.body)["message"]
        assert (
            message == 'Apply failed with 2 conflicts: conflicts with "one" using v1:\n- .data.a\n- .data.b'
        )
        forced = self.apply(kinds, namespace, self.config_map(a="3"), "two", force=True)
        assert forced["data"] == {"a": "3", "b": "2"}
        kept = self.apply(kinds, namespace, self.config_map(b="2"), "one")
        assert kept["data"] == {"a": "3", "b": "2"}

    def test_agreeing_shares_a_field(self, kinds: dynamic.DynamicClient, namespace: str) -> None:
        self.apply(kinds, namespace, self.config_map(a="1"), "one")
        self.apply(kinds, namespace, self.config_map(a="1"), "two")
        assert self.apply(kinds, namespace, self.config_map(), "one")["data"] == {"a": "1"}

    def test_a_plain_update_takes_fields_over(
        self, kinds: dynamic.DynamicClient, core: client.CoreV1Api, namespace: str
    ) -> None:
        self.apply(kinds, namespace, self.config_map(a="1"), "one")
        core.patch_namespaced_config_map("c", namespace, {"data": {"a": "2"}}, field_manager="editor")
        with pytest.raises(ApiException) as caught:
            self.apply(kinds, namespace, self.config_map(a="1"), "one")
        assert 'conflict with "editor" using v1 at 20' in json.loads(caught.value.body)["message"]

    @pytest.mark.needs("kserve")
    def test_items_of_lists_by_name_have_owners(self, kinds: dynamic.DynamicClient, namespace: str) -> None:
        body = service()
        body["spec"]["predictor"]["model"]["env"] = [{"name": "A", "value": "1"}]
        self.apply(kinds, namespace, body, "one")
        other = service()
        other["spec"]["predictor"]["model"]["env"] = [{"name": "B", "value": "2"}]
        made = self.apply(kinds, namespace, other, "two")
        assert made["spec"]["predictor"]["model"]["env"] == [
            {"name": "A", "value": "1"},
            {"name": "B", "value": "2"},
        ]
        body["spec"]["predictor"]["model"].pop("env")
        made = self.apply(kinds, namespace, body, "one")
        assert made["spec"]["predictor"]["model"]["env"] == [{"name": "B", "value": "2"}]

    @pytest.mark.needs("kserve")
    def test_an_undeclared_field_is_refused(self, raw: Raw, namespace: str) -> None:
        body = service()
        body["spec"]["predictor"]["model"]["storageUrl"] = "x"
        path = f"/apis/serving.kserve.io/v1beta1/namespaces/{namespace}/inferenceservices/m1"
        code, answer, _ = raw("PATCH", path, body, kind="application/apply-patch+yaml", fieldManager="me")
        assert code == 500
        assert answer["message"] == (
            f"failed to create typed patch object ({namespace}/m1; serving.kserve.io/v1beta1, Kind=InferenceService): "
            ".spec.predictor.model.storageUrl: field not declared in schema"
        )

    def test_a_field_manager_is_required(self, raw: Raw, namespace: str) -> None:
        path = f"/api/v1/namespaces/{namespace}/configmaps/c"
        code, answer, _ = raw("PATCH", path, self.config_map(a="1"), kind="application/apply-patch+yaml")
        assert code == 422
        assert "fieldManager: Required value: is required for apply patch" in answer["message"]


class TestSchemas:
    @pytest.mark.needs("kserve")
    def test_unknown_fields(self, raw: Raw, namespace: str) -> None:
        path = f"/apis/serving.kserve.io/v1beta1/namespaces/{namespace}/inferenceservices"
        body = service()
        body["spec"]["predictor"]["model"]["storageUrl"] = "x"
        code, answer, _ = raw("POST", path, body, fieldValidation="Strict")
        assert code == 400
        assert answer["message"] == (
            'InferenceService in version "v1beta1" cannot be handled as a InferenceService: strict decoding error: '
            'unknown field "spec.predictor.model.storageUrl"'
        )
        code, answer, headers = raw("POST", path, body)
        assert code == 201
        assert headers["Warning"] == '299 - "unknown field \\"spec.predictor.model.storageUrl\\""'
        assert "storageUrl" not in answer["spec"]["predictor"]["model"]

    @pytest.mark.needs("kserve_webhooks")
    def test_a_wrong_type_is_the_webhooks(self, custom: client.CustomObjectsApi, namespace: str) -> None:
        where = (*GROUP, namespace, "inferenceservices")
        code, message = refused(custom.create_namespaced_custom_object, *where, service(minReplicas="one"))
        assert code == 400
        assert message.startswith(
            'admission webhook "inferenceservice.kserve-webhook-server.defaulter" denied the request: json: cannot '
            "unmarshal string into Go struct field"
        )

    def test_a_wrong_type_elsewhere_is_the_schemas(
        self, custom: client.CustomObjectsApi, namespace: str
    ) -> None:
        body = {
            "apiVersion": "serving.kserve.io/v1alpha1",
            "kind": "ServingRuntime",
            "metadata": {"name": "r"},
            "spec": {"containers": "none"},
        }
        code, message = refused(
            custom.create_namespaced_custom_object, GROUP[0], "v1alpha1", namespace, "servingruntimes", body
        )
        assert code == 422
        assert message.startswith(
            'ServingRuntime.serving.kserve.io "r" is invalid: spec.containers: Invalid value:'
        )
        assert 'spec.containers in body must be of type array: "string"' in message

    def test_core_kinds_are_decoded_strictly_too(self, raw: Raw, namespace: str) -> None:
        path = f"/apis/batch/v1/namespaces/{namespace}/jobs"
        pod = {
            "containers": [{"name": "c", "image": "busybox", "comand": ["true"]}],
            "restartPolicy": "Never",
        }
        body: Object = {"metadata": {"name": "j"}, "spec": {"template": {"spec": pod}}}
        code, answer, _ = raw("POST", path, body, fieldValidation="Strict")
        assert code == 400
        assert answer["message"] == (
            'Job in version "v1" cannot be handled as a Job: strict decoding error: unknown field '
            '"spec.template.spec.containers[0].comand"'
        )
        code, answer, headers = raw("POST", path, body)
        assert code == 201
        assert "spec.template.spec.containers[0].comand" in headers["Warning"]
        assert "comand" not in answer["spec"]["template"]["spec"]["containers"][0]
        body["spec"]["parallelism"] = "two"
        code, answer, _ = raw("POST", path, body)
        assert code == 400
        assert answer["message"] == (
            'Job in version "v1" cannot be handled as a Job: json: cannot unmarshal string into Go struct field '
            "JobSpec.spec.parallelism of type int32"
        )


class TestAdmission:
    @pytest.mark.needs("kserve_webhooks", "odh_webhooks")
    @pytest.mark.parametrize(
        ("name", "code", "text"),
        [
            (
                "1model",
                403,
                'the InferenceService "1model" is invalid: a InferenceService name must consist of',
            ),
            ("m" * 54, 422, "The name exceeds the maximum length of 53 characters (current length: 54)"),
        ],
    )
    def test_names(
        self, custom: client.CustomObjectsApi, namespace: str, name: str, code: int, text: str
    ) -> None:
        where = (*GROUP, namespace, "inferenceservices")
        got, message = refused(custom.create_namespaced_custom_object, *where, service(name))
        assert got == code
        assert text in message

    @pytest.mark.needs("odh_webhooks", "templates")
    def test_the_namespace_of_open_data_hub_is_protected(self, cluster: Cluster) -> None:
        place = next(name for name in PLATFORM if cluster.get("namespaces", name, group=""))
        code, answer = cluster.call("POST", ISVC.format(place) + "?dryRun=All", service())
        assert code == 422
        assert "specified namespace is protected" in answer["message"]

    @pytest.mark.needs("odh_webhooks")
    def test_a_connection_becomes_a_pull_secret(
        self, core: client.CoreV1Api, custom: client.CustomObjectsApi, namespace: str
    ) -> None:
        where = (*GROUP, namespace, "inferenceservices")
        body = service()
        body["metadata"]["annotations"] = {"opendatahub.io/connections": "conn"}
        code, message = refused(custom.create_namespaced_custom_object, *where, body)
        assert code == 403
        assert (
            f'connection "conn" referenced by annotation "opendatahub.io/connections" not found in namespace "{namespace}"'
            in message
        )
        notes = {"opendatahub.io/connection-type-protocol": "oci"}
        core.create_namespaced_secret(namespace, {"metadata": {"name": "conn", "annotations": notes}})
        made = custom.create_namespaced_custom_object(*where, body)
        assert made["spec"]["predictor"]["imagePullSecrets"] == [{"name": "conn"}]
        gone = {"metadata": {"annotations": {"opendatahub.io/connections": None}}}
        made = custom.patch_namespaced_custom_object(*where, "m1", gone)
        assert "imagePullSecrets" not in made["spec"]["predictor"]

    @pytest.mark.needs("odh_webhooks", "gpu_profile")
    def test_hardware_profiles(self, custom: client.CustomObjectsApi, namespace: str) -> None:
        where = (*GROUP, namespace, "inferenceservices")
        body = service()
        body["metadata"]["annotations"] = {
            "opendatahub.io/hardware-profile-name": "nvidia-t4",
        }
        code, message = refused(custom.create_namespaced_custom_object, *where, body)
        assert code == 403
        assert f'hardware profile "nvidia-t4" not found in namespace "{namespace}"' in message
        body["metadata"]["annotations"]["opendatahub.io/hardware-profile-namespace"] = "opendatahub"
        body["spec"]["predictor"]["model"]["resources"] = {"requests": {"cpu": "1"}}
        predictor = custom.create_namespaced_custom_object(*where, body)["spec"]["predictor"]
        assert predictor["model"]["resources"] == {
            "requests": {"cpu": "1", "memory": "4Gi", "nvidia.com/gpu": "1"},
            "limits": {"cpu": "1", "memory": "4Gi", "nvidia.com/gpu": "1"},
        }
        assert predictor["nodeSelector"] == {"nvidia.com/gpu.product": "Tesla-T4"}

    @pytest.mark.needs("kserve", "controllers")
    def test_quota(self, cluster: Cluster, custom: client.CustomObjectsApi, namespace: str) -> None:
        count = "count/inferenceservices.serving.kserve.io"
        meta = {"name": "q", "namespace": namespace}
        quota = {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": meta,
            "spec": {"hard": {count: "1"}},
        }
        cluster.put(quota)

        def used() -> Any:
            return ((cluster.get("resourcequotas", "q", namespace) or {}).get("status") or {}).get("used")

        wait_for(lambda: used() == {count: "0"}, 60, "the quota's first count")
        where = (*GROUP, namespace, "inferenceservices")
        custom.create_namespaced_custom_object(*where, service("m1"))
        assert refused(custom.create_namespaced_custom_object, *where, service("m2")) == (
            403,
            (
                'inferenceservices.serving.kserve.io "m2" is forbidden: exceeded quota: q, '
                f"requested: {count}=1, used: {count}=1, limited: {count}=1"
            ),
        )
        wait_for(lambda: used() == {count: "1"}, 60)

    @pytest.mark.needs("openshift", "controllers")
    def test_pods_take_the_accounts_secrets_only_without_their_own(
        self, cluster: Cluster, core: client.CoreV1Api, namespace: str
    ) -> None:
        account = cluster.get("serviceaccounts", "default", namespace)
        assert account
        spec = {"containers": [{"name": "c", "image": "x"}]}
        made = core.create_namespaced_pod(namespace, {"metadata": {"name": "p1"}, "spec": spec})
        assert [s.name for s in made.spec.image_pull_secrets] == [
            s["name"] for s in account["imagePullSecrets"]
        ]
        spec = {**spec, "imagePullSecrets": [{"name": "mine"}]}
        made = core.create_namespaced_pod(namespace, {"metadata": {"name": "p2"}, "spec": spec})
        assert [s.name for s in made.spec.image_pull_secrets] == ["mine"]


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
            ("list", "clusterservingruntimes", serving): "",
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
        account = cluster.service_account(namespace, "workbench", view=namespace)
        environment, folder = cluster.in_cluster(account, tmp_path / "account")
        made = client.Configuration()
        loader = InClusterConfigLoader(str(folder / "token"), str(folder / "ca.crt"), environ=environment)
        loader.load_and_set(made)
        core = client.CoreV1Api(client.ApiClient(made))
        assert core.list_namespaced_pod((folder / "namespace").read_text()).items == []

    def test_the_certificate_is_checked(self, cluster: Cluster) -> None:
        if not cluster.url.startswith("https:"):
            pytest.skip("this cluster speaks plain HTTP")
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
        _, body, _ = raw("GET", "/apis/project.openshift.io/v1/projects")
        assert [p["metadata"]["name"] for p in body["items"]] == [namespace]
        _, body, _ = raw("GET", "/apis/user.openshift.io/v1/users/~")
        assert body["metadata"]["name"] == editor.name
