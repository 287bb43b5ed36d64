"""Is it well? The state and the sentence that a user gets, at each moment of what real clusters did."""

from __future__ import annotations

import copy
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from odh_oci_widgets.serving.cases.pulling import pull_failure
from odh_oci_widgets.serving.project.admission import refused_pod
from odh_oci_widgets.serving.project.diagnosis import diagnose
from odh_oci_widgets.serving.project.snapshot import POD_LABEL, Answer, is_ready, snapshots_of
from odh_oci_widgets.serving.project.timeline import event_lines, timeline
from odh_oci_widgets.serving.protocol import ServiceState
from tests.recordings import last, snapshots

RUNNING = {"running": {"startedAt": "2026-11-23T02:00:55Z"}}
YES = Answer(ready=True, status=200)

TAKEN_UP = ("pending", "KServe is taking the service up.")
MADE = ("pending", "The cluster is making the pod.")
WAITS = ("pending", "The pod waits for a node.")
PLACED = ("starting", "The pod has a node and is being set up.")
PULLING = ("starting", "The image `quay.io/org/model:1` is being pulled for _.")
STARTING = ("starting", "The containers are starting.")
LOADING = ("starting", "The model server is loading the model.")
READY = ("ready", "The model answers.")
UP = [TAKEN_UP, MADE, WAITS, PLACED, PULLING, PLACED, STARTING, READY]

TABLE = {
    "ready-internal": UP,
    "ready-token": UP,
    "ready-vllm-gpu": UP,
    # the events of a pull may come before the pod's own status
    "ready-exposed": [TAKEN_UP, MADE, WAITS, PULLING, WAITS, PLACED, STARTING, READY],
    "image-not-found": [
        TAKEN_UP,
        MADE,
        WAITS,
        PLACED,
        STARTING,
        PULLING,
        STARTING,
        ("failed", "The image `quay.io/org/model:1` cannot be pulled: the registry does not have it."),
    ],
    "image-unauthorized": [
        TAKEN_UP,
        MADE,
        WAITS,
        PLACED,
        STARTING,
        PULLING,
        STARTING,
        (
            "failed",
            "The image `quay.io/org/model:1` cannot be pulled: the registry does not let the cluster read it.",
        ),
    ],
    "no-models": [
        TAKEN_UP,
        MADE,
        WAITS,
        PLACED,
        STARTING,
        ("failed", "The image `quay.io/org/model:1` has no model: `/models` is missing or empty."),
    ],
    "model-load-failed": [
        TAKEN_UP,
        MADE,
        WAITS,
        PLACED,
        STARTING,
        LOADING,
        (
            "starting",
            (
                "The model server ended with 1 and is started again: [serving][modelmanager][error] Cannot compile "
                "model into target device."
            ),
        ),
        (
            "failed",
            (
                "The model server cannot load the model: [serving][modelmanager][error] Cannot compile model into "
                "target device."
            ),
        ),
    ],
    "out-of-memory": [
        TAKEN_UP,
        MADE,
        WAITS,
        PLACED,
        STARTING,
        LOADING,
        ("failed", "The model server ran out of memory."),
    ],
    "restart-race": [
        TAKEN_UP,
        MADE,
        WAITS,
        PLACED,
        STARTING,
        LOADING,
        ("starting", "The model server started before the model was in place, and is started again."),
        READY,
    ],
    "unschedulable": [
        TAKEN_UP,
        MADE,
        WAITS,
        ("failed", "No node has a free accelerator (`nvidia.com/gpu`)."),
    ],
    "runtime-missing": [TAKEN_UP, ("failed", "The serving runtime `demo` does not exist in the project.")],
    "format-unsupported": [
        TAKEN_UP,
        ("failed", "The serving runtime `demo` does not take the format `onnx`."),
    ],
    "out-of-quota": [
        TAKEN_UP,
        MADE,
        (
            "failed",
            (
                "The pod does not fit into the project's quota `q`: it asks for limits.cpu=2210m,limits.memory=2191Mi; "
                "used are limits.cpu=0,limits.memory=0 of limits.cpu=1,limits.memory=1Gi."
            ),
        ),
    ],
    "stop-and-start": [
        *UP,
        ("stopped", "The service is being stopped: 1 pod is still ending."),
        ("stopped", "The service is stopped."),
        *UP,
    ],
    "delete": [
        *UP,
        ("deleting", "The service is being deleted."),
        ("deleting", "The service is deleted; its pods are ending."),
        ("failed", "There is no service `demo`."),
    ],
    # at 600 s the Deployment says ProgressDeadlineExceeded: no failure, the pull goes on
    "pull-slow": [TAKEN_UP, MADE, WAITS, PLACED, STARTING, PULLING, STARTING],
}


