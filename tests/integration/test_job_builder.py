"""Builds in a Job of the project: the real engine as a zip, a real registry, a process for each pod."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
import textwrap
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from odh_oci_widgets.builders import BuildStatus, KernelBuilder, plan_image
from odh_oci_widgets.builders.errors import BuildConflict, BuildPodFailed, SourceNotReachable
from odh_oci_widgets.builders.job import JobBuild, JobBuilder, JobSettings
from odh_oci_widgets.builders.job.manifests import config_map
from odh_oci_widgets.builders.job.workbench import find_workbench, folders_of
from odh_oci_widgets.cluster import connect
from odh_oci_widgets.cluster.errors import LoginExpired
from odh_oci_widgets.oci import (
    Credential,
    Credentials,
    PlanFile,
    Source,
    inspect_image,
    make_plan,
    verify_image,
)
from odh_oci_widgets.oci.errors import Cancelled, PlanInvalid, SourceError
from odh_oci_widgets.oci.events import Log
from tests.servers.hub import Hub
from tests.servers.kubernetes import KubernetesApi
from tests.servers.kubernetes.jobs import JobRunner
from tests.servers.kubernetes.workbench import workbench
from tests.servers.registry import Registry

TOKEN = "hf_readerOfEverything"
PASSWORD = "pass-0xSECRET-word"
PROXY = "http://proxyuser:0xPROXYSECRET@127.0.0.1:1"


@pytest.fixture
def runner(kubernetes_api: KubernetesApi, namespace: str, tmp_path: Path) -> Iterator[JobRunner]:
    runner = JobRunner(kubernetes_api, namespace, tmp_path / "pods")
    yield runner
    runner.stop()


@pytest.fixture
def builder(kubeconfig: Path, namespace: str, runner: JobRunner) -> JobBuilder:
    return JobBuilder(connect(kubeconfig=str(kubeconfig), namespace=namespace), environ={})


@pytest.fixture
def model(hub: Hub, namespace: str) -> str:
    hub.add(f"job/{namespace}", {"config.json": b"{}", "model.safetensors": _weights(3 * 2**20)})
    return f"hf://job/{namespace}"


def _weights(size: int) -> bytes:
    header = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    return len(header).to_bytes(8, "little") + header + bytes(range(256)) * (size // 256)


def _plan(model: str, registry: Registry, namespace: str, tag: str = "1", **options):
    return plan_image(
        model, f"{registry.host}/job/{namespace}:{tag}", base="scratch", insecure=True, token=TOKEN, **options
    )


def _wait(what: str, condition, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def _left(api: KubernetesApi, namespace: str) -> list[str]:
    """Names of what builds made in the project and is still there."""
    return [
        one["metadata"]["name"]
        for plural in ("jobs", "pods", "secrets", "configmaps")
        for one in api.find(plural, namespace)
        if "odh-oci-build" in one["metadata"]["name"]
    ]


def test_a_job_pushes_the_image_and_tells_its_progress(
    builder: JobBuilder, model: str, registry: Registry, namespace: str, kubernetes_api: KubernetesApi
) -> None:
    build = builder.start(_plan(model, registry, namespace), secrets={"hf": TOKEN})
    image = build.wait(60)
    assert build.status is BuildStatus.SUCCEEDED
    assert inspect_image(image, insecure=True).digest in image
    assert registry.tags(f"job/{namespace}") == ["1"]
    assert build.progress.fraction == 1
    assert build.report()["sent"] > 3 * 2**20
    # the credentials go at once, the Job with its log stays for a while
    assert not [
        n for n in (s["metadata"]["name"] for s in kubernetes_api.find("secrets", namespace)) if n == build.id
    ]
    assert kubernetes_api.get("jobs", build.id, namespace)["spec"]["ttlSecondsAfterFinished"] > 0


def test_the_pod_is_restricted_and_small(
    builder: JobBuilder, model: str, registry: Registry, namespace: str, kubernetes_api: KubernetesApi
) -> None:
    build = builder.start(_plan(model, registry, namespace), secrets={"hf": TOKEN})
    build.wait(60)
    job = kubernetes_api.get("jobs", build.id, namespace)
    pod = job["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["resources"]["limits"] == {"cpu": "1", "memory": "256Mi"}
    assert not any("emptyDir" in volume for volume in pod["volumes"])
    for plural in ("secrets", "configmaps"):
        for one in kubernetes_api.find(plural, namespace):
            if one["metadata"]["name"] == build.id:
                assert one["metadata"]["ownerReferences"][0]["uid"] == job["metadata"]["uid"]


def test_no_secret_is_anywhere_but_in_the_secret(
    kubeconfig: Path,
    namespace: str,
    runner: JobRunner,
    model: str,
    registry: Registry,
    kubernetes_api: KubernetesApi,
) -> None:
    environ = {"HTTPS_PROXY": PROXY}
    builder = JobBuilder(connect(kubeconfig=str(kubeconfig), namespace=namespace), environ=environ)
    credentials = Credentials({registry.host: Credential("me", PASSWORD)}, environ={})
    runner.hold()
    secrets = {"hf": TOKEN, "s3": json.dumps({"https://s3.example/b/k": "X-Amz-Signature=0xSIGNED"})}
    build = builder.start(_plan(model, registry, namespace), credentials=credentials, secrets=secrets)
    secret = json.dumps(kubernetes_api.get("secrets", build.id, namespace))
    assert secret  # what follows would be true of nothing, too
    runner.release()
    build.wait(60)
    seen = [
        build.plan.to_json(),
        json.dumps(build.report()),
        *build.logs(),
        *map(str, build.events()),
        repr(build),
    ]
    for plural in ("jobs", "pods", "configmaps", "events"):
        seen += [json.dumps(one) for one in kubernetes_api.find(plural, namespace)]
    seen += [" ".join(command) for command in runner.commands]
    assert runner.environments[0]["HTTPS_PROXY"] == PROXY  # it does arrive where it is needed
    for text in seen:
        for word in (TOKEN, PASSWORD, "0xPROXYSECRET", "0xSIGNED"):
            assert word not in text


def test_a_new_kernel_finds_the_build_and_follows_it(
    builder: JobBuilder, model: str, registry: Registry, namespace: str, runner: JobRunner, kubeconfig: Path
) -> None:
    runner.hold()
    started = builder.start(_plan(model, registry, namespace), secrets={"hf": TOKEN})
    script = textwrap.dedent(f"""
        from odh_oci_widgets.builders.job import JobBuilder
        from odh_oci_widgets.cluster import connect
        (build,) = JobBuilder(connect(kubeconfig={str(kubeconfig)!r}, namespace={namespace!r})).builds()
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


