"""What the code relies on of schemas and admission: what is refused, and in which words."""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes import client

from tests.servers.kubernetes.raw import Raw

from .cluster import ISVC, PLATFORM, Cluster, wait_for
from .talking import GROUP, Object, accepted, connect, refused, service


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
        assert '299 - "unknown field \\"spec.predictor.model.storageUrl\\""' in headers["Warning"]
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
        made = accepted(custom.create_namespaced_custom_object, *where, body)
        assert made["spec"]["predictor"]["imagePullSecrets"] == [{"name": "conn"}]
        gone = {"metadata": {"annotations": {"opendatahub.io/connections": None}}}
        made = custom.patch_namespaced_custom_object(*where, "m1", gone)
        assert "imagePullSecrets" not in made["spec"]["predictor"]

    @pytest.mark.needs("odh_webhooks", "hardware_profiles")
    def test_hardware_profiles(self, cluster: Cluster, namespace: str, old_gpu: str) -> None:
        elsewhere = cluster.namespace(f"{namespace}-b")
        where = (*GROUP, elsewhere, "inferenceservices")
        custom = client.CustomObjectsApi(
            connect(cluster, cluster.user(f"editor-{elsewhere}", edit=elsewhere), elsewhere)
        )
        body = service()
        notes = body["metadata"].setdefault("annotations", {})
        notes["opendatahub.io/hardware-profile-name"] = old_gpu
        code, message = refused(custom.create_namespaced_custom_object, *where, body)
        assert code == 403
        assert f'hardware profile "{old_gpu}" not found in namespace "{elsewhere}"' in message
        notes["opendatahub.io/hardware-profile-namespace"] = namespace
        body["spec"]["predictor"]["model"]["resources"] = {"requests": {"cpu": "1"}}
        predictor = accepted(custom.create_namespaced_custom_object, *where, body)["spec"]["predictor"]
        resources = predictor["model"]["resources"]
        assert resources["requests"]["cpu"] == "1"  # what is asked for stays
        assert resources["requests"]["nvidia.com/gpu"] == resources["limits"]["nvidia.com/gpu"] == "1"
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
        def own() -> list[str]:
            account = cluster.get("serviceaccounts", "default", namespace) or {}
            return [one["name"] for one in account.get("imagePullSecrets") or ()]

        try:
            wait_for(own, what="the account's pull secret")
        except TimeoutError:
            assert not cluster.complete
            pytest.skip("in this cluster accounts get no pull secrets")
        spec = {"containers": [{"name": "c", "image": "x"}]}
        made = accepted(core.create_namespaced_pod, namespace, {"metadata": {"name": "p1"}, "spec": spec})
        assert {s.name for s in made.spec.image_pull_secrets} == set(own())
        spec = {**spec, "imagePullSecrets": [{"name": "mine"}]}
        made = core.create_namespaced_pod(namespace, {"metadata": {"name": "p2"}, "spec": spec})
        assert [s.name for s in made.spec.image_pull_secrets] == ["mine"]
