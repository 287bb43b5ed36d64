"""One run of a plan: what each layer needs, done in parallel, and the image published at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from threading import Event as Flag
from threading import Lock

from . import image, limits, reuse
from .ahead import Budget
from .base import Base
from .content import ContentMismatch, FileDigests, LayerReader
from .credentials import Credentials
from .errors import Cancelled, RegistryError
from .events import Done, Event, LayerInfo, LayerProgress, LayerState, Log, Planned, Retry
from .http import http_pool
from .lanes import Lanes
from .media import OCI_INDEX, OCI_LAYER, OCI_MANIFEST, Descriptor, describe, sha256
from .opening import opener
from .plan import OWN_LAYER_BYTES, Plan, PlanLayer, checked
from .record import Record
from .reference import Reference
from .registry import Manifest
from .retry import says_busy
from .sources import Web
from .store import LayoutStore, RegistryStore, Store, copy_reader
from .survey import AnyStore, Survey, Work
from .tar import LayerTar
from .tuning import Tuning

#: Progress of a layer is told this often at most.
_PROGRESS_SECONDS = 0.1
#: How often the image is published again because the registry lost layers meanwhile.
_PUBLISH_TRIES = 3


class Build:
    """Runs once. `emit` hears everything but the last event, which `run` returns."""

    def __init__(
        self,
        plan: Plan,
        credentials: Credentials,
        secrets: Mapping[str, str],
        stop: Flag,
        emit: Callable[[Event], None],
        *,
        verify: bool,
        tuning: Tuning,
    ) -> None:
        self.plan = plan
        self._stop = stop
        self._emit = emit
        self._verify = verify
        self._tuning = tuning
        self._web = Web(http_pool(read=tuning.stall), secrets)
        self._survey = Survey(plan, credentials, stop, self._hear, tuning)
        self._budget = Budget(tuning.read_ahead)
        self._lanes = Lanes(tuning, self._broke)
        self._lock = Lock()
        self._error: BaseException | None = None
        self._record: Record | None = None

    def stop(self) -> None:
        """End at the next opportunity, which this makes come at once."""
        self._stop.set()
        self._web.http.abort()
        self._survey.abort()

    def close(self) -> None:
        """Close connections."""
        self._web.http.close()
        self._survey.close()

    def run(self) -> Done:
        """Make the image. Raises OdhOciError; then nothing half-made is left."""
        started = time.monotonic()
        plan = checked(self.plan)
        store = self._survey.open(plan.image, writes=True)
        try:
            return self._run(plan, store, started)
        except BaseException:
            store.abandon()
            if self._record is not None and not self._stop_asked:
                self._record.keep()
            raise

    @property
    def _stop_asked(self) -> bool:
        return self._stop.is_set() and self._error is None

    def _run(self, plan: Plan, store: AnyStore, started: float) -> Done:
        for problem in limits.problems(plan, 0):
            raise problem
        previous, candidates = self._survey.earlier(store)
        found = self._survey.bases(candidates)
        works = self._survey.works(found)
        self._emit(
            Planned(
                image=plan.image,
                layers=tuple(LayerInfo(title=w.title, size=w.size, base=w.base is not None) for w in works),
            )
        )
        self._reuse(works, candidates, store)
        todo = [work for work in works if work.descriptor is None or not self._there(work, store)]
        for problem in limits.problems(plan, sum(work.size for work in todo)):
            raise problem
        self._tuning = self._tuning.shared_by(sum(work.size >= OWN_LAYER_BYTES for work in todo))
        if isinstance(store, RegistryStore):
            open_ = {work.number for work in todo}
            standing = {
                work.descriptor["digest"]: work.descriptor
                for work in works
                if work.descriptor is not None and work.number not in open_
            }
            coming = sum(work.layer is not None for work in todo)
            self._record = Record(
                store, coming, standing=list(standing.values()), earlier=self._survey.record
            )
        self._send(todo, store)
        data, _ = self._publish(plan, found, works, store, previous)
        if self._record is not None:
            self._record.remove()
        return self._done(store, works, sha256(data), started)

    def _done(self, store: Store, works: list[Work], digest: str, started: float) -> Done:
        reference = store.reference
        named = str(reference.with_digest(digest)) if isinstance(reference, Reference) else str(reference)
        sent = sum(work.size for work in works if work.sent)
        size = sum(work.size for work in works)
        return Done(
            image=named,
            digest=digest,
            size=size,
            sent=sent,
            reused=size - sent,
            seconds=time.monotonic() - started,
        )

    def _reuse(self, works: list[Work], candidates: reuse.Candidates, store: Store) -> None:
        """Give every layer that an earlier image has its descriptor."""
        for work in works:
            if work.layer is None:
                continue
            self._survey.patience(None).check()
            candidate = candidates.find(work.layer, self._survey.patience(work.number), self._tuning.block)
            if candidate is not None and store.take(candidate.descriptor["digest"], candidate.origin):
                work.descriptor = candidate.descriptor
                self._tell(work, work.size, LayerState.REUSED)

    def _there(self, work: Work, store: Store) -> bool:
        """Whether a known layer needs no sending."""
        assert work.descriptor is not None  # noqa: S101 - asked for known layers only
        if work.base is None:
            return True  # looked at once more before the image is published
        digest = work.descriptor["digest"]
        origin = work.base.store
        if store.has_blob(digest, work.size) or (origin is not None and store.take(digest, origin)):
            self._tell(work, work.size, LayerState.REUSED)
            return True
        return False

    # -- the bytes --------------------------------------------------------------------------------------------

    def _send(self, works: list[Work], store: AnyStore) -> None:
        """Send layers, the largest first, and raise the first trouble."""
        ordered = sorted(works, key=lambda work: -work.size)
        self._lanes.run([partial(self._send_one, work, store) for work in ordered], self._stop.is_set)
        with self._lock:
            error = self._error
        if error is not None:
            raise error
        self._survey.patience(None).check()

    def _send_one(self, work: Work, store: AnyStore) -> None:
        self._tell(work, 0, LayerState.SENDING)
        if work.layer is None:
            self._copy(work, store)
        else:
            self._make(work, work.layer, store)
        work.sent = True
        self._tell(work, work.size, LayerState.DONE)

    def _copy(self, work: Work, store: AnyStore) -> None:
        assert work.base is not None and work.base.store is not None and work.descriptor is not None  # noqa: S101, PT018
        origin, digest = work.base.store, work.descriptor["digest"]
        if isinstance(origin, LayoutStore) and not origin.has_blob(digest, work.size):
            raise RegistryError(
                f"The base image's layer {digest} is neither in its layout nor (any more) in the registry.",
                hint="Start the build again: what was sent is reused.",
            )
        patience = self._survey.patience(work.number)
        reader = copy_reader(origin, work.descriptor, self._survey.patience(work.number), self._tuning.block)
        store.put(reader, patience, partial(self._progress, work))

    def _make(self, work: Work, layer: PlanLayer, store: AnyStore) -> None:
        tar = LayerTar(layer)
        again = True
        while True:
            open_file = opener(self._web, self._survey.patience(work.number), self._tuning, self._budget)
            reader = LayerReader(tar.parts, open_file, verify=self._verify, block=self._tuning.block)
            try:
                digest = store.put(reader, self._survey.patience(work.number), partial(self._progress, work))
                break
            except ContentMismatch as mismatch:
                if not again:
                    raise
                again = False
                self._emit(Retry(layer=work.number, reason=mismatch.message, attempt=1, wait_seconds=0.0))
        digests = {**_empty_digests(layer), **reader.digests}
        work.descriptor = {
            "mediaType": OCI_LAYER,
            "digest": digest,
            "size": work.size,
            "annotations": {reuse.FILES: reuse.annotation(layer, digests)},
        }
        if self._record is not None:
            self._record.finished(work.descriptor)

    # -- the image --------------------------------------------------------------------------------------------

    def _publish(
        self,
        plan: Plan,
        found: tuple[Base, ...],
        works: list[Work],
        store: AnyStore,
        previous: Manifest | None,
    ) -> tuple[bytes, str]:
        tries = 0
        while True:
            self._send_missing(works, store)
            data, media_type, parts = self._documents(plan, found, works)
            if previous is not None and previous.digest == sha256(data):
                return data, media_type
            try:
                for config in parts.configs:
                    store.put_bytes(config)
                for manifest in parts.manifests:
                    store.put_manifest(manifest, OCI_MANIFEST)
                store.publish(data, media_type)
            except RegistryError as error:
                # A blob that went away between the last look and now: look again.
                tries += 1
                if error.status not in {400, 404} or tries >= _PUBLISH_TRIES:
                    raise
                self._emit(Retry(layer=None, reason=error.message, attempt=tries, wait_seconds=0.0))
            else:
                return data, media_type

    def _send_missing(self, works: list[Work], store: AnyStore) -> None:
        """Look for every layer once more (registries forget unnamed ones), and send what is gone."""
        missing: list[Work] = []

        def look(work: Work) -> None:
            if work.descriptor is not None and not store.has_blob(work.descriptor["digest"], work.size):
                missing.append(work)

        lanes = Lanes(Tuning(streams=8), self._broke)
        lanes.run([partial(look, work) for work in works], self._stop.is_set)
        if missing:
            self._emit(
                Log(message=f"{len(missing)} layers are not in the registry any more and are sent again.")
            )
        self._send(missing, store)

    def _documents(self, plan: Plan, found: tuple[Base, ...], works: list[Work]) -> tuple[bytes, str, _Parts]:
        layers = [w.descriptor for w in works if w.layer is not None and w.descriptor is not None]
        texts = reuse.within_budget([layer.get("annotations", {}).get(reuse.FILES, "") for layer in layers])
        described = [_annotated(layer, text) for layer, text in zip(layers, texts, strict=True)]
        configs = [image.config(plan, base, described) for base in found]
        manifests = [
            image.manifest(plan, base, described, config) for base, config in zip(found, configs, strict=True)
        ]
        if len(found) == 1:
            return manifests[0], OCI_MANIFEST, _Parts(configs, [])
        entries = {
            base.platform: describe(manifest, OCI_MANIFEST)
            for base, manifest in zip(found, manifests, strict=True)
        }
        return image.index(plan, entries), OCI_INDEX, _Parts(configs, manifests)

    # -- talking ----------------------------------------------------------------------------------------------

    def _progress(self, work: Work, sent: int) -> None:
        self._lanes.moved(sent - work.position)
        work.position = sent
        now = time.monotonic()
        if now - work.told >= _PROGRESS_SECONDS:
            self._tell(work, sent, LayerState.SENDING)

    def _tell(self, work: Work, sent: int, state: LayerState) -> None:
        work.told = time.monotonic()
        digest = work.descriptor["digest"] if work.descriptor and state is not LayerState.SENDING else None
        self._emit(LayerProgress(layer=work.number, sent=sent, total=work.size, state=state, digest=digest))

    def _hear(self, event: Event) -> None:
        if isinstance(event, Retry) and says_busy(event.reason):
            self._lanes.busy()
        self._emit(event)

    def _broke(self, error: BaseException) -> None:
        """A layer failed: keep the first reason and stop the others."""
        with self._lock:
            if self._error is None and not (isinstance(error, Cancelled) and self._stop.is_set()):
                self._error = error
        if not self._stop.is_set():
            self.stop()


@dataclass(frozen=True)
class _Parts:
    configs: list[bytes]
    manifests: list[bytes]


def _annotated(layer: Descriptor, text: str) -> Descriptor:
    plain: Descriptor = {"mediaType": layer["mediaType"], "digest": layer["digest"], "size": layer["size"]}
    if text:
        plain["annotations"] = {reuse.FILES: text}
    return plain


def _empty_digests(layer: PlanLayer) -> dict[str, FileDigests]:
    """Files without a byte are never read."""
    return {file.path: FileDigests(_EMPTY_SHA256, _EMPTY_GIT) for file in layer.files if not file.size}


_EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
_EMPTY_GIT = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