def test_a_killed_pod_is_tried_again_and_what_was_sent_is_reused(
    builder: JobBuilder, hub: Hub, registry: Registry, namespace: str, runner: JobRunner
) -> None:
    name = f"job/{namespace}-killed"
    first, second = _weights(17 * 2**20), _weights(18 * 2**20)
    hub.add(name, {"config.json": b"{}", "a.safetensors": first, "b.safetensors": second[::-1]})
    stall = hub.break_next(f"/{name}/resolve/*/b.safetensors", stall=60, times=100)
    build = builder.start(_plan(f"hf://{name}", registry, namespace), secrets={"hf": TOKEN})
    _wait("one layer stands, and is named by a record", lambda: bool(registry.tags(f"job/{namespace}")))
    stall.times = 0
    runner.kill()
    build.wait(90)
    assert build.status is BuildStatus.SUCCEEDED
    assert len(runner.commands) == 2
    assert build.report()["reused"] >= len(first)


def test_a_broken_log_is_read_on_where_it_broke(
    builder: JobBuilder, model: str, registry: Registry, namespace: str, kubernetes_api: KubernetesApi
) -> None:
    kubernetes_api.cut(path=f"/api/v1/namespaces/{namespace}/pods/.*/log", times=3, after_events=2)
    build = builder.start(_plan(model, registry, namespace), secrets={"hf": TOKEN})
    assert build.wait(60)
    kinds = [event.kind for event in build.told()]
    assert (kinds.count("planned"), kinds.count("done")) == (1, 1)
    assert not [event for event in build.told() if isinstance(event, Log) and event.message.startswith("{")]
    assert {layer["state"] for layer in build.report()["layers"]} == {"done"}


