"""Is it well? From a snapshot to one sentence: what, why, what to do. Pure: asks nothing, decides by mechanism.

KServe's own status says little: it looks at the model server's container only, and believes a service ready when its
port is open. So the pods, their events and the Deployment are read too, and the model itself is asked.
"""

from __future__ import annotations

from dataclasses import replace

from odh_oci_widgets.cluster.project import Manifest
from odh_oci_widgets.serving.protocol import Diagnosis, ServiceState

from .admission import refused_pod
from .pods import SERVER, pod_diagnosis, statuses
from .snapshot import Snapshot, condition, is_ready, moment

STOP = "serving.kserve.io/stop"

#: KServe usually takes a service up within a second.
_UNNOTICED_SECONDS = 30
#: Transition states of KServe in which `lastFailureInfo` is about now; otherwise it may be a leftover.
_FAILING = {"InvalidSpec", "BlockedByFailedLoad"}


def diagnose(snapshot: Snapshot) -> Diagnosis:
    """State, sentence, hint, evidence."""
    for rule in (_absent, _deleting, _stopped, _refused_spec, _refused_pods, _pods, _not_begun, _answer):
        found = rule(snapshot)
        if found is not None:
            return replace(found, evidence=(*found.evidence, *snapshot.unread))
    raise AssertionError  # `_answer` always finds something


def _absent(snapshot: Snapshot) -> Diagnosis | None:
    if snapshot.service is not None:
        return None
    if snapshot.pods:
        return _said(ServiceState.DELETING, "The service is deleted; its pods are ending.")
    return _said(
        ServiceState.FAILED, f"There is no service `{snapshot.name}`.", "It was deleted, or never made."
    )


def _deleting(snapshot: Snapshot) -> Diagnosis | None:
    metadata = (snapshot.service or {}).get("metadata") or {}
    if not metadata.get("deletionTimestamp"):
        return None
    finalizers = ", ".join(metadata.get("finalizers") or ())
    return _said(
        ServiceState.DELETING,
        "The service is being deleted.",
        "",
        *([f"finalizers: {finalizers}"] if finalizers else []),
    )


def _stopped(snapshot: Snapshot) -> Diagnosis | None:
    if snapshot.annotations.get(STOP) != "true":
        return None
    count = len(snapshot.pods)
    if count:
        pods = "1 pod is" if count == 1 else f"{count} pods are"
        return _said(
            ServiceState.STOPPED,
            f"The service is being stopped: {pods} still ending.",
            "Start it with `start()`.",
        )
    return _said(ServiceState.STOPPED, "The service is stopped.", "Start it with `start()`.")


def _refused_spec(snapshot: Snapshot) -> Diagnosis | None:
    """KServe cannot make anything of it: no runtime, a format the runtime does not take."""
    model = snapshot.status.get("modelStatus") or {}
    failure = model.get("lastFailureInfo") or {}
    if model.get("transitionStatus") not in _FAILING or snapshot.condition("Ready").get("status") == "True":
        return None
    reason, message = failure.get("reason", ""), str(failure.get("message", "")).strip()
    predictor = ((snapshot.service or {}).get("spec") or {}).get("predictor") or {}
    asked = predictor.get("model") or {}
    runtime = asked.get("runtime")
    model_format = (asked.get("modelFormat") or {}).get("name", "")
    if reason == "RuntimeNotRecognized":
        which = f"The serving runtime `{runtime}`" if runtime else "A serving runtime"
        return _said(
            ServiceState.FAILED,
            f"{which} does not exist in the project.",
            "Deploy again: it makes the runtime anew.",
            message,
        )
    if reason == "NoSupportingRuntime":
        if runtime:
            sentence = f"The serving runtime `{runtime}` does not take the format `{model_format}`."
        else:
            sentence = f"No serving runtime takes the format `{model_format}`."
        return _said(ServiceState.FAILED, sentence, "Deploy with another runtime or format.", message)
    if reason == "RuntimeDisabled":
        return _said(
            ServiceState.FAILED,
            f"The serving runtime `{runtime}` is disabled.",
            "Deploy with another runtime.",
            message,
        )
    if reason == "InvalidPredictorSpec":
        return _said(
            ServiceState.FAILED,
            f"KServe cannot use this service's settings: {message}",
            "Deploy again.",
            message,
        )
    if not snapshot.pods and message:
        return _said(
            ServiceState.FAILED, f"KServe cannot run the service: {message}", "See the events.", message
        )
    return None  # a failed load: the pods say more


def _refused_pods(snapshot: Snapshot) -> Diagnosis | None:
    """The Deployment may not make its pods."""
    failure = condition(snapshot.deployment, "ReplicaFailure")
    if failure.get("status") == "True":
        return _with_older(snapshot, refused_pod(str(failure.get("message", ""))))
    predictor = snapshot.condition("PredictorReady")
    if (
        predictor.get("reason") == "FailedCreate"
        and predictor.get("status") == "False"
        and not snapshot.current
    ):
        return refused_pod(str(predictor.get("message", "")))
    if not snapshot.current:
        creations = [e for e in snapshot.events if e.get("reason") in {"FailedCreate", "SuccessfulCreate"}]
        if creations and creations[-1]["reason"] == "FailedCreate":
            return refused_pod(str(creations[-1].get("message", "")))
    return None


def _pods(snapshot: Snapshot) -> Diagnosis | None:
    found = [one for pod in snapshot.current if (one := pod_diagnosis(snapshot, pod)) is not None]
    if not found:
        return None
    grave = [one for one in found if one.state is ServiceState.FAILED]
    return _with_older(snapshot, (grave or found)[0])


