"""All containers are up: what the model itself answers."""

from __future__ import annotations

from odh_oci_widgets.serving.protocol import ServiceState

from .case import Case, failed, pending, starting

ANSWERS = Case(
    code="answers",
    state=ServiceState.READY,
    says="The model answers.",
    cause="The model was asked and is ready. Nothing is wrong.",
)
ANSWERS_INSIDE = Case(
    code="answers-inside",
    state=ServiceState.READY,
    says="The model answers inside the cluster, and cannot be called from here.",
    cause="The service has no external route, and this machine is not in the cluster's network.",
    cure="Work in a workbench of the cluster, or deploy with an external route. ({text})",
)
NO_ADDRESS = starting(
    "no-address",
    "The model server runs, and the service has no address yet.",
    cause="KServe has not made the Service or the route; the evidence has its reason.",
)
NOT_ASKED = starting(
    "not-asked",
    "The model server runs; the model has not been asked yet.",
    cause="The containers are ready; the model is asked next.",
)
TOKEN_REFUSED = failed(
    "token-refused",
    "The service runs, and does not accept our token: it is wrong or has expired (401).",
    cause="The service asks for a token, and the one of this login is not valid any more.",
    cure="Log in again (`oc login`), then ask again.",
)
CALL_FORBIDDEN = failed(
    "call-forbidden",
    "The service runs, and we may not call it (403).",
    cause="The service asks for a token, and its owner has no right to read the InferenceService.",
    cure="Calls need a user who may read the InferenceService: the role `view` in the project.",
)
MODEL_UNKNOWN = failed(
    "model-unknown",
    "The model server runs, and has no model of this name.",
    cause=(
        "The server found no model in `/mnt/models`, or loaded it under another name (`--served-model-name`)."
    ),
    cure="For OpenVINO the image must hold `/models/1/`; see the log.",
)
CANNOT_ASK = starting(
    "cannot-ask",
    "The model server runs, and the model cannot be asked from here: {text}.",
    cause=(
        "No connection to the service's address: it is internal and we are not, its certificate is "
        "not trusted here, or "
        "a network policy is in the way."
    ),
    cure="Work in a workbench of the cluster, or deploy with an external route.",
)
NOT_LOADED = starting(
    "not-loaded",
    "The model server is up, and the model is being loaded.",
    cause="The server answers, but not yet that the model is ready; the evidence has its answer.",
)
LOADING = starting(
    "loading",
    "The model server is loading the model.",
    cause="The container of the model server runs and is not ready yet.",
    cure="A large model takes minutes.",
)
CONTAINERS_STARTING = starting(
    "containers-starting",
    "The containers are starting.",
    cause="The pod is on its node; not all of its containers run yet.",
)
POD_PLACED = starting(
    "pod-placed",
    "The pod has a node and is being set up.",
    cause="The scheduler has found a node, which prepares network and volumes.",
)
POD_WAITS = pending(
    "pod-waits",
    "The pod waits for a node.",
    cause="The scheduler has not looked at the pod yet.",
)
