"""OpenShift's builds as they were recorded: instantiate, phases and reasons, logs, cancel."""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes import client, config
from kubernetes.client import ApiException

from tests.servers.kubernetes import Builds, KubernetesApi, User, wait_for

Object = dict[str, Any]


class Caller:
    """The build API through the official client."""

    def __init__(self, api: KubernetesApi, user: User, namespace: str) -> None:
        self.namespace = namespace
        self.client = config.new_client_from_config(str(api.kubeconfig(user, namespace)))
        self.custom = client.CustomObjectsApi(self.client)
        self.where = ("build.openshift.io", "v1", namespace)

    def create(self, **output: Any) -> Object:
        body = {
            "apiVersion": "build.openshift.io/v1",
            "kind": "BuildConfig",
            "metadata": {"name": "birds"},
            "spec": {
                "source": {"type": "Dockerfile", "dockerfile": "FROM scratch"},
                "strategy": {"type": "Docker", "dockerStrategy": {}},
                "output": output or {"to": {"kind": "DockerImage", "name": "registry.test/team/birds:7"}},
            },
        }
        return dict(self.custom.create_namespaced_custom_object(*self.where, "buildconfigs", body))

    def start(self) -> Object:
        body = {"apiVersion": "build.openshift.io/v1", "kind": "BuildRequest", "metadata": {"name": "birds"}}
        made = self.custom.create_namespaced_custom_object(
            *self.where, "buildconfigs/birds/instantiate", body
        )
        return dict(made)

    def build(self) -> Object:
        return dict(self.custom.get_namespaced_custom_object(*self.where, "builds", "birds-1"))

    def log(self) -> str:
        return str(self.custom.get_namespaced_custom_object(*self.where, "builds", "birds-1/log"))


@pytest.fixture
def caller(kubernetes_api: KubernetesApi, editor: User, namespace: str) -> Caller:
    return Caller(kubernetes_api, editor, namespace)


@pytest.mark.parametrize(
    ("situation", "phase", "reason"),
    [
        ("build-complete", "Complete", None),
        ("build-pod-failed", "Failed", "GenericBuildFailed"),
        ("build-evicted", "Failed", "BuildPodEvicted"),
        ("build-missing-push-secret", "Pending", "MissingPushSecret"),
    ],
)
def test_phases_and_reasons(
    kubernetes_api: KubernetesApi, caller: Caller, situation: str, phase: str, reason: str | None
) -> None:
    with Builds(kubernetes_api, situation=situation, automatic=False) as builds:
        caller.create()
        started = caller.start()
        assert started["metadata"]["name"] == "birds-1"
        assert started["status"]["phase"] == "New"
        play = builds.play("birds-1", caller.namespace)
        play.finish()
        status = caller.build()["status"]
        assert (status["phase"], status.get("reason")) == (phase, reason)
        assert status["outputDockerImageReference"] == "registry.test/team/birds:7"


def test_a_build_into_the_internal_registry(kubernetes_api: KubernetesApi, caller: Caller) -> None:
    with Builds(kubernetes_api, work=lambda build: "sha256:" + "1" * 64):
        caller.create(to={"kind": "ImageStreamTag", "name": "birds:7"})
        caller.start()
        wait_for(lambda: caller.build()["status"].get("reason") == "InvalidOutputReference")
    stream = {"apiVersion": "image.openshift.io/v1", "kind": "ImageStream", "metadata": {"name": "birds"}}
    caller.custom.create_namespaced_custom_object(
        "image.openshift.io", "v1", caller.namespace, "imagestreams", stream
    )
    with Builds(kubernetes_api, work=lambda build: "sha256:" + "1" * 64):
        second = caller.start()["metadata"]["name"]
        assert second == "birds-2"

        def status() -> Object:
            made = caller.custom.get_namespaced_custom_object(*caller.where, "builds", second)
            return dict(made["status"])

        wait_for(lambda: status()["phase"] == "Complete")
        assert status()["output"] == {"to": {"imageDigest": "sha256:" + "1" * 64}}
        registry = "image-registry.openshift-image-registry.svc:5000"
        assert status()["outputDockerImageReference"] == f"{registry}/{caller.namespace}/birds:7"


def test_a_build_is_cancelled(kubernetes_api: KubernetesApi, caller: Caller) -> None:
    with Builds(kubernetes_api, situation="build-cancelled") as builds:
        caller.create()
        caller.start()
        wait_for(lambda: caller.build()["status"]["phase"] == "Running")
        builds.play("birds-1", caller.namespace).log("STEP 1/1: FROM scratch")
        assert caller.log() == "STEP 1/1: FROM scratch\n"
        caller.custom.patch_namespaced_custom_object(
            *caller.where, "builds", "birds-1", {"status": {"cancelled": True}}
        )
        wait_for(lambda: caller.build()["status"]["phase"] == "Cancelled")
        assert caller.build()["status"]["reason"] == "CancelledBuild"
        with pytest.raises(ApiException) as caught:
            caller.log()
        assert caught.value.status == 400


def test_a_build_without_a_source_is_refused(kubernetes_api: KubernetesApi, caller: Caller) -> None:
    body = {
        "apiVersion": "build.openshift.io/v1",
        "kind": "BuildConfig",
        "metadata": {"name": "model"},
        "spec": {"source": {}, "strategy": {"type": "Docker", "dockerStrategy": {}}, "output": {}},
    }
    with pytest.raises(ApiException) as caught:
        caller.custom.create_namespaced_custom_object(*caller.where, "buildconfigs", body)
    assert caught.value.status == 422
    assert (
        "must provide a value for at least one source input(git, binary, dockerfile, images)"
        in caught.value.body
    )