def moments(situation: str):
    """Every snapshot, with a model that answers as soon as a pod is ready."""
    for snapshot in snapshots(situation):
        yield snapshot.answered(YES) if any(is_ready(pod) for pod in snapshot.current) else snapshot


@pytest.mark.parametrize("name", TABLE)
def test_each_moment_of_a_recording(name):
    seen = []
    for snapshot in moments(name):
        found = diagnose(snapshot)
        told = (found.state.value, re.sub(r"pulled for [^.]*\.", "pulled for _.", found.sentence))
        if not seen or seen[-1] != told:
            seen.append(told)
        assert found.hint or found.state is not ServiceState.FAILED, "a failure says what to do"
    assert seen == TABLE[name]


def test_ready_is_not_believed_before_the_model_answers():
    snapshot = last("ready-internal")
    assert diagnose(snapshot).state is ServiceState.STARTING
    absent = diagnose(snapshot.answered(Answer(ready=False, status=404, text="Model not found")))
    assert absent.state is ServiceState.FAILED
    assert "/models/1/" in absent.hint
    loading = diagnose(snapshot.answered(Answer(ready=False, status=503, text="not ready")))
    assert loading.state is ServiceState.STARTING


def test_a_token_that_is_wrong_and_one_that_may_not():
    snapshot = last("ready-token")
    expired = diagnose(snapshot.answered(Answer(ready=False, status=401)))
    assert "token" in expired.sentence
    assert "oc login" in expired.hint
    forbidden = diagnose(snapshot.answered(Answer(ready=False, status=403)))
    assert "`view`" in forbidden.hint


def test_a_service_that_answers_the_cluster_and_not_us():
    found = diagnose(last("ready-internal").answered(replace(YES, reachable=False, text="no name")))
    assert found.state is ServiceState.READY
    assert "external route" in found.hint


def test_the_restart_race_becomes_a_failure_when_it_does_not_end():
    raced = next(s for s in snapshots("restart-race") if "started before the model" in diagnose(s).sentence)
    raced = copy.deepcopy(raced)
    for status in raced.pods[0]["status"]["containerStatuses"]:
        if status["name"] == "kserve-container":
            status["restartCount"] = 6
            status["lastState"] = {"terminated": status["state"].pop("terminated")}
            status["state"] = {"waiting": {"reason": "CrashLoopBackOff"}}
    assert diagnose(raced).sentence == "The model never appeared at `/mnt/models`."
    assert diagnose(raced).state is ServiceState.FAILED


def with_container(snapshot, name, **status):
    """The snapshot with another status of one container, its pod not ready."""
    snapshot = copy.deepcopy(snapshot)
    pod = snapshot.current[0]
    pod["status"]["conditions"] = [
        {**one, "status": "False"} if one["type"] in {"Ready", "ContainersReady"} else one
        for one in pod["status"]["conditions"]
    ]
    for one in [*pod["status"].get("initContainerStatuses", []), *pod["status"]["containerStatuses"]]:
        if one["name"] == name:
            one.update({"ready": False} | status)
    return snapshot


@pytest.mark.parametrize(
    ("container", "status", "sentence"),
    [
        (
            "modelcar-init",
            {"state": {"terminated": {"exitCode": 1, "message": "exec /usr/bin/sh: exec format error"}}},
            "is made for another processor than the node's",
        ),
        (
            "modelcar-init",
            {
                "state": {
                    "waiting": {
                        "reason": "RunContainerError",
                        "message": 'exec: "sh": executable file not found in $PATH: unknown',
                    }
                }
            },
            "has no shell",
        ),
        (
            "modelcar-init",
            {
                "state": {
                    "waiting": {
                        "reason": "ErrImagePull",
                        "message": "choosing image instance: no image found in image index for architecture arm64",
                    }
                }
            },
            "not made for the processor of the cluster's nodes",
        ),
        (
            "kserve-container",
            {
                "state": {
                    "waiting": {"reason": "ImagePullBackOff", "message": "ErrImagePull: toomanyrequests"}
                }
            },
            "The image of `kserve-container`",
        ),
        (
            "kserve-container",
            {
                "state": {
                    "waiting": {"reason": "CreateContainerConfigError", "message": 'secret "hf" not found'}
                }
            },
            "The secret `hf` that the service needs does not exist.",
        ),
        (
            "kserve-container",
            {
                "restartCount": 4,
                "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                "lastState": {"terminated": {"exitCode": 139}},
            },
            "a crash inside the server (139)",
        ),
    ],
)
def test_containers_by_what_they_say(container, status, sentence):
    snapshot = with_container(last("ready-internal"), container, **status)
    found = diagnose(snapshot)
    assert sentence in found.sentence
    assert found.state is ServiceState.FAILED


