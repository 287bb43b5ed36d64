"""A generative model that llm-d serves (LLMInferenceService): listed, so that nobody wonders where it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

from odh_oci_widgets.cluster.errors import KindNotFound, NotAllowed
from odh_oci_widgets.cluster.project import Manifest, Project
from odh_oci_widgets.cluster.resources import LLM_INFERENCE_SERVICES
from odh_oci_widgets.serving.answering import Answering
from odh_oci_widgets.serving.cases import llm as cases
from odh_oci_widgets.serving.errors import ServiceReadOnly
from odh_oci_widgets.serving.protocol import Diagnosis, ServiceState

from .diagnosis import STOP
from .snapshot import condition


@dataclass(kw_only=True)
class LLMService(Answering):
    """What the list read of it. It is made, changed and called with the dashboard's tools, not with ours.

    Its model wants a gateway's address and TLS of its own: whatever would act or call raises ServiceReadOnly.
    """

    name: str
    project: str
    manifest: Manifest = field(repr=False)
    target: str = "project"
    kind: str = "LLMInferenceService"
    generative: bool = True

    @property
    def image(self) -> str:
        """The model's address: `oci://…`, `hf://…`."""
        return str(((self.manifest.get("spec") or {}).get("model") or {}).get("uri") or "")

    @property
    def url(self) -> str | None:
        """Base URL, from outside where it has one; None until there is one."""
        status = self.manifest.get("status") or {}
        first: Manifest = next(iter(status.get("addresses") or ()), {})
        return status.get("url") or first.get("url") or None

    @property
    def state(self) -> ServiceState:
        """As its conditions say; the model is not asked."""
        return self.diagnose().state

    def diagnose(self) -> Diagnosis:
        """The state by the condition Ready, and the condition's own words."""
        metadata = self.manifest["metadata"]
        ready = condition(self.manifest, "Ready")
        words = str(ready.get("message") or ready.get("reason") or "nothing said yet")
        if metadata.get("deletionTimestamp"):
            return cases.DELETING.found()
        if (metadata.get("annotations") or {}).get(STOP) == "true":
            return cases.STOPPED.found()
        if ready.get("status") == "True":
            return cases.READY.found()
        failed = ready.get("status") == "False"
        state = ServiceState.FAILED if failed else ServiceState.STARTING if ready else ServiceState.PENDING
        return cases.NOT_READY.found(state=state, words=words)

    def to_dict(self) -> dict[str, Any]:
        """For `--json`."""
        found = self.diagnose()
        return {
            "name": self.name,
            "target": self.target,
            "kind": self.kind,
            "project": self.project,
            "image": self.image,
            "state": found.state.value,
            "sentence": found.sentence,
            "url": self.url,
        }

    def wait(self, timeout: float = 900) -> NoReturn:  # noqa: ARG002 - the face of every service
        """Raises ServiceReadOnly."""
        self._refuse()

    def logs(self, *, tail: int = 200) -> Iterator[str]:  # noqa: ARG002
        """Raises ServiceReadOnly."""
        self._refuse()

    def delete(self) -> NoReturn:
        """Raises ServiceReadOnly."""
        self._refuse()

    def chat_refusal(self) -> str:
        """Why it cannot chat here."""
        return self._sentence

    def _endpoint(self, timeout: float | None = None) -> NoReturn:  # noqa: ARG002 - every call asks for it
        self._refuse()

    @property
    def _sentence(self) -> str:
        return f"`{self.name}` is an LLMInferenceService, which is only listed here."

    def _refuse(self) -> NoReturn:
        raise ServiceReadOnly(self._sentence, hint="Use the dashboard, or `oc`, for it.")


def list_llm_services(project: Project) -> list[LLMService]:
    """Those of the project; none where the cluster does not know the kind, or we may not see them."""
    for resource in LLM_INFERENCE_SERVICES:
        try:
            objects = project.list(resource)
        except KindNotFound:
            continue
        except NotAllowed:
            return []
        return [
            LLMService(name=one["metadata"]["name"], project=project.namespace, manifest=one)
            for one in objects
        ]
    return []
