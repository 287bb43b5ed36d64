"""What the page is told of builds and services: how things stand in numbers, and what is worth a notification."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from odh_oci_widgets.builders import BuildStatus
from odh_oci_widgets.serving import ServiceState

from .lookout import LOOKOUT, BuildSight, Seen
from .page import PAGE
from .page_messages import Level
from .words import image_name

_BUILD_ENDS = {
    BuildStatus.SUCCEEDED: (Level.SUCCESS, "is built."),
    BuildStatus.FAILED: (Level.ERROR, "could not be built:"),
    BuildStatus.CANCELLED: (Level.INFO, "is not built: it was cancelled."),
    BuildStatus.INTERRUPTED: (Level.WARNING, "is not built: the build was interrupted."),
}
#: States of a service that are told; in between it comes and goes.
_TOLD = {ServiceState.READY, ServiceState.FAILED}


@dataclass(frozen=True)
class News:
    """Something that happened; `key` is another one each time."""

    level: Level
    text: str
    key: str


class Events:
    """Finds out, look by look, what happened; what stands at the first look of a project is no news."""

    def __init__(self) -> None:
        self._project: str | None = None
        #: whether there was a look without trouble, so that what was not there before is new
        self._complete = False
        #: build -> whether it had ended
        self._ended: dict[str, bool] = {}
        #: service -> the last of its states that was told, or stood at the first look
        self._states: dict[tuple[str, str], ServiceState] = {}

    def of(self, seen: Seen) -> list[News]:
        """What happened since the look before."""
        if seen.project != self._project:
            self._project, self._complete = seen.project, False
        found = [*self._of_builds(seen), *self._of_services(seen)]
        self._complete = self._complete or seen.trouble is None
        return found

    def _of_builds(self, seen: Seen) -> Iterator[News]:
        for one in seen.builds:
            before = self._ended.get(one.build.id, not self._complete)
            self._ended[one.build.id] = one.status.finished
            # One that nobody saw running may have begun and ended between two looks.
            if one.status.finished and not before:
                yield _of_build(one)

    def _of_services(self, seen: Seen) -> Iterator[News]:
        if seen.trouble is not None:
            return  # who is missing now is not gone
        before, self._states = self._states, {}
        for one in seen.services:
            key, state = (one.service.target, one.service.name), one.diagnosis.state
            known = before.get(key)
            if state in _TOLD:
                self._states[key] = state
            elif known is not None and state is not ServiceState.STOPPED:
                self._states[key] = known  # a server that fails again and again fails once
            if state in _TOLD and state is not known and self._complete:
                words = (
                    "is ready." if state is ServiceState.READY else f"has failed: {one.diagnosis.sentence}"
                )
                level = Level.SUCCESS if state is ServiceState.READY else Level.ERROR
                yield News(level, f"{key[1]} {words}", f"service:{':'.join(key)}:{state}:{time.time():.0f}")


def _of_build(one: BuildSight) -> News:
    level, words = _BUILD_ENDS[one.status]
    why = f" {one.error.message}" if one.error and one.status is BuildStatus.FAILED else ""
    return News(level, f"{image_name(one.image)} {words}{why}", f"build:{one.build.id}")


def standing(seen: Seen) -> dict[str, Any]:
    """The fields of the message `status`: what a status bar shows."""
    running = [one for one in seen.builds if not one.status.finished]
    total = sum(one.progress.total for one in running)
    states = [one.diagnosis.state for one in seen.services]
    ready, failed = states.count(ServiceState.READY), states.count(ServiceState.FAILED)
    return {
        "running": len(running),
        "percent": int(100 * sum(one.progress.sent for one in running) / total) if total else None,
        "services": {"ready": ready, "failed": failed, "other": len(states) - ready - failed},
    }


class Reporter:
    """Tells the page how things stand, what changed only, as long as there is a page; the panel may be hidden."""

    def __init__(self) -> None:
        self._events = Events()
        self._sent: dict[str, dict[str, Any]] = {}
        PAGE.observe(self._page_changed, "present")

    def begin(self) -> None:
        """A page came, or came back: it knows nothing yet."""
        self._sent.clear()
        LOOKOUT.listen(self._hear)
        if LOOKOUT.last is not None:
            self._report(LOOKOUT.last)
        LOOKOUT.look()

    def _page_changed(self, change: Any) -> None:
        if not change["new"]:
            LOOKOUT.leave(self._hear)

    def _hear(self, seen: Seen) -> None:
        happened = self._events.of(seen)
        self._report(seen)
        if seen.settings.notifications:
            for one in happened:
                PAGE.notify(one.level, one.text, one.key)

    def _report(self, seen: Seen) -> None:
        names = sorted({one.service.name for one in seen.services})
        for kind, fields in (("status", standing(seen)), ("services", {"names": names})):
            if self._sent.get(kind) != fields:
                self._sent[kind] = fields
                PAGE.tell(kind, **fields)


#: Of this process.
REPORTER = Reporter()
