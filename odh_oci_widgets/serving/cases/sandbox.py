"""What becomes of a service on this machine."""

from __future__ import annotations

from odh_oci_widgets.serving.protocol import ServiceState

from .case import Case, failed, starting

REPLACED = Case(
    code="sandbox-replaced",
    state=ServiceState.STOPPED,
    says="The service `{name}` was deleted or replaced.",
    cause="Another notebook or terminal deleted it, or deployed another of the same name.",
    cure="Deploy it again, or find the present one: `service(name)`.",
)
LOADING = starting(
    "sandbox-loading",
    "The model server is loading the model.",
    cause="The process on this machine runs, and its model does not answer yet.",
    cure="Wait for it: `service.wait()`.",
)
MODEL_UNLOADABLE = failed(
    "sandbox-model-unloadable",
    "The model `{path}` cannot be loaded: {words}.",
    cause="onnxruntime refuses the file; its own words follow the colon.",
    cure="Is the file complete and an ONNX model? Then look at the logs.",
)
SERVER_UNSTARTABLE = failed(
    "sandbox-server-unstartable",
    "The sandbox's model server cannot be started: {words}.",
    cause="A package of the extra `[sandbox]` is missing, or does not fit the others.",
    cure="Install the extra again: `pip install -U 'odh-oci-widgets[sandbox]'`.",
)
PROCESS_FAILED = failed(
    "sandbox-process-failed",
    "The model server ended: {words}",
    cause="The process ended with an error; its last words follow the colon.",
    cure="See `odh-oci logs {name}`.",
)
PROCESS_GONE = Case(
    code="sandbox-process-gone",
    state=ServiceState.STOPPED,
    says="The model server does not run any more: this machine (or pod) was restarted, or it was killed.",
    cause="The process ended without a word: a restart of the workbench, or the kernel that needed its memory.",
    cure="Deploy it again; if it ends again, the model may need more memory than there is.",
)
#: what the server's process may leave on record of its failure
UNSERVED = {case.code: case for case in (MODEL_UNLOADABLE, SERVER_UNSTARTABLE)}
