"""What the code relies on of objects, as the official client sees them: metadata, refusals, ownership, lists."""

from __future__ import annotations

import base64

import pytest
from kubernetes import client

from .cluster import Cluster, wait_for
from .talking import GROUP, refused, service


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
        self, custom: client.CustomObjectsApi, core: client.CoreV1Api, namespace: str
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
        assert again["metadata"]["generation"] == 2
        # the same again is no change; a service's controllers may write meanwhile, so of something without any
        body = {"metadata": {"name": "same"}, "data": {"a": "1"}}
        kept = core.create_namespaced_config_map(namespace, body)
        same = core.patch_namespaced_config_map("same", namespace, {"data": {"a": "1"}})
        assert same.metadata.resource_version == kept.metadata.resource_version

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
        shown = (
            f'metadata.labels: Invalid value: "{"x" * 64}": must be no more than 63 '  # characters, or bytes
        )
        assert code == 422
        assert message.startswith(f'ConfigMap "l" is invalid: {shown}')
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
        wait_for(lambda: cluster.get("secrets", "lost", namespace) is None, 60)
        assert cluster.get("secrets", "mine", namespace)
        core.delete_namespaced_config_map("owner", namespace)
        wait_for(lambda: cluster.get("secrets", "mine", namespace) is None, 60)

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
            # a project has Secrets of its own, of its accounts
            return [s.metadata.name for s in found if s.metadata.name in {"a", "b", "c"}]

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
