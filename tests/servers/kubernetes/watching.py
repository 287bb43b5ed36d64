"""Lists, their pages, and watches."""

from __future__ import annotations

import base64
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

from .documents import as_version
from .faults import Cut
from .resources import Resource
from .selectors import Match, field_selector, label_selector
from .server import Request
from .status import ApiError, bad_request, expired
from .store import Change, Store

Object = dict[str, Any]


class Lists:
    """Pages of one list show one moment: what `continue` points into is kept for the next pages."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pages: OrderedDict[str, list[Object]] = OrderedDict()

    def list(self, resource: Resource, namespace: str, request: Request) -> Object:
        wanted = _wanted(resource, request)
        token = request.query.get("continue", "")
        limit = int(request.query.get("limit") or 0)
        with self._store.lock:
            if token:
                revision, start, items = self._continued(token)
            else:
                revision, start = self._store.revision, 0
                items = [
                    obj for obj in self._store.list(resource.group, resource.plural, namespace) if wanted(obj)
                ]
            page = items[start : start + limit] if limit else items[start:]
            meta: Object = {"resourceVersion": str(revision)}
            left = len(items) - start - len(page)
            if left:
                name = f"{revision}-{resource.plural}-{namespace}-{len(self._pages)}"
                if token:
                    name = json.loads(base64.urlsafe_b64decode(token))["list"]
                self._pages[name] = items
                while len(self._pages) > 50:
                    self._pages.popitem(last=False)
                where = json.dumps(
                    {"v": "meta.k8s.io/v1", "rv": revision, "start": start + len(page), "list": name}
                )
                meta["continue"] = base64.urlsafe_b64encode(where.encode()).decode()
                if not request.query.get("labelSelector") and not request.query.get("fieldSelector"):
                    meta["remainingItemCount"] = left
        return {
            "kind": f"{resource.kind}List",
            "apiVersion": resource.api_version,
            "metadata": meta,
            "items": [_in_list(resource, obj) for obj in page],
        }

    def _continued(self, token: str) -> tuple[int, int, list[Object]]:
        try:
            where = json.loads(base64.urlsafe_b64decode(token))
        except ValueError as error:
            raise bad_request("continue key is not valid: illegal base64 data at input byte 0") from error
        if where["rv"] < self._store.oldest or where["list"] not in self._pages:
            raise expired(
                "The provided continue parameter is too old to display a consistent list result. You can start a new "
                "list without the continue parameter, or use the continue token in this response to retrieve the "
                "remainder of the results. Continuing with the provided token results in an inconsistent list - "
                "objects that were created, modified, or deleted between the time the first chunk was returned and "
                "now may show up in the list."
            )
        return where["rv"], where["start"], self._pages[where["list"]]


def _in_list(resource: Resource, obj: Object) -> Object:
    shown = as_version(resource, obj)
    if resource.custom:
        return shown
    # built-in lists leave kind and apiVersion out of their items
    return {name: value for name, value in shown.items() if name not in ("kind", "apiVersion")}


def _wanted(resource: Resource, request: Request) -> Match:
    labels = label_selector(request.query.get("labelSelector", ""))
    fields = field_selector(request.query.get("fieldSelector", ""), resource.plural)
    return lambda obj: labels(obj) and fields(obj)


def watch(
    store: Store,
    resource: Resource,
    namespace: str,
    request: Request,
    *,
    stopped: Callable[[], bool],
    cut_after: int | None,
) -> Iterator[bytes]:
    """Lines of a watch until its time is up, the server stops, or the script cuts it."""
    wanted = _wanted(resource, request)
    text = request.query.get("resourceVersion", "")
    if text and not text.isdigit():
        raise bad_request(f'Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax')
    deadline = time.monotonic() + float(request.query.get("timeoutSeconds") or 1800)
    lines = _lines(store, resource, namespace, request, wanted, int(text or 0), deadline, stopped)
    return cut(lines, cut_after)


def cut(lines: Iterator[bytes], after: int | None) -> Iterator[bytes]:
    for count, line in enumerate(lines):
        if after is not None and count >= after:
            yield line[: len(line) // 2]
            raise Cut
        yield line
    if after is not None:
        raise Cut


def _line(kind: str, obj: Object) -> bytes:
    return json.dumps({"type": kind, "object": obj}).encode() + b"\n"


def _lines(
    store: Store,
    resource: Resource,
    namespace: str,
    request: Request,
    wanted: Match,
    revision: int,
    deadline: float,
    stopped: Callable[[], bool],
) -> Iterator[bytes]:
    bookmarks = request.flag("allowWatchBookmarks")
    initial = request.flag("sendInitialEvents")
    if revision == 0 or initial:
        with store.lock:
            revision = store.revision
            found = [obj for obj in store.list(resource.group, resource.plural, namespace) if wanted(obj)]
        for obj in found:
            yield _line("ADDED", as_version(resource, obj))
        if initial and bookmarks:
            yield _bookmark(resource, revision, {"k8s.io/initial-events-end": "true"})
    # nothing to say yet: the client gets its headers all the same
    yield b""
    while True:
        with store.changed:
            try:
                changes = store.since(revision)
            except ApiError as error:
                yield _line("ERROR", error.body())
                return
            if not changes:
                left = deadline - time.monotonic()
                if left <= 0 or stopped():
                    break
                store.changed.wait(min(left, 0.5))
                continue
        for change in changes:
            revision = change.revision
            if line := _event(resource, namespace, wanted, change):
                yield line
        if time.monotonic() >= deadline:
            break
    if bookmarks:
        yield _bookmark(resource, revision, None)


def _event(resource: Resource, namespace: str, wanted: Match, change: Change) -> bytes | None:
    if change.key[:2] != (resource.group, resource.plural) or namespace not in ("", change.key[2]):
        return None
    before = change.old is not None and wanted(change.old)
    after = change.type != "DELETED" and wanted(change.object)
    if not before and not after:
        return None
    if before and after:
        kind, obj = "MODIFIED", change.object
    elif after:
        kind, obj = "ADDED", change.object
    else:
        # it left what is watched: shown as it was, with the revision of now
        old = change.old or change.object
        kind = "DELETED"
        obj = {**old, "metadata": {**old["metadata"], "resourceVersion": str(change.revision)}}
    return _line(kind, as_version(resource, obj))


def _bookmark(resource: Resource, revision: int, annotations: dict[str, str] | None) -> bytes:
    meta: Object = {"resourceVersion": str(revision), "creationTimestamp": None}
    if annotations:
        meta["annotations"] = annotations
    return _line("BOOKMARK", {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": meta})
