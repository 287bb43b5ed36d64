"""Watching: changes as they happen, over broken connections and versions that grew too old."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .api import Api
from .errors import ClusterBusy, ClusterError, ClusterUnreachable

_GONE = 410
#: One request of a watch; servers end longer ones at their own time.
_REQUEST_SECONDS = 240
_QUIET_SECONDS = 15.0


@dataclass(frozen=True)
class Change:
    """One change: `type` is ADDED, MODIFIED or DELETED; `object` as it is now (or was)."""

    type: str
    object: dict[str, Any]


class _Expired(Exception):
    """The version we would go on from is too old."""


def watch(
    api: Api,
    path: str,
    selectors: Mapping[str, str],
    read: Callable[[], tuple[list[dict[str, Any]], str]],
    plural: str,
    timeout: float,
) -> Iterator[Change]:
    """See `Project.watch`."""
    deadline = time.monotonic() + timeout
    known: dict[str, dict[str, Any]] = {}
    version: str | None = None
    failures = 0
    while (left := deadline - time.monotonic()) > 0:
        if version is None:
            objects, version = read()
            yield from _differences(known, objects)
        seconds = max(1, int(min(left, _REQUEST_SECONDS)))
        query = {
            **selectors,
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": seconds,
        }
        try:
            with api.stream(
                path, what=f"watch {plural}", query=query, read_timeout=seconds + _QUIET_SECONDS
            ) as lines:
                for line in lines:
                    change = _parsed(line)
                    if change is None:
                        break  # cut in the middle of a line
                    failures = 0
                    version = str(change.object["metadata"].get("resourceVersion") or version)
                    if change.type != "BOOKMARK":
                        _remember(known, change)
                        yield change
                    if time.monotonic() >= deadline:
                        return
        except _Expired:
            version = None
        except (ClusterUnreachable, ClusterBusy):
            failures += 1
            if failures > 5:  # noqa: PLR2004
                raise
            time.sleep(min(0.2 * 2**failures, max(deadline - time.monotonic(), 0)))
        except ClusterError as error:
            if error.status != _GONE:
                raise
            version = None


def _parsed(line: bytes) -> Change | None:
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


def _remember(known: dict[str, dict[str, Any]], change: Change) -> None:
    if change.type == "DELETED":
        known.pop(_key(change.object), None)
    else:
        known[_key(change.object)] = change.object


def _differences(known: dict[str, dict[str, Any]], objects: list[dict[str, Any]]) -> Iterator[Change]:
    """What a reader missed between two lists."""
    now = {_key(one): one for one in objects}
    for key in [key for key in known if key not in now]:
        yield Change("DELETED", known.pop(key))
    for key, one in now.items():
        before = known.get(key)
        if before is None:
            yield Change("ADDED", one)
        elif before["metadata"].get("resourceVersion") != one["metadata"].get("resourceVersion"):
            yield Change("MODIFIED", one)
        known[key] = one


def _key(one: dict[str, Any]) -> str:
    metadata = one["metadata"]
    return str(metadata.get("uid") or f"{metadata.get('namespace')}/{metadata.get('name')}")