@pytest.mark.parametrize("gone", ["log", "pod"])
def test_a_build_whose_log_is_gone_has_succeeded_all_the_same(
    builder: JobBuilder,
    model: str,
    registry: Registry,
    namespace: str,
    kubernetes_api: KubernetesApi,
    gone: str,
) -> None:
    """Nodes keep the last megabytes of a log, and clusters keep pods that ended as long as they like."""
    build = builder.start(_plan(model, registry, namespace), secrets={"hf": TOKEN})
    image = build.wait(60)
    if gone == "log":
        kubernetes_api.fail(400, path=f"/api/v1/namespaces/{namespace}/pods/.*/log", times=1000)
    else:
        for pod in kubernetes_api.find("pods", namespace):
            kubernetes_api.remove("pods", pod["metadata"]["name"], namespace)
    later = JobBuild(builder.project, build.id, build.plan)
    assert later.wait(30) == (image if gone == "log" else build.plan.image)
    assert later.status is BuildStatus.SUCCEEDED
    later.cancel()  # too late: it stays
    assert kubernetes_api.get("jobs", build.id, namespace)


def test_the_deadline_is_told_as_such(
    kubeconfig: Path, hub: Hub, registry: Registry, namespace: str, runner: JobRunner
) -> None:
    """The engine, asked to end, says that it was cancelled; the Job knows by whom."""
    name = f"job/{namespace}-slow"
    hub.add(name, {"model.safetensors": _weights(2**20)})
    hub.break_next(f"/{name}/resolve/*", stall=60, times=100)
    project = connect(kubeconfig=str(kubeconfig), namespace=namespace)
    builder = JobBuilder(project, settings=JobSettings(deadline=3), environ={})
    build = builder.start(_plan(f"hf://{name}", registry, namespace), secrets={"hf": TOKEN})
    with pytest.raises(BuildPodFailed, match="stopped after its 3 seconds"):
        build.wait(60)
    assert build.status is BuildStatus.FAILED


def test_a_pod_that_is_asked_to_end_is_tried_again(
    builder: JobBuilder, hub: Hub, registry: Registry, namespace: str, runner: JobRunner
) -> None:
    name = f"job/{namespace}-moved"
    hub.add(name, {"model.safetensors": _weights(2**20)})
    stall = hub.break_next(f"/{name}/resolve/*", stall=60, times=100)
    build = builder.start(_plan(f"hf://{name}", registry, namespace), secrets={"hf": TOKEN})
    _wait("it is at work", lambda: any(event.kind == "planned" for event in build.told()))
    stall.times = 0
    runner.terminate()
    assert build.wait(60)
    assert len(runner.commands) == 2


def test_a_login_that_ends_does_not_end_the_build(
    builder: JobBuilder,
    model: str,
    registry: Registry,
    namespace: str,
    runner: JobRunner,
    kubernetes_api: KubernetesApi,
) -> None:
    runner.hold()
    build = builder.start(_plan(model, registry, namespace), secrets={"hf": TOKEN})
    fault = kubernetes_api.fail(401, path=f"/apis/batch/v1/namespaces/{namespace}/jobs/.*", times=1000)
    with pytest.raises(LoginExpired):
        build.wait(30)
    assert build.status is BuildStatus.INTERRUPTED
    assert kubernetes_api.get("secrets", build.id, namespace), "its pod still needs it"
    fault.times = 0
    (again,) = builder.builds()
    assert again is not build
    runner.release()
    assert again.wait(60)


def test_cancel_leaves_nothing_behind(
    builder: JobBuilder, hub: Hub, registry: Registry, namespace: str, kubernetes_api: KubernetesApi
) -> None:
    name = f"job/{namespace}-cancel"
    hub.add(name, {"model.safetensors": _weights(2**20)})
    hub.break_next(f"/{name}/resolve/*", stall=60, times=100)
    build = builder.start(_plan(f"hf://{name}", registry, namespace), secrets={"hf": TOKEN})
    _wait("it runs", lambda: build.status is BuildStatus.RUNNING)
    build.cancel()
    with pytest.raises(Cancelled):
        build.wait(60)
    assert build.status is BuildStatus.CANCELLED
    kubernetes_api.settle()
    _wait("all is gone", lambda: not _left(kubernetes_api, namespace))