def test_a_new_version_that_fails_while_the_old_one_serves():
    """Two versions side by side: the newer pod cannot pull its image."""
    serving = last("ready-internal")
    failing = last("image-not-found")
    newer = copy.deepcopy(failing.pods[0])
    newer["metadata"]["creationTimestamp"] = "2026-11-23T03:00:00Z"
    both = replace(serving, pods=(*serving.pods, newer), events=(*serving.events, *failing.events))
    found = diagnose(both.answered(YES))
    assert found.state is ServiceState.FAILED
    assert found.sentence.endswith("The earlier version still answers.")


def test_one_of_two_replicas_that_cannot_start():
    serving = copy.deepcopy(last("ready-internal"))
    failing = last("image-not-found")
    second = copy.deepcopy(failing.pods[0])
    for field in ("labels", "ownerReferences"):
        second["metadata"][field] = serving.pods[0]["metadata"][field]
    for pods in ((*serving.pods, second), (second, *serving.pods)):
        found = diagnose(replace(serving, pods=pods).answered(YES))
        assert found.state is ServiceState.FAILED
        assert found.sentence.endswith("the registry does not have it. Another of its pods answers.")


def test_an_evicted_pod_beside_the_one_in_its_place():
    """The cluster keeps it as an object, for hours."""
    snapshot = last("ready-internal")
    evicted = copy.deepcopy(snapshot.pods[0])
    evicted["metadata"]["name"] += "-evicted"
    evicted["status"] = {
        "phase": "Failed",
        "reason": "Evicted",
        "message": "The node was low on resource: memory.",
    }
    alone = diagnose(replace(snapshot, pods=(evicted,)))
    assert alone.state is ServiceState.FAILED
    assert "evicted" in alone.sentence
    for pods in ((evicted, *snapshot.pods), (*snapshot.pods, evicted)):
        assert diagnose(replace(snapshot, pods=pods).answered(YES)).state is ServiceState.READY


def test_what_an_earlier_service_of_the_name_left_is_not_told():
    snapshot = next(s for s in snapshots("out-of-quota") if s.deployment and not s.pods)
    service = copy.deepcopy(snapshot.service)
    left = {
        "metadata": {"name": "e", "creationTimestamp": "2026-11-22T00:00:00Z"},
        "involvedObject": {"kind": "ReplicaSet", "name": "demo-predictor-0"},
        "type": "Warning",
        "reason": "FailedCreate",
        "message": "exceeded quota: old, requested: cpu=1, used: cpu=1, limited: cpu=1",
        # its reporter's clock is ahead
        "lastTimestamp": "2026-11-24T00:00:00Z",
    }
    deployment = copy.deepcopy(snapshot.deployment)
    deployment.pop("status", None)
    service.pop("status", None)
    fresh = snapshots_of([service], [], [left], [deployment], now=snapshot.now)[0]
    assert fresh.events == ()
    assert diagnose(fresh).state is ServiceState.PENDING
    left["metadata"]["creationTimestamp"] = service["metadata"]["creationTimestamp"]
    assert (
        diagnose(snapshots_of([service], [], [left], [deployment], now=snapshot.now)[0]).state
        is ServiceState.FAILED
    )


def test_a_pull_whose_end_was_never_told():
    loading = next(s for s in snapshots("restart-race") if diagnose(s).sentence == LOADING[1])
    events = tuple(one for one in loading.events if one["reason"] != "Pulled")
    pulling = {
        "metadata": {"name": "p"},
        "involvedObject": {"kind": "Pod", "name": loading.pods[0]["metadata"]["name"]},
        "reason": "Pulling",
        "message": 'Pulling image "quay.io/org/model:1"',
        # as newer reporters write it
        "eventTime": "2026-11-23T02:00:50.123456Z",
        "lastTimestamp": None,
    }
    assert diagnose(replace(loading, events=(*events, pulling))).sentence == LOADING[1]


