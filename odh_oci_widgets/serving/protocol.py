"""A service: a deployed model, in the project (KServe) or in the sandbox (this machine), with one face."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from odh_oci_widgets.inference.results import Completion, Prediction

if TYPE_CHECKING:
    from odh_oci_widgets.inference import Calls, Measurement, ModelMetadata, TextStream
    from odh_oci_widgets.inference.generation import Prompt


class ServiceState(StrEnum):
    """Where a service stands. READY means that the model itself answered.

    >>> from odh_oci_widgets import deploy
    >>> digest = "sha256:" + "a" * 64
    >>> iris = deploy(f"quay.io/me/iris@{digest}", "state", format="onnx", memory="2Gi")
    >>> iris.state
    <ServiceState.PENDING: 'pending'>
    """

    PENDING = "pending"
    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"
    STOPPED = "stopped"
    DELETING = "deleting"


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What is the matter: a state, one sentence (what and why), what to do, and what it was read from.

    >>> from odh_oci_widgets import deploy
    >>> digest = "sha256:" + "a" * 64
    >>> iris = deploy(f"quay.io/me/iris@{digest}", "diagnosed", format="onnx", memory="2Gi")
    >>> found = iris.diagnose()
    >>> found.state, found.code, found.sentence
    (<ServiceState.PENDING: 'pending'>, 'taking-up', 'KServe is taking the service up.')
    """

    state: ServiceState
    sentence: str
    hint: str = ""
    #: the facts behind the sentence: conditions, container states, events, log lines
    evidence: tuple[str, ...] = field(default=())
    #: names the case, for machines and on the page about trouble: `server-oom`
    code: str = ""


@runtime_checkable
class Service(Protocol):
    """A deployed model.

    >>> from odh_oci_widgets import Service, deploy
    >>> digest = "sha256:" + "a" * 64
    >>> iris = deploy(f"quay.io/me/iris@{digest}", "served", format="onnx", memory="2Gi")
    >>> isinstance(iris, Service), iris.target, iris.kind
    (True, 'project', 'InferenceService')
    """

    name: str
    #: `project` or `sandbox`
    target: str
    #: what runs it: `InferenceService`, `LLMInferenceService` (only listed), or a `process` of the sandbox
    kind: str

    @property
    def image(self) -> str:
        """`oci://…` as deployed."""

    @property
    def url(self) -> str | None:
        """Base URL that works from here, without a path; None until there is one."""

    @property
    def generative(self) -> bool:
        """Whether its model writes text (the OpenAI protocol) or computes tensors (the V2 protocol)."""

    @property
    def state(self) -> ServiceState:
        """Asked anew at each call; quick."""

    def diagnose(self) -> Diagnosis:
        """State, sentence, hint."""

    def wait(self, timeout: float = 900) -> None:
        """Return when the model answers. Raises ServiceFailed, or ServiceTimeout after `timeout` seconds."""

    def logs(self, *, tail: int = 200) -> Iterator[str]:
        """Last lines of the model server."""

    def delete(self) -> None:
        """Remove it and everything that was made for it; nothing to do when it is gone."""

    @property
    def calls(self) -> Calls:
        """The calls made through this object, latest last."""

    def complete(
        self, prompt: str, *, max_tokens: int = 200, temperature: float = 0.8, **options: Any
    ) -> Completion:
        """Text from a language model; for this and the other calls see `answering.Answering`."""

    def chat(
        self,
        messages: Prompt,
        *,
        system: str | None = None,
        max_tokens: int = 200,
        temperature: float = 0.8,
        **options: Any,
    ) -> Completion:
        """An answer from a language model that has a chat template."""

    def chat_refusal(self) -> str | None:
        """Why the model cannot chat, in a sentence; None when it can."""

    def stream(
        self,
        prompt: Prompt,
        *,
        system: str | None = None,
        max_tokens: int = 200,
        temperature: float = 0.8,
        **options: Any,
    ) -> TextStream:
        """Text piece by piece; a chat for turns or with `system`, a completion otherwise."""

    def classify(
        self, images: Any, *, top: int = 5, labels: Any = None, preprocessing: Any = "auto"
    ) -> list[list[Prediction]]:
        """Classes of each picture (a path, URL, bytes, a PIL image, an array; or a list of them)."""

    def describe(self) -> ModelMetadata:
        """Inputs and outputs of a model behind the V2 protocol."""

    def infer(self, arrays: Any) -> dict[str, Any]:
        """The model's outputs by name, for arrays by input name, or one array."""

    def measure(self, *args: Any, **options: Any) -> Measurement:
        """A small load test."""

    def to_dict(self) -> dict[str, Any]:
        """For `--json`: name, target, image, state, url; no secret."""
