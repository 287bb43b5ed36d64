"""What the InferenceService itself tells, and what KServe makes of it."""

from __future__ import annotations

from odh_oci_widgets.serving.protocol import ServiceState

from .case import Case, failed, pending, starting

PODS_ENDING = Case(
    code="pods-ending",
    state=ServiceState.DELETING,
    says="The service is deleted; its pods are ending.",
    cause="The InferenceService is gone; a model server gets time to end its last calls.",
)
ABSENT = failed(
    "absent",
    "There is no service `{name}`.",
    cause="The project has no InferenceService of this name.",
    cure="It was deleted, or never made.",
)
DELETING = Case(
    code="deleting",
    state=ServiceState.DELETING,
    says="The service is being deleted.",
    cause=(
        "Somebody deleted it, and finalizers (named in the evidence) still have work to do. When it "
        "stays so for minutes, "
        "KServe's controller is down: ask an administrator."
    ),
)
STOPPING = Case(
    code="stopping",
    state=ServiceState.STOPPED,
    says="The service is being stopped: {pods} still ending.",
    cause="The annotation `serving.kserve.io/stop` is set, by `stop()` or by the dashboard.",
    cure="Start it with `start()`.",
)
STOPPED = Case(
    code="stopped",
    state=ServiceState.STOPPED,
    says="The service is stopped.",
    cause="The annotation `serving.kserve.io/stop` is set, by `stop()` or by the dashboard.",
    cure="Start it with `start()`.",
)
EARLIER_ANSWERS = Case(
    code="earlier-answers",
    state=ServiceState.STARTING,
    says="{sentence} The earlier version still answers.",
    cause=(
        "The newest version is not ready (the first sentence says why), and pods of the version before it"
        " still serve."
    ),
    cure="Repair what the first sentence names, or deploy the earlier image again.",
)

OTHERS_ANSWER = Case(
    code="others-answer",
    state=ServiceState.STARTING,
    says="{sentence} Another of its pods answers.",
    cause="The service has several replicas, and not all of them are up.",
    cure="Repair what the first sentence names; calls go to the pods that answer.",
)
RUNTIME_ABSENT = failed(
    "runtime-absent",
    "{which} does not exist in the project.",
    cause="The ServingRuntime that the service names was deleted or renamed after the deployment.",
    cure="Deploy again: it makes the runtime anew.",
)
RUNTIME_REFUSES_FORMAT = failed(
    "runtime-refuses-format",
    "The serving runtime `{runtime}` does not take the format `{format}`.",
    cause="The runtime's `supportedModelFormats` do not list the model's format.",
    cure="Deploy with another runtime or format.",
)
NO_RUNTIME = failed(
    "no-runtime",
    "No serving runtime takes the format `{format}`.",
    cause="The service names no runtime, and none of the project and the cluster lists the model's format.",
    cure="Deploy with another runtime or format.",
)
RUNTIME_DISABLED = failed(
    "runtime-disabled",
    "The serving runtime `{runtime}` is disabled.",
    cause="An administrator switched the runtime off (`spec.disabled`).",
    cure="Deploy with another runtime.",
)
SPEC_INVALID = failed(
    "spec-invalid",
    "KServe cannot use this service's settings: {message}",
    cause="The InferenceService was changed by hand, or made for another version of KServe.",
    cure="Deploy again.",
)
SPEC_REFUSED = failed(
    "spec-refused",
    "KServe cannot run the service: {message}",
    cause="KServe's controller found no way to make pods of it, and says why in its own words.",
    cure="See the events.",
)
CONTROLLER_FAILS = failed(
    "controller-fails",
    "KServe cannot run the service: {message}",
    cause=(
        "KServe's controller meets an error of its own each time it looks at the service (event "
        "`InternalError`)."
    ),
    cure="Ask an administrator.",
)
NOT_TAKEN_UP = pending(
    "not-taken-up",
    "KServe does not take the service up: its controller may be down.",
    cause="Half a minute after it was made the service has no status at all; KServe usually needs a second.",
    cure="Ask an administrator to look at KServe.",
)
TAKING_UP = pending(
    "taking-up",
    "KServe is taking the service up.",
    cause="The service is new, and KServe has not made its Deployment yet.",
)
VERSION_NOT_TAKEN_UP = starting(
    "version-not-taken-up",
    "KServe has not taken up the newest version yet.",
    cause="The service was changed a moment ago; its pods are those of the version before.",
)
MAKING_POD = pending(
    "making-pod",
    "The cluster is making the pod.",
    cause="The Deployment is there, and its pod comes in a moment.",
)
PODS_UNSEEN = starting(
    "pods-unseen",
    "KServe says: {why}. We may not see the pods.",
    cause="The service is not ready, and the login may read it but not its pods, which would say more.",
    cure="{unread}",
)