def test_a_failure_of_the_engine_keeps_its_type_and_is_not_tried_again(
    builder: JobBuilder, hub: Hub, registry: Registry, namespace: str, runner: JobRunner
) -> None:
    name = f"job/{namespace}-gone"
    hub.add(name, {"model.safetensors": _weights(2**20)})
    plan = _plan(f"hf://{name}", registry, namespace)
    hub.break_next(f"/{name}/resolve/*", status=404, times=100)
    build = builder.start(plan, secrets={"hf": TOKEN})
    with pytest.raises(SourceError):
        build.wait(60)
    assert build.status is BuildStatus.FAILED
    assert len(runner.commands) == 1


def test_two_builds_of_one_image_do_not_meet(
    builder: JobBuilder, model: str, registry: Registry, namespace: str, runner: JobRunner
) -> None:
    runner.hold()
    plan = _plan(model, registry, namespace)
    first = builder.start(plan, secrets={"hf": TOKEN})
    with pytest.raises(BuildConflict) as told:
        builder.start(plan, secrets={"hf": TOKEN})
    assert told.value.build_id == first.id
    another = builder.start(_plan(model, registry, namespace, tag="2"), secrets={"hf": TOKEN})
    builder.if_running = "replace"
    runner.release()
    third = builder.start(plan, secrets={"hf": TOKEN})
    assert third.wait(60)
    assert another.wait(60)
    assert first.status in {BuildStatus.CANCELLED, BuildStatus.SUCCEEDED}


def test_of_two_builds_at_the_same_moment_the_second_is_told(
    kubeconfig: Path, model: str, registry: Registry, namespace: str, runner: JobRunner
) -> None:
    runner.hold()
    plan = _plan(model, registry, namespace)
    gate = threading.Barrier(2)

    class AtOnce(JobBuilder):
        """Both have looked before either is there, and then both are."""

        def _running(self, plan, before=None):
            gate.wait(30)
            if before is not None:
                yield from super()._running(plan, before)

    def start(_: int) -> object:
        builder = AtOnce(connect(kubeconfig=str(kubeconfig), namespace=namespace), environ={})
        try:
            return builder.start(plan, secrets={"hf": TOKEN})
        except BuildConflict as conflict:
            return conflict

    with ThreadPoolExecutor(2) as pool:
        came = list(pool.map(start, range(2)))
    (build,) = (one for one in came if not isinstance(one, BuildConflict))
    assert [one.build_id for one in came if isinstance(one, BuildConflict)] == [build.id]
    runner.release()
    assert build.wait(60)


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ({"refuse": 'pods "x" is forbidden: exceeded quota: q, requested: limits.memory=256Mi'}, "quota"),
        (
            {"refuse": 'pods "x" is forbidden: failed quota: q: must specify limits.ephemeral-storage'},
            "quota wants",
        ),
        ({"refuse": 'pods "x" is forbidden: violates PodSecurity "restricted:latest"'}, "policy"),
        ({"refuse": "minimum cpu usage per Container is 2, but request is 1"}, "limit range"),
        ({"waiting": ("ImagePullBackOff", "Back-off pulling image")}, "cannot be pulled"),
        (
            {
                "waiting": (
                    "CreateContainerConfigError",
                    "container has runAsNonRoot and image will run as root",
                )
            },
            "not root",
        ),
        ({"unschedulable": "0/3 nodes are available: 3 Insufficient memory."}, "No node takes"),
    ],
)
def test_what_keeps_the_pod_from_running_is_told_while_it_waits(
    builder: JobBuilder,
    model: str,
    registry: Registry,
    namespace: str,
    runner: JobRunner,
    trouble: dict,
    words: str,
) -> None:
    for name, value in trouble.items():
        setattr(runner, name, value)
    build = builder.start(_plan(model, registry, namespace), secrets={"hf": TOKEN})
    events = build.events()
    told = next(event for event in events if isinstance(event, Log) and words in event.message)
    assert told.message.count(".") >= 2  # what is the matter, and what to do
    for name in trouble:
        setattr(runner, name, None if name == "waiting" else "")
    assert build.wait(60)


