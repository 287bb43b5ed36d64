"""Objects with their revisions, and the history that watches read."""

from __future__ import annotations

import copy
import threading
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .resources import Resource
from .status import expired

Object = dict[str, Any]
#: group, plural, namespace, name
Key = tuple[str, str, str, str]


@dataclass(frozen=True)
class Change:
    """One line of the history. `old` is what was there before (None for ADDED)."""

    revision: int
    type: str
    key: Key
    object: Object
    old: Object | None


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def key_of(resource: Resource, obj: Object) -> Key:
    meta = obj["metadata"]
    return (
        resource.group,
        resource.plural,
        meta.get("namespace", "") if resource.namespaced else "",
        meta["name"],
    )


class Store:
    """Objects by key. What is in it is never changed in place: readers need no copy."""

    def __init__(self, *, history: int = 20_000) -> None:
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.revision = 1000
        self._objects: dict[Key, Object] = {}
        self._history: deque[Change] = deque(maxlen=history)
        #: watches from before this revision are told 410 Expired
        self.oldest = self.revision

    def get(self, key: Key) -> Object | None:
        with self.lock:
            return self._objects.get(key)

    def list(self, group: str, plural: str, namespace: str = "") -> list[Object]:
        with self.lock:
            return [
                obj
                for key, obj in sorted(self._objects.items())
                if key[:2] == (group, plural) and namespace in ("", key[2])
            ]

    def all(self) -> list[tuple[Key, Object]]:
        with self.lock:
            return list(self._objects.items())

    def put(self, key: Key, obj: Object) -> Object:
        """Store a new state: it gets the next revision."""
        with self.changed:
            old = self._objects.get(key)
            obj = copy.deepcopy(obj)
            meta = obj["metadata"]
            meta.setdefault("uid", str(uuid.uuid4()))
            meta.setdefault("creationTimestamp", now())
            obj = self._next(obj)
            self._objects[key] = obj
            self._record("MODIFIED" if old else "ADDED", key, obj, old)
            return obj

    def amend(self, key: Key, obj: Object) -> Object:
        """Rewrite the newest state of an object that was stored in this same operation: no second change is seen."""
        with self.changed:
            self._objects[key] = obj
            last = self._history.pop()
            self._history.append(Change(last.revision, last.type, key, obj, last.old))
            return obj

    def rewrite(self, key: Key, change: Callable[[Object], Object]) -> None:
        """Change an object without anybody noticing: what time does to it."""
        with self.lock:
            if key in self._objects:
                self._objects[key] = change(self._objects[key])

    def remove(self, key: Key) -> Object:
        """Take an object out; it must be there."""
        with self.changed:
            old = self._objects.pop(key)
            gone = self._next(copy.deepcopy(old))
            self._record("DELETED", key, gone, old)
            return gone

    def since(self, revision: int, upto: int | None = None) -> list[Change]:
        with self.lock:
            if revision < self.oldest:
                raise expired(f"too old resource version: {revision} ({self.oldest})")
            if not self._history or self._history[-1].revision <= revision:
                return []
            return [
                c for c in self._history if c.revision > revision and (upto is None or c.revision <= upto)
            ]

    def compact(self) -> None:
        """Forget the history, as etcd does every five minutes: older watches and list pages get 410."""
        with self.changed:
            self._history.clear()
            self.revision += 1
            self.oldest = self.revision
            self.changed.notify_all()

    def _next(self, obj: Object) -> Object:
        self.revision += 1
        obj["metadata"]["resourceVersion"] = str(self.revision)
        return obj

    def _record(self, kind: str, key: Key, obj: Object, old: Object | None) -> None:
        if len(self._history) == self._history.maxlen:
            self.oldest = self._history[0].revision
        self._history.append(Change(self.revision, kind, key, obj, old))
        self.changed.notify_all()
