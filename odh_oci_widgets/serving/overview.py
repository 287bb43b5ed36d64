"""How all services stand, at one look: what a list of them shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .errors import SandboxUnavailable
from .protocol import Diagnosis, Service


@dataclass(frozen=True, kw_only=True)
class Sight:
    """One service as it stood at that moment."""

    service: Service
    diagnosis: Diagnosis
    #: base URL; None until there is one
    url: str | None
    #: when it was made; None where nobody knows
    created: datetime | None


def sandbox_sights() -> list[Sight]:
    """The services of this machine; none where there can be none."""
    from .sandbox import list_services

    try:
        found = list_services()
    except SandboxUnavailable:
        return []
    return [
        Sight(
            service=one,
            diagnosis=one.diagnose(),
            url=one.url,
            created=datetime.fromisoformat(one.to_dict()["created"]),
        )
        for one in found
    ]