def test_out_of_memory_on_every_attempt_is_a_sentence(
    kubeconfig: Path, hub: Hub, registry: Registry, namespace: str, runner: JobRunner
) -> None:
    builder = JobBuilder(
        connect(kubeconfig=str(kubeconfig), namespace=namespace), settings=JobSettings(retries=0), environ={}
    )
    name = f"job/{namespace}-oom"
    hub.add(name, {"model.safetensors": _weights(2**20)})
    hub.break_next(f"/{name}/resolve/*", stall=60, times=100)
    build = builder.start(_plan(f"hf://{name}", registry, namespace), secrets={"hf": TOKEN})
    _wait("it runs", lambda: bool(runner.commands) and build.status is BuildStatus.RUNNING)
    runner.kill("OOMKilled")
    with pytest.raises(BuildPodFailed, match="memory"):
        build.wait(60)


def test_a_crash_of_the_kernel_leaves_nothing_behind_for_long(
    model: str,
    registry: Registry,
    namespace: str,
    runner: JobRunner,
    kubeconfig: Path,
    kubernetes_api: KubernetesApi,
) -> None:
    runner.hold()
    plan = _plan(model, registry, namespace)
    script = textwrap.dedent(f"""
        import sys, time
        from odh_oci_widgets.builders.job import JobBuilder, JobSettings
        from odh_oci_widgets.cluster import connect
        from odh_oci_widgets.oci import Plan
        builder = JobBuilder(
            connect(kubeconfig={str(kubeconfig)!r}, namespace={namespace!r}), settings=JobSettings(keep=1), environ={{}}
        )
        print(builder.start(Plan.from_json(sys.argv[1]), secrets={{"hf": {TOKEN!r}}}).id, flush=True)
        time.sleep(600)
    """)
    kernel = subprocess.Popen(
        [sys.executable, "-c", script, plan.to_json()],
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )
    assert kernel.stdout is not None
    build_id = kernel.stdout.readline().strip()
    assert kubernetes_api.get("secrets", build_id, namespace)
    kernel.kill()
    kernel.wait(10)
    runner.release()
    _wait("the Job goes on without us", lambda: registry.tags(f"job/{namespace}") == ["1"])
    _wait("all is gone", lambda: not _left(kubernetes_api, namespace))


def test_the_embedded_base_goes_to_the_registry_from_here(
    builder: JobBuilder, tmp_path: Path, model: str, registry: Registry, namespace: str, runner: JobRunner
) -> None:
    """The image is the one that a build here would make, and the bytes of the model do not come through here."""
    plans = [
        plan_image(
            model,
            f"{registry.host}/job/{namespace}-{who}:1",
            base="embedded",
            platforms=("linux/amd64", "linux/arm64"),
            insecure=True,
            token=TOKEN,
        )
        for who in ("job", "kernel")
    ]
    build = builder.start(plans[0], secrets={"hf": TOKEN})
    done = build.wait(60)
    assert verify_image(done, insecure=True).fit
    here = KernelBuilder(tmp_path / "records").start(plans[1], secrets={"hf": TOKEN}).wait(60)
    assert done.partition("@")[2] == here.partition("@")[2]
    assert {layer["state"] for layer in build.report()["layers"] if layer["base"]} == {"reused"}
    assert registry.tags(f"job/{namespace}-job") == ["1"]


@pytest.mark.parametrize(("files", "compiled"), [(1, True), (2000, False)])
def test_a_large_plan_takes_the_smaller_engine(files: int, compiled: bool) -> None:
    """Plan and engine go in one ConfigMap, which holds a mebibyte; the larger engine only starts sooner."""
    digest = "0123456789abcdef" * 4
    plan = make_plan(
        [
            PlanFile(path=f"models/{n:060}", size=1, source=Source(url=f"https://hub/{n}"), sha256=digest)
            for n in range(files)
        ],
        "registry.example/me/model:1",
        base="scratch",
    )
    made = config_map(
        plan,
        "odh-oci-build-1",
        {},
        {"apiVersion": "v1", "kind": "Job", "metadata": {"name": "j", "uid": "u"}},
    )
    archive = base64.b64decode(made["binaryData"]["odh-oci-engine.pyz"])
    assert len(archive) + len(made["data"]["plan.json"]) < 2**20
    names = zipfile.ZipFile(io.BytesIO(archive)).namelist()
    assert "odh_oci_widgets/oci/engine.py" in names
    assert ("odh_oci_widgets/oci/engine.pyc" in names) is compiled


