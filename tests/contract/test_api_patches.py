"""What the code relies on of patches and server-side apply."""

from __future__ import annotations

import json

import pytest
from kubernetes import client, dynamic
from kubernetes.client import ApiException

from tests.servers.kubernetes.raw import Raw

from .talking import Object, service


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
        first = self.apply(kinds, namespace, self.config_map(a="1"), "me")
        again = self.apply(kinds, namespace, self.config_map(a="1"), "me")
        assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
        # controllers write to a service meanwhile, but not to what we said of it
        first = self.apply(kinds, namespace, service(), "me")
        again = self.apply(kinds, namespace, service(), "me")
        assert again["metadata"]["generation"] == first["metadata"]["generation"]

    def test_conflicts_name_the_other_and_the_field(
        self, kinds: dynamic.DynamicClient, namespace: str
    ) -> None:
        self.apply(kinds, namespace, self.config_map(a="1", b="2"), "one")
        with pytest.raises(ApiException) as caught:
            self.apply(kinds, namespace, self.config_map(a="3"), "two")
        body = json.loads(caught.value.body)
        assert (caught.value.status, body["reason"]) == (409, "Conflict")
        assert body["message"] == 'Apply failed with 1 conflict: conflict with "one": .data.a'
        assert body["details"]["causes"] == [
            {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".data.a"}
        ]
        with pytest.raises(ApiException) as caught:
            self.apply(kinds, namespace, self.config_map(a="3", b="3"), "two")
        message = json.loads(caught.value.body)["message"]
        assert message == 'Apply failed with 2 conflicts: conflicts with "one":\n- .data.a\n- .data.b'
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
        message = json.loads(caught.value.body)["message"]
        assert message == 'Apply failed with 1 conflict: conflict with "editor" using v1: .data.a'

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
