"""From a seed to what goes wrong. The same seed is the same scenario everywhere."""

from __future__ import annotations

import random
from dataclasses import dataclass

from .proxy import Fault, Kind, http_date

#: What the engine asks of a registry, and what can go wrong there once without harm.
REQUEST_FAULTS = (
    Kind.STATUS,
    Kind.STATUS,
    Kind.STATUS_EARLY,
    Kind.CUT_REQUEST,
    Kind.RESET_REQUEST,
    Kind.LOSE_ANSWER,
    Kind.CUT_ANSWER,
    Kind.GARBAGE,
    Kind.STALL_REQUEST,
)
PATCH = ("PATCH", "/blobs/uploads/")
COMMIT = ("PUT", "/blobs/uploads/")
BEGIN = ("POST", "/blobs/uploads/")
STATE = ("GET", "/blobs/uploads/")
LOOK = ("HEAD", "/blobs/sha256:")
PUBLISH = ("PUT", "/manifests/")
READ = ("GET", "/manifests/")
FETCH = ("GET", "/(storage|resolve)/")
STATUSES = (500, 502, 503, 504, 429, 408)


@dataclass(frozen=True)
class Scenario:
    """`registry` and `hub` are the faults at each side; `sure` says that the build must succeed all the same."""

    seed: int
    registry: tuple[Fault, ...]
    hub: tuple[Fault, ...]
    sure: bool
    #: requests that a login serves, where the registry wants one
    logins: int | None = None
    #: the model comes from a server, or from this disk
    web: bool = True
    #: the server redirects to storage
    redirects: bool = False
    #: upload in chunks of this size
    chunk: int = 300_000

    def __str__(self) -> str:
        faults = [f"{fault.kind} of {fault.method} {fault.path}" for fault in (*self.registry, *self.hub)]
        return f"{self.seed}: {'; '.join(faults) or 'nothing'}{' always' if not self.sure else ''}"


def scenario(seed: int) -> Scenario:
    """What happens with this seed: most of the time some faults that pass, sometimes one that stays."""
    rng = random.Random(seed)
    options = {
        "logins": rng.choice([None, None, 3, 8]),
        "redirects": rng.random() < 0.5,
        "chunk": rng.choice([100_000, 300_000, 2**30]),
    }
    theme = seed % 10
    if theme < 5:  # the way to the registry, up to three faults
        faults = tuple(_registry_fault(rng) for _ in range(rng.randint(1, 3)))
        return Scenario(seed, faults, (), sure=True, web=rng.random() < 0.3, **options)
    if theme < 7:  # the way from the hub
        faults = tuple(_hub_fault(rng) for _ in range(rng.randint(1, 3)))
        return Scenario(seed, (), faults, sure=True, **options)
    if theme == 7:  # both, and the registry's own troubles
        special = rng.choice(
            [
                Fault(Kind.FORGET, *rng.choice([PATCH, STATE, COMMIT]), nth=rng.randrange(3)),
                Fault(Kind.LIE, *STATE, nth=0),
                Fault(Kind.CORRUPT_REQUEST, *PATCH, nth=rng.randrange(3), at=rng.random()),
                Fault(Kind.RESTART, *rng.choice([PATCH, PATCH, COMMIT, PUBLISH, LOOK]), nth=rng.randrange(2)),
                Fault(Kind.CORRUPT_ANSWER, *FETCH, nth=rng.randrange(3), at=rng.random()),
            ]
        )
        first = _registry_fault(rng)
        if special.path == FETCH[1]:
            return Scenario(seed, (first,), (special,), sure=True, **options)
        # a lie is told only to who asks
        first = Fault(Kind.CUT_REQUEST, *PATCH, nth=0, at=0.7) if special.kind is Kind.LIE else first
        return Scenario(seed, (first, special), (), sure=True, **options)
    return _lasting(seed, rng, options)


def _registry_fault(rng: random.Random) -> Fault:
    method, path = rng.choice([PATCH, PATCH, PATCH, COMMIT, COMMIT, BEGIN, STATE, LOOK, PUBLISH, READ])
    kind = rng.choice(REQUEST_FAULTS)
    fault = Fault(kind, method, path, nth=rng.randrange(3), at=rng.random(), status=rng.choice(STATUSES))
    if kind in {Kind.STATUS, Kind.STATUS_EARLY}:
        if rng.random() < 0.2 and method in {"PATCH", "PUT", "GET"}:
            fault.status = rng.choice([401, 416]) if method == "PATCH" else 401
        if fault.status in {429, 503}:
            fault.headers = (("Retry-After", rng.choice(["0", "1", http_date(1), "soon"])),)
        if fault.status == 401:
            fault.headers = ()
    return fault


def _hub_fault(rng: random.Random) -> Fault:
    kind = rng.choice(
        [
            Kind.STATUS,
            Kind.CUT_ANSWER,
            Kind.CUT_ANSWER,
            Kind.STALL_ANSWER,
            Kind.GARBAGE,
            Kind.LOSE_ANSWER,
            Kind.IGNORE_RANGE,
        ]
    )
    fault = Fault(kind, *FETCH, nth=rng.randrange(4), at=rng.random(), status=rng.choice(STATUSES))
    if fault.status in {429, 503}:
        fault.headers = (("Retry-After", rng.choice(["0", "1"])),)
    return fault


def _lasting(seed: int, rng: random.Random, options: dict[str, object]) -> Scenario:
    """A fault that does not go away: what counts is the error, and that the next try succeeds."""
    registry_side = [
        Fault(
            Kind.STATUS,
            *rng.choice([PATCH, COMMIT, BEGIN, PUBLISH]),
            status=rng.choice([500, 503, 429, 403, 404, 413, 400]),
        ),
        Fault(rng.choice([Kind.CUT_REQUEST, Kind.RESET_REQUEST]), *PATCH, at=rng.random()),
        Fault(rng.choice([Kind.LOSE_ANSWER, Kind.GARBAGE]), *rng.choice([PATCH, COMMIT, PUBLISH, BEGIN])),
        Fault(Kind.CORRUPT_REQUEST, *rng.choice([PATCH, PUBLISH]), at=rng.random()),
        Fault(Kind.CORRUPT_ANSWER, *READ, at=rng.random()),
        Fault(Kind.LIE, *rng.choice([PATCH, STATE])),
        Fault(Kind.FORGET, *rng.choice([PATCH, COMMIT])),
        Fault(Kind.PAGE, *rng.choice([BEGIN, LOOK, PUBLISH, READ, PATCH, COMMIT])),
        Fault(Kind.STALL_REQUEST, *PATCH, at=rng.random()),
    ]
    hub_side = [
        Fault(Kind.STATUS, *FETCH, status=rng.choice([500, 503, 404, 401, 403])),
        Fault(Kind.CUT_ANSWER, *FETCH, at=rng.random() * 0.1),
        Fault(Kind.TRUNCATE, *FETCH, at=rng.random()),
        Fault(Kind.CORRUPT_ANSWER, *FETCH, at=rng.random()),
        Fault(Kind.PAGE, *FETCH),
        Fault(Kind.GARBAGE, *FETCH),
    ]
    at_hub = rng.random() < 0.35
    fault = rng.choice(hub_side if at_hub else registry_side)
    fault.always = True
    fault.nth = rng.randrange(3)
    return Scenario(seed, () if at_hub else (fault,), (fault,) if at_hub else (), sure=False, **options)  # type: ignore[arg-type]
