"""A case that a diagnosis may find."""

from __future__ import annotations

from dataclasses import dataclass

from odh_oci_widgets.cluster.sentence import Sentence
from odh_oci_widgets.serving.protocol import Diagnosis, ServiceState


@dataclass(frozen=True, kw_only=True)
class Case(Sentence):
    """A sentence of `diagnose()`, and the state that goes with it. Every diagnosis is made here.

    >>> case = Case(
    ...     code="stopped",
    ...     state=ServiceState.STOPPED,
    ...     says="`{name}` is stopped.",
    ...     cause="Somebody stopped it.",
    ...     cure="Start it with `start()`.",
    ... )
    >>> found = case.found(name="granite")
    >>> found.code, found.sentence
    ('stopped', '`granite` is stopped.')
    """

    state: ServiceState

    def found(self, *evidence: str, state: ServiceState | None = None, **facts: object) -> Diagnosis:
        """The diagnosis, with what it was read from. `state` is for the few whose state depends on the evidence."""
        return Diagnosis(
            state=state or self.state,
            sentence=self.said(**facts),
            hint=self.cure.format(**facts),
            evidence=tuple(one for one in evidence if one),
            code=self.code,
        )


def pending(code: str, says: str, *, cause: str, cure: str = "") -> Case:
    """A case in which the service waits for the cluster."""
    return Case(code=code, state=ServiceState.PENDING, says=says, cause=cause, cure=cure)


def starting(code: str, says: str, *, cause: str, cure: str = "") -> Case:
    """A case in which the service is on its way."""
    return Case(code=code, state=ServiceState.STARTING, says=says, cause=cause, cure=cure)


def failed(code: str, says: str, *, cause: str, cure: str = "") -> Case:
    """A case that does not pass by itself."""
    return Case(code=code, state=ServiceState.FAILED, says=says, cause=cause, cure=cure)
