"""The controller that plays KServe's part: it notices services and plays what a real one did."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import Any, Self

from .choosing import choose
from .cluster import KubernetesApi
from .derived import redeploy
from .playing import Play, wait_for
from .recording import STOP, Recording, load
from .running import Node
from .store import Change

Object = dict[str, Any]
Situation = str | Path | Recording


class KServe:
    """Watches one namespace (or all) and starts a `Play` for every InferenceService in it.

    `situation`: name of a recording (`image-not-found`, …), a path, or a Recording; None chooses what a real cluster
    would do (ready; runtime missing, format unsupported, out of quota, no GPU when that is so). With a `node` a ready service really
    answers: a server was started for its image. `headless`: Services as Open Data Hub's default has them. With `automatic` every play goes on by
    itself, `pace` seconds a step; without it the test advances it:

    >>> with KServe(api, namespace, situation="image-not-found", automatic=False) as kserve:
    ...     service = deploy(...)
    ...     play = kserve.play("demo")        # waits until the controller has seen it
    ...     play.until(lambda p: p.pod)
    ...     play.finish()
    """

    def __init__(
        self,
        api: KubernetesApi,
        namespace: str = "",
        *,
        situation: Situation | None = None,
        automatic: bool = True,
        pace: float = 0.0,
        headless: bool = False,
        node: Node | None = None,
    ) -> None:
        self._api = api
        self._namespace = namespace
        self.situation = situation
        self._automatic = automatic
        self._pace = pace
        self._headless = headless
        self._node = node
        self.plays: dict[tuple[str, str], Play] = {}
        self._changes: dict[tuple[str, str], int] = {}
        self._stop = threading.Event()
        self._seen = api.store.revision
        self._acts: dict[tuple[str, str], tuple[str | None, bool, Any]] = {}
        self._thread = threading.Thread(target=self._follow, daemon=True)
        for service in api.find("inferenceservices", namespace, "serving.kserve.io"):
            self._start(service)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stop.set()
        with self._api.store.changed:
            self._api.store.changed.notify_all()
        self._thread.join(10)
        if self._node:
            self._node.stop_all()

    def play(self, name: str, namespace: str = "") -> Play:
        """The play of a service; waits until the controller has noticed it."""
        key = namespace or self._namespace, name
        play: Play = wait_for(lambda: self.plays.get(key), what=f"the InferenceService {name}")
        return play

    # -- noticing ------------------------------------------------------------------------------------------------------

    def _follow(self) -> None:
        while not self._stop.is_set():
            with self._api.store.changed:
                try:
                    changes = self._api.store.since(self._seen)
                except Exception:  # the history was dropped: start anew from here
                    self._seen = self._api.store.revision
                    continue
                if not changes:
                    self._api.store.changed.wait(0.2)
            for change in changes:
                self._seen = change.revision
                if change.key[1] == "inferenceservices" and self._namespace in ("", change.key[2]):
                    with contextlib.suppress(LookupError):
                        self._notice(change)
            if self._automatic:
                self._go_on()

    def _go_on(self) -> None:
        for play in list(self.plays.values()):
            while play.left and not self._stop.is_set():
                play.advance()
                if self._pace and self._stop.wait(self._pace):
                    return
                if self._acted():
                    break

    def _acted(self) -> bool:
        """Whether a user did something meanwhile, so that the rest of a play is out of date."""
        for play in self.plays.values():
            live = play.service
            if live and self._acts.get((play.namespace, play.name)) != _acts_of(live):
                return True
        return False

    def _notice(self, change: Change) -> None:
        service = change.object
        key = change.key[2], change.key[3]
        if change.type == "DELETED":
            if self._node:
                self._node.stop(key[1], key[0])
            self.plays.pop(key, None)
            self._acts.pop(key, None)
            self._changes.pop(key, None)
        elif key not in self.plays:
            self._start(service)
        else:
            self._react(key, service)

    def _start(self, service: Object) -> None:
        key = service["metadata"]["namespace"], service["metadata"]["name"]
        if service["metadata"].get("deletionTimestamp"):
            return
        play = Play(self._api, service, self._recording(service), headless=self._headless)
        if self._node:
            play.after_step = self._node.after_step
        self._acts[key] = _acts_of(service)
        self.plays[key] = play

    def _react(self, key: tuple[str, str], service: Object) -> None:
        before, after = self._acts.get(key), _acts_of(service)
        if before is None or before == after:
            return
        self._acts[key] = after
        play = self.plays[key]
        if after[1]:
            play.begin("delete")
        elif after[0] != before[0]:
            if after[0] != "true" and self._node:
                self._node.situation(service)
            play.begin("stop" if after[0] == "true" else "start")
        elif after[2] != before[2]:
            play.begin("change", self._of_change(key, service))

    def _recording(self, service: Object) -> Recording:
        if self.situation is not None:
            return load(self.situation)
        situation = choose(self._api, service)
        if self._node and isinstance(situation, str) and situation.startswith("ready"):
            situation = self._node.situation(service) or situation
        return load(situation)

    def _of_change(self, key: tuple[str, str], service: Object) -> Recording:
        recording = self._recording(service)
        self._changes[key] = self._changes.get(key, 0) + 1
        return recording if "change" in recording.segments else redeploy(self._changes[key])


def _acts_of(service: Object) -> tuple[str | None, bool, Any]:
    """What of a service is the user's doing: stopped, deleted, changed."""
    meta = service["metadata"]
    return (
        (meta.get("annotations") or {}).get(STOP),
        bool(meta.get("deletionTimestamp")),
        meta.get("generation", 1),
    )