def _not_begun(snapshot: Snapshot) -> Diagnosis | None:
    """Before there are pods, and when KServe has not looked at the newest version yet."""
    if snapshot.current and not _outdated(snapshot):
        return None
    if _outdated(snapshot) and snapshot.alive:
        return _with_older(
            snapshot,
            _said(ServiceState.STARTING, "KServe has not taken up the newest version yet."),
            older=snapshot.alive,
        )
    problem = next(
        (
            str(event.get("message", ""))
            for event in reversed(snapshot.events_of("InferenceService", snapshot.name))
            if event.get("type") == "Warning"
            and event.get("reason") == "InternalError"
            and not _is_passing(event)
        ),
        "",
    )
    age = _age_seconds(snapshot)
    if problem and age > _UNNOTICED_SECONDS:
        return _said(
            ServiceState.FAILED, f"KServe cannot run the service: {problem}", "Ask an administrator.", problem
        )
    if not snapshot.status and age > _UNNOTICED_SECONDS:
        return _said(
            ServiceState.PENDING,
            "KServe does not take the service up: its controller may be down.",
            "Ask an administrator to look at KServe.",
        )
    if snapshot.deployment is None and not snapshot.unread:
        return _said(
            ServiceState.PENDING, "KServe is taking the service up.", "", *([problem] if problem else [])
        )
    if any("pods" in text for text in snapshot.unread):
        return _unseen(snapshot)
    return _said(ServiceState.PENDING, "The cluster is making the pod.")


def _answer(snapshot: Snapshot) -> Diagnosis:
    """All containers are up: what KServe says, and then the model itself."""
    waiting = [pod for pod in snapshot.current if not is_ready(pod)]
    if waiting:
        return _with_older(snapshot, _loading(waiting[0]))
    ready = snapshot.condition("Ready")
    ingress = snapshot.condition("IngressReady")
    if ready.get("status") != "True" and ingress.get("status") == "False":
        return _said(
            ServiceState.STARTING,
            "The model server runs, and the service has no address yet.",
            "",
            str(ingress.get("message", "")),
        )
    answer = snapshot.answer
    if answer is None:
        return _said(ServiceState.STARTING, "The model server runs; the model has not been asked yet.")
    if answer.ready and answer.reachable:
        return _said(ServiceState.READY, "The model answers.")
    if answer.ready:
        return _said(
            ServiceState.READY,
            "The model answers inside the cluster, and cannot be called from here.",
            f"Work in a workbench of the cluster, or deploy with an external route. ({answer.text})",
        )
    return _silent(answer.status, answer.text)


def _silent(status: int | None, text: str) -> Diagnosis:
    if status == 401:
        return _said(
            ServiceState.FAILED,
            "The service runs, and does not accept our token: it is wrong or has expired (401).",
            "Log in again (`oc login`), then ask again.",
            text,
        )
    if status == 403:
        return _said(
            ServiceState.FAILED,
            "The service runs, and we may not call it (403).",
            "Calls need a user who may read the InferenceService: the role `view` in the project.",
            text,
        )
    if status == 404:
        return _said(
            ServiceState.FAILED,
            "The model server runs, and has no model of this name.",
            "For OpenVINO the image must hold `/models/1/`; see the log.",
            text,
        )
    if status is None:
        return _said(
            ServiceState.STARTING,
            f"The model server runs, and the model cannot be asked from here: {text.rstrip('.') or 'no answer'}.",
            "Work in a workbench of the cluster, or deploy with an external route.",
        )
    return _said(
        ServiceState.STARTING,
        "The model server is up, and the model is being loaded.",
        "",
        f"{status} {text}",
    )


def _loading(pod: Manifest) -> Diagnosis:
    running = [
        one for one in statuses(pod) if one["name"] == SERVER and (one.get("state") or {}).get("running")
    ]
    if running:
        return _said(
            ServiceState.STARTING, "The model server is loading the model.", "A large model takes minutes."
        )
    if any(True for _ in statuses(pod)):
        return _said(ServiceState.STARTING, "The containers are starting.")
    if condition(pod, "PodScheduled").get("status") == "True":
        return _said(ServiceState.STARTING, "The pod has a node and is being set up.")
    return _said(ServiceState.PENDING, "The pod waits for a node.")


def _unseen(snapshot: Snapshot) -> Diagnosis:
    """We may read the service and not its pods."""
    ready = snapshot.condition("Ready")
    if ready.get("status") == "True":
        return _answer(replace(snapshot, unread=()))
    why = str(ready.get("message") or ready.get("reason") or "not ready yet")
    return _said(ServiceState.STARTING, f"KServe says: {why}. We may not see the pods.", snapshot.unread[0])


def _with_older(snapshot: Snapshot, found: Diagnosis, older: list[Manifest] | None = None) -> Diagnosis:
    """Say that an earlier version still answers while the newest does not."""
    if not (snapshot.older if older is None else older):
        return found
    return replace(found, sentence=f"{found.sentence} The earlier version still answers.")


def _outdated(snapshot: Snapshot) -> bool:
    seen = snapshot.status.get("observedGeneration")
    generation = ((snapshot.service or {}).get("metadata") or {}).get("generation")
    return seen is not None and generation is not None and int(seen) < int(generation)


def _age_seconds(snapshot: Snapshot) -> float:
    made = moment(((snapshot.service or {}).get("metadata") or {}).get("creationTimestamp"))
    return (snapshot.now - made).total_seconds() if made else 0.0


def _is_passing(event: Manifest) -> bool:
    """Controllers that meet each other's writes say so and try again."""
    message = str(event.get("message", ""))
    return "the object has been modified" in message or "already exists" in message


def _said(state: ServiceState, sentence: str, hint: str = "", *evidence: str) -> Diagnosis:
    return Diagnosis(
        state=state, sentence=sentence, hint=hint, evidence=tuple(one for one in evidence if one)
    )
