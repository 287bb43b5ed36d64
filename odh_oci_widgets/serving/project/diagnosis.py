"""Is it well? From a snapshot to one sentence: what, why, what to do. Pure: asks nothing, decides by mechanism.

KServe's own status says little: it looks at the model server's container only, and believes a service ready when its
port is open. So the pods, their events and the Deployment are read too, and the model itself is asked.
"""

from __future__ import annotations

from dataclasses import replace

from odh_oci_widgets.cluster.project import Manifest
from odh_oci_widgets.serving.cases import answer as answers
from odh_oci_widgets.serving.cases import service as cases
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
        return cases.PODS_ENDING.found()
    return cases.ABSENT.found(name=snapshot.name)


def _deleting(snapshot: Snapshot) -> Diagnosis | None:
    metadata = (snapshot.service or {}).get("metadata") or {}
    if not metadata.get("deletionTimestamp"):
        return None
    finalizers = ", ".join(_finalizers(snapshot))
    return cases.DELETING.found(*([f"finalizers: {finalizers}"] if finalizers else []))


def _stopped(snapshot: Snapshot) -> Diagnosis | None:
    if snapshot.annotations.get(STOP) != "true":
        return None
    count = len(snapshot.pods)
    if count:
        return cases.STOPPING.found(pods="1 pod is" if count == 1 else f"{count} pods are")
    return cases.STOPPED.found()


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
        return cases.RUNTIME_ABSENT.found(message, which=which)
    if reason == "NoSupportingRuntime":
        case = cases.RUNTIME_REFUSES_FORMAT if runtime else cases.NO_RUNTIME
        return case.found(message, runtime=runtime, format=model_format)
    if reason == "RuntimeDisabled":
        return cases.RUNTIME_DISABLED.found(message, runtime=runtime)
    if reason == "InvalidPredictorSpec":
        return cases.SPEC_INVALID.found(message, message=message)
    if not snapshot.pods and message:
        return cases.SPEC_REFUSED.found(message, message=message)
    return None  # a failed load: the pods say more


def _refused_pods(snapshot: Snapshot) -> Diagnosis | None:
    """The Deployment may not make its pods."""
    failure = condition(snapshot.deployment, "ReplicaFailure")
    if failure.get("status") == "True":
        return _meanwhile(snapshot, refused_pod(str(failure.get("message", ""))))
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
    return _meanwhile(snapshot, (grave or found)[0])


def _not_begun(snapshot: Snapshot) -> Diagnosis | None:
    """Before there are pods, and when KServe has not looked at the newest version yet."""
    if snapshot.current and not _outdated(snapshot):
        return None
    if _outdated(snapshot) and snapshot.alive:
        return _meanwhile(
            snapshot,
            cases.VERSION_NOT_TAKEN_UP.found(),
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
        return cases.CONTROLLER_FAILS.found(problem, message=problem)
    seen = snapshot.status or snapshot.deployment or _finalizers(snapshot)
    if not seen and age > _UNNOTICED_SECONDS:
        return cases.NOT_TAKEN_UP.found()
    if snapshot.deployment is None and not snapshot.unread:
        return cases.TAKING_UP.found(problem)
    if any("pods" in text for text in snapshot.unread):
        return _unseen(snapshot)
    return cases.MAKING_POD.found()


def _answer(snapshot: Snapshot) -> Diagnosis:
    """All containers are up: what KServe says, and then the model itself."""
    waiting = [pod for pod in snapshot.current if not is_ready(pod)]
    if waiting:
        return _meanwhile(snapshot, _loading(waiting[0]))
    ready = snapshot.condition("Ready")
    ingress = snapshot.condition("IngressReady")
    if ready.get("status") != "True" and ingress.get("status") == "False":
        return answers.NO_ADDRESS.found(str(ingress.get("message", "")))
    answer = snapshot.answer
    if answer is None:
        return answers.NOT_ASKED.found()
    if answer.ready and answer.reachable:
        return answers.ANSWERS.found()
    if answer.ready:
        return answers.ANSWERS_INSIDE.found(text=answer.text)
    return _silent(answer.status, answer.text)


def _silent(status: int | None, text: str) -> Diagnosis:
    case = {401: answers.TOKEN_REFUSED, 403: answers.CALL_FORBIDDEN, 404: answers.MODEL_UNKNOWN}.get(
        status or 0
    )
    if case is not None:
        return case.found(text)
    if status is None:
        return answers.CANNOT_ASK.found(text=text or "no answer")
    return answers.NOT_LOADED.found(f"{status} {text}")


def _loading(pod: Manifest) -> Diagnosis:
    running = [
        one for one in statuses(pod) if one["name"] == SERVER and (one.get("state") or {}).get("running")
    ]
    if running:
        return answers.LOADING.found()
    if any(True for _ in statuses(pod)):
        return answers.CONTAINERS_STARTING.found()
    if condition(pod, "PodScheduled").get("status") == "True":
        return answers.POD_PLACED.found()
    return answers.POD_WAITS.found()


def _unseen(snapshot: Snapshot) -> Diagnosis:
    """We may read the service and not its pods."""
    ready = snapshot.condition("Ready")
    if ready.get("status") == "True":
        return _answer(replace(snapshot, unread=()))
    why = str(ready.get("message") or ready.get("reason") or "not ready yet")
    return cases.PODS_UNSEEN.found(why=why.rstrip("."), unread=snapshot.unread[0])


def _meanwhile(snapshot: Snapshot, found: Diagnosis, older: list[Manifest] | None = None) -> Diagnosis:
    """Say that an earlier version, or another pod of this one, answers all the same."""
    if snapshot.older if older is None else older:
        return replace(found, sentence=cases.EARLIER_ANSWERS.said(sentence=found.sentence))
    if snapshot.answer is not None and snapshot.answer.ready and any(map(is_ready, snapshot.current)):
        return replace(found, sentence=cases.OTHERS_ANSWER.said(sentence=found.sentence))
    return found


def _finalizers(snapshot: Snapshot) -> list[str]:
    return list(((snapshot.service or {}).get("metadata") or {}).get("finalizers") or ())


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
