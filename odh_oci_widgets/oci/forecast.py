"""What a build would do, without doing it: bytes to move, bytes to reuse, and what cannot work."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from threading import Event as Flag

from . import image, limits, reuse
from .base import SCRATCH, SCRATCH_NOTE
from .credentials import Credentials
from .errors import OdhOciError, ReferenceInvalid, RegistryError, SourceError
from .events import Event, Log
from .http import http_pool
from .plan import Plan, PlanFile, checked
from .sources import Broken, Web
from .store import RegistryStore
from .survey import AnyStore, Survey, Work
from .tar import LayerTar
from .tuning import DEFAULT, Tuning


class Action(StrEnum):
    """What happens to a layer.

    >>> from odh_oci_widgets.builders import plan_image
    >>> from odh_oci_widgets.oci import preflight
    >>> plan = plan_image("iris.onnx", "oci:new-image", base="embedded")
    >>> sorted({layer.action.value for layer in preflight(plan).layers})
    ['send']
    """

    #: read from its source and sent
    SEND = "send"
    #: taken over from another repository of the same registry
    MOUNT = "mount"
    #: there already
    REUSE = "reuse"


@dataclass(frozen=True, kw_only=True)
class LayerForecast:
    """A layer, its bytes, and what would happen to it.

    >>> from odh_oci_widgets.builders import plan_image
    >>> from odh_oci_widgets.oci import preflight
    >>> forecast = preflight(plan_image("iris.onnx", "oci:forecast-image", base="embedded"))
    >>> [(layer.title, layer.action.value) for layer in forecast.layers if not layer.base]
    [('1/iris.onnx', 'send')]
    """

    title: str
    size: int
    action: Action
    base: bool = False


@dataclass(frozen=True, kw_only=True)
class Preflight:
    """What `run` would do. With `problems` it would fail; `notes` are worth knowing.

    >>> from odh_oci_widgets.builders import plan_image
    >>> from odh_oci_widgets.oci import preflight
    >>> forecast = preflight(plan_image("iris.onnx", "oci:preflight-image", base="embedded"))
    >>> forecast.problems, forecast.to_move > 0
    ((), True)
    """

    image: str
    layers: tuple[LayerForecast, ...]
    problems: tuple[OdhOciError, ...]
    notes: tuple[str, ...]

    @property
    def to_move(self) -> int:
        """Bytes of layers that would be sent."""
        return sum(layer.size for layer in self.layers if layer.action is Action.SEND)

    @property
    def reused(self) -> int:
        """Bytes of layers that would not move."""
        return sum(layer.size for layer in self.layers) - self.to_move


def preflight(
    plan: Plan,
    *,
    credentials: Credentials | None = None,
    secrets: Mapping[str, str] | None = None,
    cancel: Flag | None = None,
    tuning: Tuning = DEFAULT,
) -> Preflight:
    """Look at destination, base, earlier images and sources; nothing is written.

    Trouble is collected in `problems` instead of being raised, except Cancelled.

    >>> from odh_oci_widgets.builders import plan_image
    >>> from odh_oci_widgets.oci import preflight
    >>> plan = plan_image("iris.onnx", "oci:iris-image", base="embedded")
    >>> preflight(plan).to_move  # the image is there already
    0
    """
    notes: list[str] = []

    def hear(event: Event) -> None:
        if isinstance(event, Log):
            notes.append(event.message)

    stop = cancel or Flag()
    survey = Survey(plan, credentials or Credentials(), stop, hear, tuning)
    web = Web(http_pool(read=tuning.stall), dict(secrets or {}))
    problems: list[OdhOciError] = []
    forecasts: tuple[LayerForecast, ...] = ()
    try:
        checked(plan)
        forecasts = _unknown(plan)
        for problem in limits.problems(plan, 0):
            if isinstance(problem, ReferenceInvalid):
                raise problem  # what the registry says to such a name helps nobody
            problems.append(problem)
        store = survey.open(plan.image, writes=True)
        problems += _may_push(store, survey)
        works, actions = _actions(survey, store)
        forecasts = tuple(
            LayerForecast(title=w.title, size=w.size, action=a, base=w.base is not None)
            for w, a in zip(works, actions, strict=True)
        )
        to_move = sum(f.size for f in forecasts if f.action is Action.SEND)
        problems += limits.problems(plan, to_move)
        unread = [w for w, a in zip(works, actions, strict=True) if a is Action.SEND]
        problems += _sources(web, unread)
    except OdhOciError as error:
        survey.patience(None).check()
        problems.append(error)
    finally:
        survey.close()
        web.http.close()
    if plan.base == SCRATCH and SCRATCH_NOTE not in notes:
        notes.append(SCRATCH_NOTE)
    return Preflight(image=plan.image, layers=forecasts, problems=tuple(_once(problems)), notes=tuple(notes))


def _unknown(plan: Plan) -> tuple[LayerForecast, ...]:
    """What is to be feared as long as nobody can be asked what is there already."""
    return tuple(
        LayerForecast(title=image.title(layer), size=LayerTar(layer).size, action=Action.SEND)
        for layer in plan.layers
    )


def _actions(survey: Survey, store: AnyStore) -> tuple[list[Work], list[Action]]:
    _, candidates = survey.earlier(store)
    works = survey.works(survey.bases(candidates))
    return works, [_action(work, survey, store, candidates) for work in works]


def _action(work: Work, survey: Survey, store: AnyStore, candidates: reuse.Candidates) -> Action:
    origin: object = work.base.store if work.base is not None else None
    descriptor = work.descriptor
    if work.layer is not None:
        found = candidates.find(work.layer, survey.patience(None), DEFAULT.block)
        if found is None:
            return Action.SEND
        origin, descriptor = found.origin, found.descriptor
    if descriptor is not None and store.has_blob(descriptor["digest"], work.size):
        return Action.REUSE
    same = isinstance(origin, RegistryStore) and isinstance(store, RegistryStore)
    if same and origin.reference.registry == store.reference.registry and origin.name != store.name:  # type: ignore[attr-defined,union-attr]
        return Action.MOUNT
    return Action.SEND


def _may_push(store: AnyStore, survey: Survey) -> list[OdhOciError]:
    """Begin an upload and cancel it: nothing else tells for sure that we may push."""
    if not isinstance(store, RegistryStore):
        return []
    url = store.url("blobs/uploads/")
    try:
        response = store.request(
            "POST",
            url,
            ok=(202,),
            headers={"Content-Length": "0"},
            patience=survey.patience(None),
        )
    except RegistryError as error:
        return [error]
    location = response.headers.get("Location")
    if location:
        store.cancel_upload(store.locate(location, url))
    return []


def _sources(web: Web, works: list[Work]) -> list[OdhOciError]:
    """Whether local files are what was chosen, and whether the largest file of each host may be read."""
    files = [file for work in works if work.layer is not None for file in work.layer.files]
    problems: list[OdhOciError] = []
    hosts: set[tuple[str, str | None]] = set()
    for file in sorted(files, key=lambda file: -file.size):
        problem = None
        if file.source.path is not None:
            problem = _local(file)
        elif file.source.url is not None and file.size:
            key = (file.source.url.split("/", 3)[2], file.source.auth)
            if key not in hosts:
                hosts.add(key)
                problem = _remote(web, file)
        if problem is not None:
            problems.append(problem)
    return problems


def _local(file: PlanFile) -> OdhOciError | None:
    path = Path(file.source.path or "")
    try:
        size = path.stat().st_size
    except OSError as error:
        return SourceError(f"`{path}` cannot be read: {error.strerror}.", hint="Choose the model again.")
    if size != file.size:
        return SourceError(f"`{path}` changed since it was chosen.", hint="Choose the model again.")
    return None


def _remote(web: Web, file: PlanFile) -> OdhOciError | None:
    try:
        with closing(web.get(file, 0, 1)):
            return None
    except SourceError as error:
        return error
    except Broken as broken:
        return SourceError(f"`{file.source.url}` cannot be read: {broken}.", hint="Check the network.")


def _once(problems: list[OdhOciError]) -> list[OdhOciError]:
    """Each sentence once."""
    return list({str(problem): problem for problem in problems}.values())
