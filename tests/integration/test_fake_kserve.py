"""The controller that plays KServe's part: every situation, the user's acts, and services that really answer."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from kubernetes import client, config

from tests.servers.kubernetes import KServe, KubernetesApi, Network, Node, Play, User, wait_for
from tests.servers.kubernetes.derived import DERIVED
from tests.servers.kubernetes.recording import Recording, load, situations

Object = dict[str, Any]
GROUP = ("serving.kserve.io", "v1beta1")


@pytest.fixture
def custom(kubernetes_api: KubernetesApi, editor: User, namespace: str) -> client.CustomObjectsApi:
    path = kubernetes_api.kubeconfig(editor, namespace)
    return client.CustomObjectsApi(config.new_client_from_config(str(path)))


def runtime(api: KubernetesApi, namespace: str, name: str = "bird") -> None:
    """A private copy of the OpenVINO template, as the dashboard makes one."""
    template = next(
        t for t in api.find("templates", api.APPLICATIONS) if t["metadata"]["name"] == "kserve-ovms"
    )
    made = template["objects"][0]
    made["metadata"] |= {"name": name, "namespace": namespace}
    api.put(made)


def service(name: str = "bird", *, exposed: bool = False, protected: bool = False) -> Object:
    meta: Object = {"name": name}
    if exposed:
        meta["labels"] = {"networking.kserve.io/visibility": "exposed"}
    if protected:
        meta["annotations"] = {"security.opendatahub.io/enable-auth": "true"}
    model = {
        "modelFormat": {"name": "onnx", "version": "1"},
        "runtime": name,
        "storageUri": "oci://registry.test/team/birds:7",
        "args": ["--extra"],
        "resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "1", "memory": "1Gi"}},
    }
    predictor = {"model": model, "imagePullSecrets": [{"name": "conn"}]}
    return {
        "apiVersion": "/".join(GROUP),
        "kind": "InferenceService",
        "metadata": meta,
        "spec": {"predictor": predictor},
    }


def conditions(play: Play) -> dict[str, str]:
    live = play.service
    return {c["type"]: c["status"] for c in ((live or {}).get("status") or {}).get("conditions") or []}


def every_situation() -> list[str | Recording]:
    return [*situations(), *DERIVED]


@pytest.mark.parametrize("situation", every_situation())
def test_every_situation_plays_to_its_end(
    kubernetes_api: KubernetesApi, custom: client.CustomObjectsApi, namespace: str, situation: str
) -> None:
    runtime(kubernetes_api, namespace)
    chosen = DERIVED[situation]() if situation in DERIVED else situation
    with KServe(kubernetes_api, namespace, situation=chosen, automatic=False) as kserve:
        custom.create_namespaced_custom_object(*GROUP, namespace, "inferenceservices", service())
        play = kserve.play("bird")
        play.finish()
        assert play.left == 0
        kubernetes_api.settle()
        # the names, images and owners are this service's: nothing of the recording is left
        for plural in ("pods", "deployments", "services", "events", "routes", "inferenceservices"):
            for obj in kubernetes_api.find(plural, namespace):
                text = json.dumps(obj)
                assert "demo" not in text, (plural, text)
                assert "quay.io/org" not in text, (plural, text)
        ready = conditions(play).get("Ready")
        expected = situation.startswith(("ready-", "restart", "stop-", "delete", "redeploy"))
        assert (ready == "True") == expected
        if play.pod:
            pod = kubernetes_api.get("pods", play.pod, namespace)
            assert pod
            assert pod["spec"]["initContainers"][0]["image"] == "registry.test/team/birds:7"
            model = next(c for c in pod["spec"]["containers"] if c["name"] == "kserve-container")
            assert model["args"][0] == "--model_name=bird"
            assert model["args"][-1] == "--extra"
            assert pod["spec"]["imagePullSecrets"] == [{"name": "conn"}]


def test_the_full_recordings_play_like_the_trimmed_ones(
    kubernetes_api: KubernetesApi, custom: client.CustomObjectsApi, namespace: str, shared: Path | None
) -> None:
    if shared is None:
        pytest.skip("the folder with the full recordings is not beside the checkout")
    path = shared / "data" / "recordings" / "image-not-found.jsonl"
    runtime(kubernetes_api, namespace)
    with KServe(kubernetes_api, namespace, situation=path, automatic=False) as kserve:
        custom.create_namespaced_custom_object(*GROUP, namespace, "inferenceservices", service())
        play = kserve.play("bird")
        assert len(load(path).steps) > len(load("image-not-found").steps)
        play.finish()
        pod = kubernetes_api.get("pods", str(play.pod), namespace)
        assert pod
        waiting = pod["status"]["initContainerStatuses"][0]["state"]["waiting"]
        assert waiting["reason"] == "ImagePullBackOff"
        assert "reading manifest 7 in registry.test/team/birds: manifest unknown" in waiting["message"]


def test_a_recorded_pause_makes_things_older(
    kubernetes_api: KubernetesApi, custom: client.CustomObjectsApi, namespace: str
) -> None:
    runtime(kubernetes_api, namespace)
    with KServe(kubernetes_api, namespace, situation="pull-slow", automatic=False) as kserve:
        made = custom.create_namespaced_custom_object(*GROUP, namespace, "inferenceservices", service())
        play = kserve.play("bird")
        play.until_time(20)
        young = play.service
        play.finish()
        old = play.service
        assert young
        assert old
        assert old["metadata"]["creationTimestamp"] < made["metadata"]["creationTimestamp"]


def test_the_users_acts_are_answered(
    kubernetes_api: KubernetesApi, custom: client.CustomObjectsApi, namespace: str
) -> None:
    runtime(kubernetes_api, namespace)
    where = (*GROUP, namespace, "inferenceservices")
    with KServe(kubernetes_api, namespace) as kserve:
        custom.create_namespaced_custom_object(*where, service())
        play = kserve.play("bird")
        wait_for(lambda: conditions(play).get("Ready") == "True")
        stop = {"metadata": {"annotations": {"serving.kserve.io/stop": "true"}}}
        custom.patch_namespaced_custom_object(*where, "bird", stop)
        wait_for(lambda: conditions(play).get("Stopped") == "True")
        wait_for(lambda: not kubernetes_api.find("pods", namespace))
        stop["metadata"]["annotations"]["serving.kserve.io/stop"] = "false"
        custom.patch_namespaced_custom_object(*where, "bird", stop)
        wait_for(lambda: conditions(play).get("Ready") == "True")
        change = {"spec": {"predictor": {"model": {"storageUri": "oci://registry.test/team/birds:8"}}}}
        custom.patch_namespaced_custom_object(*where, "bird", change)

        def images() -> set[str]:
            pods = kubernetes_api.find("pods", namespace)
            return {pod["spec"]["initContainers"][0]["image"] for pod in pods}

        wait_for(lambda: images() == {"registry.test/team/birds:8"})
        custom.delete_namespaced_custom_object(*where, "bird")
        for plural in ("inferenceservices", "pods", "deployments", "services"):
            wait_for(
                lambda plural=plural: not kubernetes_api.find(plural, namespace), what=f"the end of {plural}"
            )


def test_without_its_runtime_a_service_waits(
    kubernetes_api: KubernetesApi, custom: client.CustomObjectsApi, namespace: str
) -> None:
    with KServe(kubernetes_api, namespace) as kserve:
        custom.create_namespaced_custom_object(*GROUP, namespace, "inferenceservices", service())
        play = kserve.play("bird")
        wait_for(lambda: conditions(play).get("Ready") == "Unknown")
        live = play.service
        assert live
        failure = live["status"]["modelStatus"]["lastFailureInfo"]
        assert failure["reason"] == "RuntimeNotRecognized"


def test_what_stands_against_a_pod_is_played(
    kubernetes_api: KubernetesApi, custom: client.CustomObjectsApi, namespace: str
) -> None:
    runtime(kubernetes_api, namespace)
    meta = {"name": "q", "namespace": namespace}
    hard = {"limits.memory": "512Mi"}
    kubernetes_api.put(
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, "spec": {"hard": hard}}
    )
    with KServe(kubernetes_api, namespace) as kserve:
        custom.create_namespaced_custom_object(*GROUP, namespace, "inferenceservices", service())
        kserve.play("bird")
        wait_for(
            lambda: any(
                event["reason"] == "FailedCreate" for event in kubernetes_api.find("events", namespace)
            )
        )
        event = next(e for e in kubernetes_api.find("events", namespace) if e["reason"] == "FailedCreate")
        assert "exceeded quota: q, requested: limits.memory=1039Mi, used: limits.memory=0" in event["message"]


def test_a_gpu_that_no_node_has(
    kubernetes_api: KubernetesApi, custom: client.CustomObjectsApi, namespace: str
) -> None:
    runtime(kubernetes_api, namespace)
    body = service()
    body["spec"]["predictor"]["model"]["resources"] = {"limits": {"nvidia.com/gpu": "8"}}
    with KServe(kubernetes_api, namespace) as kserve:
        custom.create_namespaced_custom_object(*GROUP, namespace, "inferenceservices", body)
        kserve.play("bird")
        wait_for(
            lambda: any(
                event["reason"] == "FailedScheduling" for event in kubernetes_api.find("events", namespace)
            )
        )


class ModelServer:
    """Something that answers."""

    def __init__(self) -> None:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b'{"ready": true}')

            def log_message(self, *_: Any) -> None: ...

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.stopped = False

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.stopped = True


@pytest.fixture
def network(kubernetes_api: KubernetesApi, tmp_path: Path) -> Iterator[Network]:
    with Network(kubernetes_api, tmp_path) as made:
        yield made


@pytest.mark.parametrize("headless", [False, True])
def test_a_ready_service_answers_under_its_names(
    kubernetes_api: KubernetesApi,
    custom: client.CustomObjectsApi,
    network: Network,
    namespace: str,
    headless: bool,
) -> None:
    runtime(kubernetes_api, namespace)
    servers: list[ModelServer] = []

    def start(image: str, obj: Object) -> ModelServer:
        assert image == "registry.test/team/birds:7"
        servers.append(ModelServer())
        return servers[-1]

    node = Node(kubernetes_api, network, start)
    with KServe(kubernetes_api, namespace, node=node, headless=headless) as kserve:
        custom.create_namespaced_custom_object(*GROUP, namespace, "inferenceservices", service())
        play = kserve.play("bird")
        wait_for(lambda: conditions(play).get("Ready") == "True")
        host = f"bird-predictor.{namespace}.svc.cluster.local"
        pool = urllib3.PoolManager(retries=False)
        port = 8888 if headless else 80
        assert pool.request("GET", f"http://{host}:{port}/v2/models/bird/ready").status == 200
        with pytest.raises(urllib3.exceptions.NewConnectionError):
            pool.request("GET", f"http://{host}:{80 if headless else 8888}/")
        custom.delete_namespaced_custom_object(*GROUP, namespace, "inferenceservices", "bird")
        wait_for(lambda: servers[0].stopped)


def test_an_exposed_and_protected_service_wants_a_token(
    kubernetes_api: KubernetesApi,
    custom: client.CustomObjectsApi,
    network: Network,
    editor: User,
    namespace: str,
) -> None:
    runtime(kubernetes_api, namespace)
    node = Node(kubernetes_api, network, lambda image, obj: ModelServer())
    with KServe(kubernetes_api, namespace, node=node) as kserve:
        body = service(exposed=True, protected=True)
        custom.create_namespaced_custom_object(*GROUP, namespace, "inferenceservices", body)
        play = kserve.play("bird")
        wait_for(lambda: conditions(play).get("Ready") == "True")
        live = play.service
        assert live
        url = live["status"]["url"]
        assert url == f"https://bird-{namespace}.apps.example.test"
        pool = urllib3.PoolManager(ca_certs=str(kubernetes_api.authority), retries=False)
        stranger = kubernetes_api.user(f"stranger-{namespace}")

        def status(token: str) -> int:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            return pool.request("GET", f"{url}/v2/health/ready", headers=headers).status

        assert [status(editor.token), status(stranger.token), status("wrong"), status("")] == [
            200,
            403,
            401,
            401,
        ]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (LookupError, "ErrImagePull"),
        (PermissionError, "ErrImagePull"),
        (ValueError, "Error"),
        (RuntimeError, "Error"),
    ],
)
def test_what_a_node_finds_out_is_what_is_played(
    kubernetes_api: KubernetesApi,
    custom: client.CustomObjectsApi,
    network: Network,
    namespace: str,
    error: type[Exception],
    reason: str,
) -> None:
    runtime(kubernetes_api, namespace)

    def start(image: str, obj: Object) -> ModelServer:
        raise error

    with KServe(
        kubernetes_api, namespace, node=Node(kubernetes_api, network, start), automatic=False
    ) as kserve:
        custom.create_namespaced_custom_object(*GROUP, namespace, "inferenceservices", service())
        play = kserve.play("bird")
        assert play.until(
            lambda p: f'"reason": "{reason}"' in json.dumps(kubernetes_api.find("pods", namespace))
        )