@pytest.mark.parametrize(
    "message",
    [
        "[serving][modelmanager][error] The provided base path is invalid or doesn't exist: /mnt/models",
        (
            "OSError: Repo id must be in the form 'repo_name' or 'namespace/repo_name': '/mnt/models'. "
            "Use `repo_type` argument if needed."
        ),
        "FileNotFoundError: [Errno 2] No such file or directory: '/mnt/models/model-settings.json'",
    ],
)
def test_the_restart_race_in_the_words_of_each_server(message):
    ended = {"terminated": {"exitCode": 1, "message": message}}
    for state in (ended, {"waiting": {"reason": "CrashLoopBackOff"}}, RUNNING):
        status = {"restartCount": 1, "state": state, "lastState": ended}
        found = diagnose(with_container(last("ready-internal"), "kserve-container", **status))
        assert found.state is ServiceState.STARTING
        assert "before the model was in place" in found.sentence


def test_a_node_that_stops_reporting():
    """The cluster says of its pods that they are not ready; what the node said of the containers stays."""
    snapshot = copy.deepcopy(last("ready-internal"))
    ready = next(c for c in snapshot.pods[0]["status"]["conditions"] if c["type"] == "Ready")
    ready["status"] = "False"
    found = diagnose(snapshot)
    assert found.state is ServiceState.FAILED
    assert "does not report any more" in found.sentence
    ready["reason"] = "ReadinessGatesNotReady"
    assert diagnose(snapshot).state is ServiceState.STARTING


def test_a_container_of_the_platform_that_came_back():
    snapshot = with_container(last("ready-token"), "kube-rbac-proxy")
    proxy = next(s for s in snapshot.pods[0]["status"]["containerStatuses"] if s["name"] == "kube-rbac-proxy")
    proxy.update({"restartCount": 1, "lastState": {"terminated": {"exitCode": 2}}, "state": RUNNING})
    assert diagnose(snapshot).state is ServiceState.STARTING
    proxy["state"] = {"waiting": {"reason": "CrashLoopBackOff"}}
    assert diagnose(snapshot).state is ServiceState.FAILED


def test_a_change_that_kserve_has_not_seen():
    snapshot = copy.deepcopy(last("ready-internal")).answered(YES)
    snapshot.service["metadata"]["generation"] = 2
    found = diagnose(snapshot)
    assert found.state is ServiceState.STARTING
    assert (
        found.sentence == "KServe has not taken up the newest version yet. The earlier version still answers."
    )


def test_a_failure_that_was_repaired_is_not_told_again():
    """KServe leaves `lastFailureInfo` where it was."""
    snapshot = copy.deepcopy(last("ready-internal")).answered(YES)
    snapshot.service["status"]["modelStatus"]["lastFailureInfo"] = {
        "reason": "NoSupportingRuntime",
        "message": "old",
    }
    assert diagnose(snapshot).state is ServiceState.READY


def test_a_pull_that_begins_and_ends_within_a_second():
    """The order in which the events are listed says nothing."""
    loading = next(s for s in snapshots("restart-race") if diagnose(s).sentence == PLACED[1])
    made = {"creationTimestamp": "2026-11-23T02:00:50Z"}
    pod = {"kind": "Pod", "name": loading.pods[0]["metadata"]["name"]}
    pulled, pulling = (
        {
            "metadata": {"name": f"e{version}", "resourceVersion": version, **made},
            "involvedObject": pod,
            "reason": reason,
            "message": 'image "quay.io/org/model:1"',
            "lastTimestamp": "2026-11-23T02:00:50Z",
        }
        for reason, version in (("Pulled", "1010"), ("Pulling", "999"))
    )
    pods = [{**loading.pods[0], "metadata": {**loading.pods[0]["metadata"], "labels": {POD_LABEL: "demo"}}}]
    (found,) = snapshots_of([loading.service], pods, [pulled, pulling], [loading.deployment], now=loading.now)
    assert diagnose(found).sentence == PLACED[1]


