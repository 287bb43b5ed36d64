"""What is told of an LLMInferenceService, which is listed and not managed here."""

from __future__ import annotations

from odh_oci_widgets.serving.protocol import ServiceState

from .case import Case, failed

DELETING = Case(
    code="llm-deleting",
    state=ServiceState.DELETING,
    says="It is being deleted.",
    cause="Somebody deleted the LLMInferenceService.",
)
STOPPED = Case(
    code="llm-stopped",
    state=ServiceState.STOPPED,
    says="It is stopped.",
    cause="The LLMInferenceService was stopped in the dashboard, which is where to start it.",
)
READY = Case(
    code="llm-ready",
    state=ServiceState.READY,
    says="The cluster says that it is ready.",
    cause="Its condition Ready is true; an LLMInferenceService is listed here and not asked.",
)
NOT_READY = failed(
    "llm-not-ready",
    "It is not ready: {words}.",
    cause=(
        "The condition Ready of the LLMInferenceService says so, in its own words. Manage it in the "
        "dashboard."
    ),
)
