"""Watching: changes as they happen, over broken connections and versions that grew too old."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .api import Api
from .errors import ClusterBusy, ClusterError, ClusterUnreachable

_GONE = 410
#: One request of a watch; servers end longer ones at their own time.
_REQUEST_SECONDS = 240
_QUIET_SECONDS = 15.0
_FAILURES = 5


@dataclass(frozen=True)
class Change:
    """One change: `type` is ADDED, MODIFIED or DELETED; `object` as it is now (or was)."""

    type: str
    object: dict[str, Any]


class _Expired(Exception):
    """The version we would go on from is too old."""


@dataclass(kw_only=True)
class Watch:
    """One watch of one kind of object; iterate `changes` once. See `Project.watch`."""

    api: Api
    path: str
    plural: str
    selectors: Mapping[str, str]
    #: all objects now, and the version of that list
    read: Callable[[], tuple[list[dict[str, Any]], str]]
    _known: dict[str, dict[str, Any]] = field(default_factory=dict)
    _version: str | None = None

    def changes(self, timeout: float) -> Iterator[Change]:
        """Every change, for `timeout` seconds; first the objects that there are, as ADDED."""
        deadline = time.monotonic() + timeout
        failures = 0
        while (left := deadline - time.monotonic()) > 0:
            try:
                if self._version is None:
                    objects, version = self.read()
                    yield from self._differences(objects)
                    self._version = version
                for change in self._stream(left):
                    failures = 0
                    yield change
                    if time.monotonic() >= deadline:
                        return
            except _Expired:
                self._version = None
            except (ClusterUnreachable, ClusterBusy):
                failures += 1
                if failures > _FAILURES:
                    raise
                time.sleep(max(min(0.2 * 2**failures, deadline - time.monotonic()), 0))

    def _stream(self, left: float) -> Iterator[Change]:
        """The changes of one request, from the version known; ends when the server ends it or the line is cut."""
        seconds = max(1, int(min(left, _REQUEST_SECONDS)))
        query = {
            **self.selectors,
            "watch": "true",
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": seconds,
        }
        wait = seconds + _QUIET_SECONDS
        try:
            with self.api.stream(
                self.path, what=f"watch {self.plural}", query=query, read_timeout=wait
            ) as lines:
                for line in lines:
                    change = _parsed(line)
                    if change is None:
                        return
                    self._version = str(change.object["metadata"].get("resourceVersion") or self._version)
                    if change.type != "BOOKMARK":
                        self._remember(change)
                        yield change
        except ClusterError as error:
            if error.status == _GONE:
                raise _Expired from error
            raise

    def _remember(self, change: Change) -> None:
        if change.type == "DELETED":
            self._known.pop(_key(change.object), None)
        else:
            self._known[_key(change.object)] = change.object

    def _differences(self, objects: list[dict[str, Any]]) -> Iterator[Change]:
        """What a reader missed between two lists."""
        now = {_key(one): one for one in objects}
        for key in [key for key in self._known if key not in now]:
            yield Change("DELETED", self._known.pop(key))
        for key, one in now.items():
            before = self._known.get(key)
            self._known[key] = one
            if before is None:
                yield Change("ADDED", one)
            elif before["metadata"].get("resourceVersion") != one["metadata"].get("resourceVersion"):
                yield Change("MODIFIED", one)


def _parsed(line: bytes) -> Change | None:
    """One event; None for half a line, where the connection was cut."""
    try:
        event = json.loads(line)
        change = Change(event["type"], event["object"])
    except (ValueError, KeyError, TypeError):
        return None
    if change.type == "ERROR":
        if change.object.get("code") == _GONE:
            raise _Expired
        raise ClusterBusy(f"The cluster ended the watch: {change.object.get('message', 'no reason given')}.")
    return change


def _key(one: dict[str, Any]) -> str:
    metadata = one["metadata"]
    return str(metadata.get("uid") or f"{metadata.get('namespace')}/{metadata.get('name')}")
