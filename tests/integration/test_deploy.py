"""Deploying to a project of a Kubernetes API: runtimes, server-side apply, what is refused, and what is left behind."""

from __future__ import annotations

import json
import socket

import pytest

from odh_oci_widgets import serving
from odh_oci_widgets.cluster import QuotaExceeded, Refused, connect
from odh_oci_widgets.cluster.resources import (
    PODS,
    SERVING_RUNTIMES,
)
from tests.onnx_models import linear
from tests.sandbox import image_of

#: Pinned and with everything given, so that no registry is asked.
IMAGE = "quay.io/me/digits:1@sha256:" + "a" * 64
GIVEN = {"format": "onnx", "memory": "2Gi"}


@pytest.fixture
def project(kubeconfig, namespace):
    return connect(kubeconfig=str(kubeconfig), namespace=namespace)


@pytest.fixture
def viewer(kubernetes_api, namespace):
    user = kubernetes_api.user(f"viewer-{namespace}", view=namespace)
    return connect(kubeconfig=str(kubernetes_api.kubeconfig(user, namespace)))


def names(project, resource):
    return sorted(one["metadata"]["name"] for one in project.list(resource))


class TestDeploy:
    def test_everything_is_checked_before_anything_is_made(self, kubernetes_api, project):
        with kubernetes_api.recorded() as asked:
            serving.deploy(IMAGE, "digits", project=project, **GIVEN)
        writes = [
            (one.path.rsplit("/", 2)[-2], one.query.get("dryRun")) for one in asked if one.method == "PATCH"
        ]
        assert writes == [
            ("servingruntimes", "All"),
            ("inferenceservices", "All"),
            ("servingruntimes", None),
            ("inferenceservices", None),
        ]

    def test_a_user_who_may_not_read_templates_gets_our_own_runtime_and_the_reason(
        self, kubernetes_api, project, namespace
    ):
        kubernetes_api.fail(
            403,
            method="GET",
            path=".*/templates.*",
            times=50,
            reason="Forbidden",
            message='templates.template.openshift.io is forbidden: User "u" cannot list resource "templates" in API '
            'group "template.openshift.io" in the namespace "opendatahub"',
        )
        shown = serving.preview(IMAGE, "digits", project=project, runtime_image=None, **GIVEN)
        assert "our own definition" in shown.notes[0]
        assert "templates cannot be read" in shown.notes[0]
        given = serving.preview(IMAGE, "digits", project=project, runtime_image="example.org/ovms:1", **GIVEN)
        assert given.objects[0]["spec"]["containers"][0]["image"] == "example.org/ovms:1"


class TestRefused:
    def test_a_quota_is_told_in_a_sentence_and_nothing_is_left(self, kubernetes_api, project):
        kubernetes_api.fail(
            403,
            method="PATCH",
            path=".*/inferenceservices/.*",
            times=2,
            reason="Forbidden",
            message='inferenceservices.serving.kserve.io "digits" is forbidden: exceeded quota: q, requested: '
            "count/inferenceservices.serving.kserve.io=1, used: count/inferenceservices.serving.kserve.io=1, "
            "limited: count/inferenceservices.serving.kserve.io=1",
        )
        with pytest.raises(QuotaExceeded, match="quota `q` is used up"):
            serving.deploy(IMAGE, "digits", project=project, **GIVEN)
        assert names(project, SERVING_RUNTIMES) == []

    def test_what_was_made_is_taken_back_when_the_rest_is_refused(self, kubernetes_api, project):
        """The check passes, the real thing does not."""
        where = {"method": "PATCH", "path": ".*/inferenceservices/.*"}
        kubernetes_api.slow(0, times=1, **where)  # the dry run goes through
        kubernetes_api.fail(
            400,
            reason="BadRequest",
            message='admission webhook "inferenceservice.kserve-webhook-server.validator" denied the request: no',
            **where,
        )
        with pytest.raises(
            Refused, match=r"webhook `inferenceservice\.kserve-webhook-server\.validator` refused it: no"
        ):
            serving.deploy(IMAGE, "digits", project=project, **GIVEN)
        assert names(project, SERVING_RUNTIMES) == []

    def test_a_registry_that_cannot_be_asked_from_here_is_no_obstacle(self, project):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            image = f"127.0.0.1:{taken.getsockname()[1]}/a/b:1"
            shown = serving.preview(image, "digits", project=project, format="onnx")
        assert any("could not be read from here" in note for note in shown.notes)
        assert shown.objects[1]["spec"]["predictor"]["model"]["storageUri"] == f"oci://{image}"