def test_another_base_on_this_disk_is_refused(builder: JobBuilder, model: str, tmp_path: Path) -> None:
    plan = plan_image(model, "quay.example/a/b:1", base=f"oci:{tmp_path}/base:1", token=TOKEN)
    with pytest.raises(PlanInvalid, match="on this disk"):
        builder.start(plan)


def test_a_layout_on_this_disk_is_refused(builder: JobBuilder, model: str, tmp_path: Path) -> None:
    plan = plan_image(model, f"oci:{tmp_path}/image:1", base="scratch", token=TOKEN)
    with pytest.raises(PlanInvalid, match="no disk"):
        builder.start(plan)


class TestFolders:
    """A model on the workbench's volume is mounted into the Job."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        folder = tmp_path / "data" / "model"
        folder.mkdir(parents=True)
        (folder / "model.onnx").write_bytes(b"\x08\x08" + bytes(5000))
        return folder

    def _builder(self, kubeconfig: Path, namespace: str, environ: dict[str, str]) -> JobBuilder:
        return JobBuilder(connect(kubeconfig=str(kubeconfig), namespace=namespace), environ=environ)

    def test_it_is_read_there_on_the_workbenchs_node_in_its_image_with_its_trust(
        self,
        kubeconfig: Path,
        namespace: str,
        runner: JobRunner,
        folder: Path,
        registry: Registry,
        kubernetes_api: KubernetesApi,
    ) -> None:
        environ = workbench(kubernetes_api, namespace, folder.parent, ["ReadWriteOnce"])
        build = self._builder(kubeconfig, namespace, environ).start(_plan(str(folder), registry, namespace))
        assert build.wait(60)
        pod = kubernetes_api.get("jobs", build.id, namespace)["spec"]["template"]["spec"]
        container = pod["containers"][0]
        assert container["image"] == "registry.example/workbench:2026"
        assert pod["imagePullSecrets"] == [{"name": "wb-dockercfg"}]
        (mount,) = [m for m in container["volumeMounts"] if m["mountPath"] == str(folder.parent)]
        assert mount["readOnly"] is True
        affinity = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        assert affinity["nodeSelectorTerms"][0]["matchFields"][0]["values"] == ["node-7"]
        assert {"name": "SSL_CERT_FILE", "value": environ["SSL_CERT_FILE"]} in container["env"]
        # what keeps other pods off the workbench's node does not keep off this one
        assert {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"} in pod["tolerations"]

    def test_a_volume_that_is_written_here_is_not_read_elsewhere(
        self,
        kubeconfig: Path,
        namespace: str,
        folder: Path,
        registry: Registry,
        kubernetes_api: KubernetesApi,
    ) -> None:
        environ = workbench(kubernetes_api, namespace, folder.parent, ["ReadWriteOnce", "ReadOnlyMany"])
        project = connect(kubeconfig=str(kubeconfig), namespace=namespace)
        plan = _plan(str(folder), registry, namespace)
        assert folders_of(plan, find_workbench(project, environ), project).node == "node-7"

    def test_a_shared_volume_binds_to_no_node(
        self,
        kubeconfig: Path,
        namespace: str,
        runner: JobRunner,
        folder: Path,
        registry: Registry,
        kubernetes_api: KubernetesApi,
    ) -> None:
        environ = workbench(kubernetes_api, namespace, folder.parent, ["ReadWriteMany"])
        build = self._builder(kubeconfig, namespace, environ).start(_plan(str(folder), registry, namespace))
        assert build.wait(60)
        pod = kubernetes_api.get("jobs", build.id, namespace)["spec"]["template"]["spec"]
        assert not {"affinity", "tolerations"} & set(pod)

    @pytest.mark.parametrize("modes", [["ReadWriteOncePod"], None])
    def test_what_no_job_can_read_is_told_with_the_way_out(
        self,
        kubeconfig: Path,
        namespace: str,
        folder: Path,
        registry: Registry,
        kubernetes_api: KubernetesApi,
        modes: list[str] | None,
    ) -> None:
        environ = workbench(kubernetes_api, namespace, folder.parent, modes) if modes else {}
        with pytest.raises(SourceNotReachable, match="--builder kernel"):
            self._builder(kubeconfig, namespace, environ).start(_plan(str(folder), registry, namespace))
        assert not _left(kubernetes_api, namespace)