def test_nobody_takes_the_service_up():
    first = next(snapshots("ready-internal"))
    late = diagnose(replace(first, now=first.now + timedelta(minutes=2)))
    assert late.state is ServiceState.PENDING
    assert "controller" in late.sentence
    made = next(s for s in snapshots("ready-internal") if s.deployment)
    late = diagnose(replace(made, now=made.now + timedelta(minutes=2)))
    assert late.sentence == MADE[1]


def test_pods_that_we_may_not_see():
    snapshot = last("image-not-found")
    blind = replace(snapshot, pods=(), events=(), unread=("Cannot list pods: …",))
    found = diagnose(blind)
    assert found.state is ServiceState.STARTING
    assert "We may not see the pods" in found.sentence


@pytest.mark.parametrize(
    ("text", "sentence", "hint"),
    [
        (
            (
                'pods "p" is forbidden: [minimum cpu usage per Container is 50m, but request is 10m, '
                "minimum memory usage per Container is 64Mi, but request is 15Mi]"
            ),
            "the minimum of cpu for each container is 50m",
            "administrator",
        ),
        (
            'pods "p" is forbidden: maximum memory usage per Container is 1Gi, but limit is 4Gi',
            "the maximum of memory for each container is 1Gi",
            "at most 1Gi",
        ),
        (
            'pods "p" is forbidden: unable to validate against any security context constraint: [provider restricted-v2',
            "security context constraints refuse",
            "privileges",
        ),
        (
            'pods "p" is forbidden: failed quota: q: must specify limits.cpu for: modelcar; limits.memory for: modelcar',
            "refuses pods that do not say limits.cpu",
            "cpu and memory",
        ),
        (
            'Internal error occurred: failed calling webhook "pod.kserve.io": no endpoints available',
            "`pod.kserve.io` does not answer",
            "administrator",
        ),
    ],
)
def test_pods_the_cluster_refuses(text, sentence, hint):
    found = refused_pod(text)
    assert sentence in found.sentence
    assert hint in found.hint
    assert found.state is ServiceState.FAILED
    assert found.evidence == (text,)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('failed to resolve reference "r/a:1": r/a:1: not found', "does not have it"),
        ("pull access denied, repository does not exist or may require authorization", "does not let"),
        ("reading manifest: unauthorized: authentication required", "does not let"),
        (
            'Get "https://r/v2/": tls: failed to verify certificate: x509: signed by unknown authority',
            "do not trust",
        ),
        ('Get "https://r/v2/": http: server gave HTTP response to HTTPS client', "plain HTTP"),
        ("dial tcp: lookup registry.example: no such host", "cannot reach"),
        ("dial tcp 127.0.0.1:5000: connect: connection refused", "cannot reach"),
        ("writing blob: no space left on device", "no room"),
        ("toomanyrequests: You have reached your pull rate limit", "limits how often"),
        ("no matching manifest for linux/arm64/v8 in the manifest list entries", "processor"),
        ("something never heard of", "something never heard of"),
    ],
)
def test_why_an_image_cannot_be_pulled(text, why):
    assert why in pull_failure(text).why


def test_an_images_own_name_is_not_taken_for_a_cause():
    snapshot = copy.deepcopy(last("image-not-found"))
    pod = snapshot.current[0]
    for one in [*pod["spec"]["initContainers"], *pod["spec"]["containers"]]:
        if one["image"] == "quay.io/org/model:1":
            one["image"] = "quay.io/denied/401:404"
    for one in pod["status"]["initContainerStatuses"]:
        one["state"] = {
            "waiting": {"reason": "ErrImagePull", "message": "quay.io/denied/401:404: manifest unknown"}
        }
    assert diagnose(snapshot).sentence.endswith("the registry does not have it.")


def test_the_timeline_tells_scheduling_pull_with_seconds_start_and_readiness():
    texts = [one.text for one in timeline(last("ready-internal"))]
    for wanted in (
        "created",
        "scheduled to the node local-1",
        "pulled quay.io/org/model:1 in 3.2s",
        "model server ready",
    ):
        assert wanted in texts
    assert texts.index("created") < texts.index("model server ready")
    slow = [one.text for one in timeline(last("pull-slow"))]
    assert "pulled quay.io/org/model:1 in 10m38.1s" in slow


def test_events_are_lines():
    lines = event_lines(last("image-not-found"))
    assert any("Failed to pull image" in line for line in lines)
    assert lines == sorted(lines, key=lambda line: line.split()[0])