class TestWithoutCluster:
    def test_manifests_are_made_with_our_own_definitions(self):
        runtime, service = serving.manifests(IMAGE, "digits", **GIVEN)
        assert runtime["kind"] == "ServingRuntime"
        assert service["kind"] == "InferenceService"
        assert "namespace" not in service["metadata"]

    def test_the_guides_runtime_name_stands_for_vllm(self):
        runtime, service = serving.manifests(
            IMAGE, "granite", runtime="vllm-runtime", args=["--dtype=half"], gpu=1, memory="16Gi"
        )
        assert runtime["spec"]["supportedModelFormats"][0]["name"] == "vLLM"
        assert service["spec"]["predictor"]["model"]["resources"]["limits"]["nvidia.com/gpu"] == "1"

    def test_a_runtime_that_was_named_is_told_the_images_format(self, registry, tmp_path):
        linear(tmp_path / "model.onnx", 4, 2)
        image = image_of(tmp_path, f"{registry.host}/deploy/format:1", insecure=True)
        for runtime in ("kserve-ovms", "ovms", None):
            _, service = serving.manifests(image, "digits", runtime=runtime, insecure=True)
            assert service["spec"]["predictor"]["model"]["modelFormat"] == {"name": "onnx", "version": "1"}
        # another one's format stays what it was before we knew: its first
        vllm = serving.preview(image, "digits", runtime="vllm", insecure=True)
        assert vllm.objects[1]["spec"]["predictor"]["model"]["modelFormat"] == {"name": "vLLM"}

    def test_a_format_that_nobody_tells_is_named_in_a_note_or_says_why_it_is_not_known(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            image = f"127.0.0.1:{taken.getsockname()[1]}/a/b:1"
            shown = serving.preview(image, "digits", runtime="kserve-ovms")
            with pytest.raises(serving.RuntimeNotFound, match="could not be read from here"):
                serving.preview(image, "digits")
        assert any("`openvino_ir`" in note for note in shown.notes)

    def test_what_the_image_says_of_its_model_decides_arguments_and_limits(self, registry, tmp_path):
        """Nobody tells the format or the size: they, and the model's shape, are read out of the image."""
        config = {
            "architectures": ["LlamaForCausalLM"],
            "torch_dtype": "bfloat16",
            "num_hidden_layers": 80,
            "num_attention_heads": 64,
            "num_key_value_heads": 64,
            "hidden_size": 8192,
            "max_position_embeddings": 65536,
        }
        header = b'{"w":{"dtype":"BF16","shape":[512],"data_offsets":[0,1024]}}'
        (tmp_path / "config.json").write_text(json.dumps(config))
        weights = len(header).to_bytes(8, "little") + header + bytes(1024)
        (tmp_path / "model.safetensors").write_bytes(weights)
        image = image_of(tmp_path, f"{registry.host}/deploy/facts:1", insecure=True)
        asked = {"gpu": 1, "gpu_name": "T4", "insecure": True}
        shown = serving.preview(image, "text", **asked)
        model = shown.objects[1]["spec"]["predictor"]["model"]
        half, length = model["args"]
        assert half == "--dtype=half"
        assert 1024 <= int(length.removeprefix("--max-model-len=")) < 65536
        assert any("65536" in note for note in shown.notes)
        assert model["modelFormat"]["name"] == "vLLM"
        assert model["resources"]["limits"]["memory"] == "8Gi"
        assert "--dtype=half" in shown.to_python()
        given = serving.preview(image, "text", args=["--max-model-len=2048", "--dtype=auto"], **asked)
        assert given.objects[1]["spec"]["predictor"]["model"]["args"] == [
            "--max-model-len=2048",
            "--dtype=auto",
        ]

    def test_deploying_says_that_there_is_none(self):
        from odh_oci_widgets.cluster import NoCluster

        with pytest.raises(NoCluster, match="No cluster is known here") as caught:
            serving.deploy(IMAGE, "digits", **GIVEN)
        assert "oc login" in caught.value.hint


class TestLife:
    def test_logs_of_the_model_server_and_of_the_run_before(self, project, kubernetes_api):
        service = serving.deploy(IMAGE, "digits", project=project, **GIVEN)
        assert list(service.logs()) == []
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": "digits-predictor-0",
                "namespace": project.namespace,
                "labels": {"serving.kserve.io/inferenceservice": "digits"},
            },
            "spec": {"containers": [{"name": "kserve-container", "image": "x"}]},
            "status": {
                "containerStatuses": [
                    {"name": "kserve-container", "ready": True, "restartCount": 0, "state": {"running": {}}}
                ]
            },
        }
        kubernetes_api.put(pod)
        kubernetes_api.logs(
            project.namespace, "digits-predictor-0", "kserve-container", "one", "two", "three"
        )
        assert list(service.logs(tail=2)) == ["two", "three"]
        assert len(project.list(PODS)) == 1
