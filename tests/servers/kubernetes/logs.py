"""Logs of containers: kept lines, followed as they come."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

from .server import Request
from .status import ApiError, bad_request
from .store import now

Object = dict[str, Any]


class Logs:
    """`write` what a container prints; `previous` is the run before a restart."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._lines: dict[tuple[str, str, str, bool], list[tuple[str, str]]] = {}

    def write(self, namespace: str, pod: str, container: str, *lines: str, previous: bool = False) -> None:
        with self._changed:
            kept = self._lines.setdefault((namespace, pod, container, previous), [])
            kept += [(now(), line) for line in lines]
            self._changed.notify_all()

    def wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def read(self, pod: Object, request: Request, alive: Callable[[str], bool]) -> Iterator[bytes]:
        """The answer to pods/log. `alive(container)`: whether more may come."""
        meta = pod["metadata"]
        container = _container(pod, request.query.get("container", ""))
        key = (meta["namespace"], meta["name"], container, request.flag("previous"))
        self._check_state(pod, container, key)
        tail = request.query.get("tailLines")
        return self._pieces(
            key, int(tail) if tail else None, request.flag("timestamps"),
            (lambda: alive(container)) if request.flag("follow") else None,
        )  # fmt: skip

    def _check_state(self, pod: Object, container: str, key: tuple[str, str, str, bool]) -> None:
        name, previous = pod["metadata"]["name"], key[3]
        if previous:
            if key not in self._lines:
                raise bad_request(f'previous terminated container "{container}" in pod "{name}" not found')
            return
        status = pod.get("status") or {}
        for entry in [*(status.get("containerStatuses") or []), *(status.get("initContainerStatuses") or [])]:
            waiting = (entry.get("state") or {}).get("waiting")
            if entry["name"] == container and waiting and not entry.get("restartCount"):
                reason = waiting.get("reason", "ContainerCreating")
                what = (
                    "trying and failing to pull image"
                    if reason in ("ImagePullBackOff", "ErrImagePull")
                    else f"waiting to start: {reason}"
                )
                raise bad_request(f'container "{container}" in pod "{name}" is {what}')

    def _pieces(
        self, key: tuple[str, str, str, bool], tail: int | None, stamps: bool, more: Callable[[], bool] | None
    ) -> Iterator[bytes]:
        with self._changed:
            at = max(0, len(self._lines.get(key, [])) - tail) if tail is not None else 0
        while True:
            going = more is not None and more()
            with self._changed:
                lines = self._lines.get(key, [])[at:]
                if not lines and going:
                    self._changed.wait(0.2)
                    continue
            at += len(lines)
            yield "".join(f"{stamp + ' ' if stamps else ''}{line}\n" for stamp, line in lines).encode()
            if not going:
                return


def _container(pod: Object, asked: str) -> str:
    spec = pod.get("spec") or {}
    names = [c["name"] for c in spec.get("containers") or []]
    inits = [c["name"] for c in spec.get("initContainers") or []]
    name = pod["metadata"]["name"]
    if asked:
        if asked not in names + inits:
            raise bad_request(f"container {asked} is not valid for pod {name}")
        return asked
    if len(names) == 1:
        return names[0]
    text = f"a container name must be specified for pod {name}, choose one of: [{' '.join(names)}]"
    if inits:
        text += f" or one of the init containers: [{' '.join(inits)}]"
    raise ApiError(400, "BadRequest", text)


def running(pod: Object | None, container: str) -> bool:
    """Whether a container may still print: neither it nor its pod has ended."""
    if pod is None or (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return False
    status = pod.get("status") or {}
    for entry in [*(status.get("containerStatuses") or []), *(status.get("initContainerStatuses") or [])]:
        if entry["name"] == container:
            return "terminated" not in (entry.get("state") or {})
    return True
