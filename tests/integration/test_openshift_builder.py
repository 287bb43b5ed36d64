"""Builds in OpenShift: objects that its definitions accept, recorded lives followed, the Containerfile really built."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from odh_oci_widgets.builders import (
    BuildConflict,
    BuildFailed,
    BuildPodFailed,
    BuildStatus,
    SourceNotReachable,
    plan_image,
)
from odh_oci_widgets.builders.openshift import OpenShiftBuilder, OpenShiftSettings
from odh_oci_widgets.cluster import connect
from odh_oci_widgets.cluster.errors import KindNotFound, NotAllowed
from odh_oci_widgets.oci import Credential, Credentials, inspect_image, pull_models, verify_image
from odh_oci_widgets.oci.errors import Cancelled, PlanInvalid
from odh_oci_widgets.oci.events import Log
from tests import openshift_schemas
from tests.servers.base_image import push_base_image
from tests.servers.buildah import DOWNLOADER, Buildah
from tests.servers.hub import Hub, Repo
from tests.servers.kubernetes import KubernetesApi
from tests.servers.kubernetes.builds import DIGEST, BuildRunner
from tests.servers.registry import Registry

TOKEN = "hf_readerOfEverything"
PASSWORD = "pass-0xSECRET-word"
INTERNAL = "image-registry.openshift-image-registry.svc:5000"


@pytest.fixture
def runner(kubernetes_api: KubernetesApi, namespace: str, tmp_path: Path) -> Iterator[BuildRunner]:
    runner = BuildRunner(kubernetes_api, namespace, tmp_path / "builds")
    yield runner
    runner.stop()


@pytest.fixture
def builder(kubeconfig: Path, namespace: str, runner: BuildRunner) -> OpenShiftBuilder:
    project = connect(kubeconfig=str(kubeconfig), namespace=namespace)
    return OpenShiftBuilder(project, settings=OpenShiftSettings(downloader=DOWNLOADER), environ={})


@pytest.fixture
def model(hub: Hub, namespace: str) -> str:
    files = {"config.json": b"{}", "sub folder/model.safetensors": _weights(2**20)}
    hub.add(f"ocp/{namespace}", Repo(files, gated="manual"))
    return f"hf://ocp/{namespace}"


def _weights(size: int) -> bytes:
    header = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    return len(header).to_bytes(8, "little") + header + bytes(range(256)) * (size // 256)


def _wait(what: str, condition, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def _left(api: KubernetesApi, namespace: str) -> list[str]:
    return [
        one["metadata"]["name"]
        for plural in ("buildconfigs", "builds", "jobs", "secrets", "configmaps")
        for one in api.find(plural, namespace)
        if "odh-oci-build" in one["metadata"]["name"]
    ]


class TestRecordedLives:
    """What a real cluster was recorded to do."""

    def _plan(self, model: str, image: str = "quay.example/org/model:1"):
        return plan_image(model, image, token=TOKEN)

    def test_a_build_to_a_registry_ends_with_the_digest(
        self, builder: OpenShiftBuilder, model: str, kubernetes_api: KubernetesApi, namespace: str
    ) -> None:
        credentials = Credentials({"quay.example": Credential("me", PASSWORD)}, environ={})
        build = builder.start(self._plan(model), credentials=credentials, secrets={"hf": TOKEN})
        assert build.wait(30) == f"quay.example/org/model:1@{DIGEST}"
        assert build.status is BuildStatus.SUCCEEDED
        assert build.progress.fraction == 1
        (config,) = kubernetes_api.find("buildconfigs", namespace)
        del config["metadata"]["managedFields"]
        assert openshift_schemas.errors(config) == []
        spec = config["spec"]
        assert spec["strategy"]["dockerStrategy"]["imageOptimizationPolicy"] == "SkipLayers"
        assert spec["mountTrustedCA"] is True
        assert spec["output"]["to"] == {"kind": "DockerImage", "name": "quay.example/org/model:1"}
        assert spec["output"]["pushSecret"]["name"] == f"{build.id}-push"
        # the credentials go at once, the build with its log stays for a while
        assert [name for name in _left(kubernetes_api, namespace) if "secret" in name or "push" in name] == []
        assert kubernetes_api.get("secrets", build.id, namespace) is None

    def test_the_internal_registry_is_an_image_stream(
        self,
        builder: OpenShiftBuilder,
        runner: BuildRunner,
        model: str,
        kubernetes_api: KubernetesApi,
        namespace: str,
    ) -> None:
        runner.recording = "build-imagestream"
        build = builder.start(self._plan(model, f"{INTERNAL}/{namespace}/granite:7"), secrets={"hf": TOKEN})
        assert build.wait(30) == f"{INTERNAL}/{namespace}/granite:7@{DIGEST}"
        (config,) = kubernetes_api.find("buildconfigs", namespace)
        assert config["spec"]["output"] == {"to": {"kind": "ImageStreamTag", "name": "granite:7"}}
        (stream,) = kubernetes_api.find("imagestreams", namespace)
        assert stream["metadata"]["name"] == "granite"
        again = builder.start(self._plan(model, f"{INTERNAL}/{namespace}/granite:8"), secrets={"hf": TOKEN})
        assert again.wait(30)  # the stream is there already

    @pytest.mark.parametrize(
        ("recording", "error", "words"),
        [("build-pod-failed", BuildFailed, "exit status 1"), ("build-evicted", BuildPodFailed, "evicted")],
    )
    def test_a_failure_is_a_sentence(
        self,
        builder: OpenShiftBuilder,
        runner: BuildRunner,
        model: str,
        recording: str,
        error: type[Exception],
        words: str,
    ) -> None:
        runner.recording = recording
        build = builder.start(self._plan(model), secrets={"hf": TOKEN})
        with pytest.raises(error, match=words):
            build.wait(30)
        assert build.status is BuildStatus.FAILED

    @pytest.mark.parametrize(
        ("recording", "words"),
        [("build-missing-push-secret", "Secret"), ("build-imagestream-missing", "image stream")],
    )
    def test_what_a_build_waits_for_is_told_while_it_waits(
        self, builder: OpenShiftBuilder, runner: BuildRunner, model: str, recording: str, words: str
    ) -> None:
        runner.recording = recording
        build = builder.start(self._plan(model), secrets={"hf": TOKEN})
        told = (event.message for event in build.events() if isinstance(event, Log))
        assert next(message for message in told if words in message)
        assert build.status is BuildStatus.PENDING
        build.cancel()
        with pytest.raises(Cancelled):
            build.wait(60)

    @pytest.mark.parametrize("folder", [False, True])
    def test_a_project_that_was_just_made_gets_its_account_later(
        self,
        builder: OpenShiftBuilder,
        runner: BuildRunner,
        model: str,
        kubernetes_api: KubernetesApi,
        namespace: str,
        tmp_path: Path,
        folder: bool,
    ) -> None:
        why = f"error getting push/pull secrets for service account {namespace}/builder: "
        path = f"/apis/build.openshift.io/v1/namespaces/{namespace}/buildconfigs/.*/instantiate.*"
        kubernetes_api.fail(500, path=path, message=why + 'serviceaccounts "builder" not found')
        (tmp_path / "model.onnx").write_bytes(b"\x08\x08" + bytes(100))
        build = builder.start(self._plan(str(tmp_path / "model.onnx") if folder else model))
        assert build.wait(30)

    def test_a_project_that_gets_none_is_told(
        self,
        builder: OpenShiftBuilder,
        runner: BuildRunner,
        model: str,
        kubernetes_api: KubernetesApi,
        namespace: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("odh_oci_widgets.builders.openshift.build.ACCOUNT_SECONDS", 0.0)
        why = f"error getting push/pull secrets for service account {namespace}/builder: "
        path = f"/apis/build.openshift.io/v1/namespaces/{namespace}/buildconfigs/.*/instantiate"
        kubernetes_api.fail(500, path=path, message=why + 'serviceaccounts "builder" not found', times=9)
        with pytest.raises(BuildFailed, match="no service account `builder`"):
            builder.start(self._plan(model))
        _wait("all is gone", lambda: not _left(kubernetes_api, namespace))

    def test_cancel_leaves_nothing_behind(
        self,
        builder: OpenShiftBuilder,
        runner: BuildRunner,
        model: str,
        kubernetes_api: KubernetesApi,
        namespace: str,
    ) -> None:
        runner.hold_at = "Running"
        credentials = Credentials({"quay.example": Credential("me", PASSWORD)}, environ={})
        build = builder.start(self._plan(model), credentials=credentials, secrets={"hf": TOKEN})
        _wait("it runs", lambda: build.status is BuildStatus.RUNNING)
        with pytest.raises(BuildConflict) as told:
            builder.start(self._plan(model))
        assert told.value.build_id == build.id
        build.cancel()
        with pytest.raises(Cancelled):
            build.wait(60)
        assert build.status is BuildStatus.CANCELLED
        kubernetes_api.settle()
        _wait("all is gone", lambda: not _left(kubernetes_api, namespace))

    def test_a_new_kernel_finds_the_build_and_follows_it(
        self, builder: OpenShiftBuilder, runner: BuildRunner, model: str, kubeconfig: Path, namespace: str
    ) -> None:
        runner.hold_at = "Running"
        started = builder.start(self._plan(model), secrets={"hf": TOKEN})
        script = textwrap.dedent(f"""
            from odh_oci_widgets.builders.openshift import OpenShiftBuilder
            from odh_oci_widgets.cluster import connect
            (build,) = OpenShiftBuilder(connect(kubeconfig={str(kubeconfig)!r}, namespace={namespace!r})).builds()
            print(build.id, build.plan.image, flush=True)
            print(build.wait(60), build.progress.fraction, flush=True)
        """)
        other = subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
        )
        try:
            assert other.stdout is not None
            assert other.stdout.readline().split() == [started.id, started.plan.image]
            runner.release()
            assert other.stdout.readline().split() == [started.wait(60), "1.0"]
        finally:
            other.kill()

    def test_a_crash_of_the_kernel_leaves_nothing_behind_for_long(
        self,
        runner: BuildRunner,
        model: str,
        kubeconfig: Path,
        kubernetes_api: KubernetesApi,
        namespace: str,
    ) -> None:
        runner.hold_at = "Running"
        script = textwrap.dedent(f"""
            import sys, time
            from odh_oci_widgets.builders.openshift import OpenShiftBuilder, OpenShiftSettings
            from odh_oci_widgets.cluster import connect
            from odh_oci_widgets.oci import Credential, Credentials, Plan
            project = connect(kubeconfig={str(kubeconfig)!r}, namespace={namespace!r})
            builder = OpenShiftBuilder(project, settings=OpenShiftSettings(deadline=12, keep=1), environ={{}})
            login = Credentials({{"quay.example": Credential("me", {PASSWORD!r})}}, environ={{}})
            plan = Plan.from_json(sys.argv[1])
            print(builder.start(plan, credentials=login, secrets={{"hf": {TOKEN!r}}}).id, flush=True)
            time.sleep(600)
        """)
        kernel = subprocess.Popen(
            [sys.executable, "-c", script, self._plan(model).to_json()],
            stdout=subprocess.PIPE,
            text=True,
            env=dict(os.environ),
        )
        assert kernel.stdout is not None
        build_id = kernel.stdout.readline().strip()
        made = _left(kubernetes_api, namespace)
        assert {build_id, f"{build_id}-push"} <= set(made)
        kernel.kill()
        kernel.wait(10)
        _wait("all is gone", lambda: not _left(kubernetes_api, namespace))
        assert not kubernetes_api.find("pods", namespace), "what only counts the time needs no pod"


class TestOffered:
    """Only where the API is there and the user may."""

    def test_an_editor_may(self, builder: OpenShiftBuilder) -> None:
        builder.check()

    def test_a_viewer_is_told_the_command(self, kubernetes_api: KubernetesApi, namespace: str) -> None:
        viewer = kubernetes_api.user(f"viewer-{namespace}", view=namespace)
        project = connect(kubeconfig=str(kubernetes_api.kubeconfig(viewer, namespace)))
        with pytest.raises(NotAllowed, match=f"oc policy add-role-to-user edit viewer-{namespace}"):
            OpenShiftBuilder(project).check()

    def test_a_cluster_without_builds_is_told(self, tmp_path: Path) -> None:
        api = KubernetesApi(tmp_path / "plain", builds=False, kserve=False, odh=False)
        try:
            kubeconfig = api.kubeconfig(api.user("me", edit="mine"), "mine")
            with pytest.raises(KindNotFound, match="--builder job"):
                OpenShiftBuilder(connect(kubeconfig=str(kubeconfig))).check()
        finally:
            api.stop()

    @pytest.mark.parametrize("options", [{"base": "embedded"}, {"platforms": ("linux/amd64", "linux/arm64")}])
    def test_what_no_containerfile_makes_is_refused(
        self,
        builder: OpenShiftBuilder,
        model: str,
        options: dict,
        kubernetes_api: KubernetesApi,
        namespace: str,
    ) -> None:
        with pytest.raises(PlanInvalid, match="--builder"):
            builder.start(plan_image(model, "quay.example/a/b:1", token=TOKEN, **options))
        assert not _left(kubernetes_api, namespace)


class TestReallyBuilt:
    """The Containerfile in the hands of buildah, as in OpenShift's builder; the image as KServe would get it."""

    @pytest.fixture
    def base(self, registry: Registry, tmp_path: Path) -> str:
        return push_base_image(
            tmp_path / "base", f"{registry.host}/base:1", config={"Entrypoint": ["/bin/sh"]}
        )

    @pytest.fixture
    def real(self, runner: BuildRunner, tmp_path: Path) -> Iterator[BuildRunner]:
        runner.buildah = Buildah(tmp_path / "buildah")
        return runner

    def test_a_gated_model_of_the_hub(
        self,
        builder: OpenShiftBuilder,
        real: BuildRunner,
        model: str,
        base: str,
        registry: Registry,
        namespace: str,
        kubernetes_api: KubernetesApi,
        tmp_path: Path,
    ) -> None:
        image = f"{registry.host}/ocp/{namespace}:1"
        plan = plan_image(model, image, base=base, token=TOKEN, labels={"cost": 'a "$5" tag'})
        credentials = Credentials({registry.host: Credential("me", PASSWORD)}, environ={})
        build = builder.start(plan, credentials=credentials, secrets={"hf": TOKEN})
        done = build.wait(120)
        found = verify_image(done, insecure=True)
        assert found.fit, found.findings
        info = inspect_image(done, insecure=True)
        assert info.config["config"]["User"] == "1001"
        assert not info.config["config"].get("Entrypoint")
        assert info.labels["cost"] == 'a "$5" tag'
        assert info.labels["org.odh-oci.model-format"] == plan.annotations["org.odh-oci.model-format"]
        models = pull_models(done, tmp_path / "pulled", insecure=True)
        assert (models / "sub folder/model.safetensors").read_bytes() == _weights(2**20)
        assert sorted(path.name for path in models.iterdir()) == ["config.json", "sub folder"]
        # one layer besides the base's
        assert len(info.layers) == 2
        assert build.progress.fraction == 1
        assert build.report()["digest"] == info.digest

    def test_a_wrong_checksum_stops_the_build(
        self,
        builder: OpenShiftBuilder,
        real: BuildRunner,
        hub: Hub,
        base: str,
        registry: Registry,
        namespace: str,
    ) -> None:
        url = _served(hub, namespace, b"\x08\x08" + bytes(3000))
        plan = plan_image(f"{url}#sha256={'0' * 64}", f"{registry.host}/ocp/{namespace}:bad", base=base)
        build = builder.start(plan)
        with pytest.raises(BuildFailed):
            build.wait(120)
        assert any("FAILED" in line for line in build.logs())
        assert not registry.tags(f"ocp/{namespace}")

    def test_a_signed_address_stays_in_the_secret(
        self,
        builder: OpenShiftBuilder,
        real: BuildRunner,
        hub: Hub,
        base: str,
        registry: Registry,
        namespace: str,
        kubernetes_api: KubernetesApi,
    ) -> None:
        url = _served(hub, namespace, b"\x08\x08" + bytes(3000)) + "?X-Amz-Signature=0xSIGNED"
        build = builder.start(plan_image(url, f"{registry.host}/ocp/{namespace}:signed", base=base))
        assert verify_image(build.wait(120), insecure=True).fit
        seen = [*build.logs(), json.dumps(build.report())]
        for plural in ("buildconfigs", "builds", "configmaps"):
            seen += [json.dumps(one) for one in kubernetes_api.find(plural, namespace)]
        assert not any("0xSIGNED" in text for text in seen)

    def test_a_small_folder_goes_along_as_a_binary_build(
        self,
        builder: OpenShiftBuilder,
        real: BuildRunner,
        base: str,
        registry: Registry,
        namespace: str,
        tmp_path: Path,
        kubernetes_api: KubernetesApi,
    ) -> None:
        folder = tmp_path / "mobilenet"
        folder.mkdir()
        (folder / "model.onnx").write_bytes(b"\x08\x08" + bytes(5000))
        plan = plan_image(str(folder), f"{registry.host}/ocp/{namespace}:folder", base=base)
        build = builder.start(plan)
        done = build.wait(120)
        assert verify_image(done, insecure=True, runtime="kserve-ovms").fit
        assert list(real.uploads[0]) == ["Dockerfile", "models/1/model.onnx"]
        (config,) = kubernetes_api.find("buildconfigs", namespace)
        del config["metadata"]["managedFields"]
        assert openshift_schemas.errors(config) == []

    def test_a_large_folder_is_refused_with_the_way_out(
        self, builder: OpenShiftBuilder, tmp_path: Path, kubernetes_api: KubernetesApi, namespace: str
    ) -> None:
        folder = tmp_path / "large"
        folder.mkdir()
        with (folder / "model.onnx").open("wb") as file:
            file.write(b"\x08\x08")
            file.truncate(2**30)
        with pytest.raises(SourceNotReachable, match="--builder job"):
            builder.start(plan_image(str(folder), "quay.example/a/b:1"))
        assert not _left(kubernetes_api, namespace)


def _served(hub: Hub, namespace: str, content: bytes) -> str:
    """The address of a file, as any web server has it."""
    hub.add(f"web/{namespace}", {"model.onnx": content})
    return f"{hub.url}/web/{namespace}/resolve/main/model.onnx"
