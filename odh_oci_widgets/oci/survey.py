"""What stands before the first byte moves: the stores, the bases, the layers, and what can be reused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event as Flag

from . import base as bases
from . import image, reuse
from .base import Base
from .credentials import Credentials
from .events import Event, Log, Retry
from .media import Descriptor
from .plan import Plan, PlanLayer
from .reference import LayoutReference, Reference, parse_image
from .registry import Manifest
from .retry import Notify, Patience
from .store import LayoutStore, RegistryStore, open_store
from .tar import LayerTar
from .tuning import Tuning

AnyStore = RegistryStore | LayoutStore


@dataclass
class Work:
    """A layer of the image: where its bytes are, and what became of it."""

    number: int
    title: str
    size: int
    #: the plan's layer, or the base whose layer it is
    layer: PlanLayer | None = None
    base: Base | None = None
    #: known for a base's layer, for a reused one, and for one that was sent
    descriptor: Descriptor | None = None
    sent: bool = False
    #: when its progress was told last, and where it was
    told: float = 0.0
    position: int = 0


class Survey:
    """Looks at the destination, the base and earlier images of a plan. `emit` hears what it finds."""

    def __init__(
        self,
        plan: Plan,
        credentials: Credentials,
        stop: Flag,
        emit: Callable[[Event], None],
        tuning: Tuning,
    ) -> None:
        self.plan = plan
        self.stores: list[AnyStore] = []
        #: digest of the record that an unfinished build of the image left
        self.record: str | None = None
        self._credentials = credentials
        self._stop = stop
        self._emit = emit
        self._tuning = tuning

    def open(self, name: str | Reference | LayoutReference, *, writes: bool = False) -> AnyStore:
        """The store of an image, open until `close`."""
        reference = parse_image(name) if isinstance(name, str) else name
        store = open_store(
            reference,
            credentials=self._credentials,
            insecure=isinstance(reference, Reference) and reference.registry in self.plan.insecure,
            writes=writes,
            tuning=self._tuning,
            cancel=self._stop,
            notify=self.notify(None),
        )
        self.stores.append(store)
        return store

    def abort(self) -> None:
        """Break all connections."""
        for store in list(self.stores):
            if isinstance(store, RegistryStore):
                store.http.abort()

    def close(self) -> None:
        """Close connections."""
        for store in self.stores:
            store.close()

    def patience(self, layer: int | None) -> Patience:
        """A fresh count of tries, told as events of that layer."""
        return Patience(self._tuning, self._stop, self.notify(layer))

    def notify(self, layer: int | None) -> Notify:
        """Tells faults as events."""

        def notify(reason: str, attempt: int, wait: float) -> None:
            self._emit(Retry(layer=layer, reason=reason, attempt=attempt, wait_seconds=wait))

        return notify

    def earlier(self, store: AnyStore) -> tuple[Manifest | None, reuse.Candidates]:
        """What stands at the tag now, and all layers that may be taken over."""
        candidates = reuse.Candidates()
        previous = store.find_manifest()
        if previous is not None:
            candidates.add(previous, store)
        else:
            for tag in reuse.neighbours(store):
                neighbour = store.find_manifest(tag)
                if neighbour is not None:
                    candidates.add(neighbour, store)
        if isinstance(store, RegistryStore):
            record = store.find_manifest(reuse.record_tag(store.reference.identifier))
            if record is not None:
                # Where nothing may be deleted, the record of a build that was finished stays, too.
                if candidates.add(record, store):
                    self._emit(Log(message="An unfinished build of this image is continued."))
                self.record = record.digest
        for name in self.plan.like:
            other = self.open(name)
            like = other.find_manifest()
            if like is None:
                self._emit(Log(message=f"{name} does not exist: nothing of it is reused."))
            else:
                candidates.add(like, other)
        return previous, candidates

    def bases(self, candidates: reuse.Candidates) -> tuple[Base, ...]:
        """The base for each platform. Raises BaseImageUnfit; a base of an earlier image is known to be fit."""
        name, platforms = self.plan.base, self.plan.platforms
        if name == bases.SCRATCH:
            self._emit(Log(message=bases.SCRATCH_NOTE))
            return bases.resolve(name, None, platforms)
        store = self.open(bases.embedded_layout() if name == bases.EMBEDDED else name)
        found = bases.resolve(name, store, platforms)
        for base in found:
            if base.digest not in candidates.bases:
                bases.check_fit(name, base, self.patience(None))
        return found

    def works(self, found: tuple[Base, ...]) -> list[Work]:
        """All layers, the bases' first."""
        works: list[Work] = []
        for base in found:
            for descriptor in base.layers:
                title = f"base image {base.platform}"
                works.append(Work(len(works), title, descriptor["size"], base=base, descriptor=descriptor))
        for layer in self.plan.layers:
            works.append(Work(len(works), image.title(layer), LayerTar(layer).size, layer=layer))
        return works
