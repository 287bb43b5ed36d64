"""One thread that looks at builds and services for everybody in this process who wants to know."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from odh_oci_widgets import settings
from odh_oci_widgets.builders import Build, BuildStatus, Progress, builds
from odh_oci_widgets.cluster import Project, connect
from odh_oci_widgets.cluster.errors import NoCluster
from odh_oci_widgets.oci.errors import OdhOciError
from odh_oci_widgets.serving.overview import Sight, sandbox_sights
from odh_oci_widgets.serving.project.overview import ProjectOverview
from odh_oci_widgets.settings import Settings

from .job import unexpected

T = TypeVar("T")
_log = logging.getLogger(__name__)
#: Seconds for the cluster to tell where its builds stand.
_WAIT = 5.0


@dataclass(frozen=True, kw_only=True)
class BuildSight:
    """One build as it stood at that moment."""

    build: Build
    status: BuildStatus
    progress: Progress
    #: the image with its digest once there is one
    image: str
    #: why it failed
    error: OdhOciError | None


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Everything at one moment."""

    builds: tuple[BuildSight, ...] = ()
    services: tuple[Sight, ...] = ()
    #: the project that was asked; empty without a cluster
    project: str = ""
    #: what could not be found out
    trouble: OdhOciError | None = None
    #: as they were then
    settings: Settings = field(default_factory=Settings)


Tell = Callable[[Seen], Any]


class Lookout:
    """Looks every `settings.refresh` seconds as long as somebody listens; nobody listening, the thread ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: held while listeners are told, so that each hears everything in its order, and one thing at a time
        self._telling = threading.RLock()
        self._listeners: list[Tell] = []
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._overview: ProjectOverview | None = None
        #: finished builds do not change, and are not read again; holding them keeps their followers
        self._finished: dict[str, BuildSight] = {}
        #: the project to look at; None: the one that `connect()` gives
        self.project: Project | None = None
        self.last: Seen | None = None

    def listen(self, tell: Tell) -> None:
        """Tell of everything seen from now on, and of what was seen last; in a thread."""
        with self._telling:
            with self._lock:
                if tell in self._listeners:
                    return
                self._listeners.append(tell)
                if self._thread is None or not self._thread.is_alive():
                    self._thread = threading.Thread(target=self._run, name="odh-oci-lookout", daemon=True)
                    self._thread.start()
            if self.last is not None:
                tell(self.last)
        self.look()

    def leave(self, tell: Tell) -> None:
        """Tell no more."""
        with self._lock:
            if tell in self._listeners:
                self._listeners.remove(tell)
        self._wake.set()

    def look(self) -> None:
        """Look now, not at the next time."""
        self._wake.set()

    @property
    def running(self) -> bool:
        """Whether the thread is there."""
        return self._thread is not None and self._thread.is_alive()

    def _run(self) -> None:
        while True:
            self._wake.clear()
            with self._lock:
                if not self._listeners:
                    self._thread = None
                    return
            seen = self._see()
            with self._telling:
                self.last = seen
                with self._lock:
                    listeners = tuple(self._listeners)
                for tell in listeners:
                    try:
                        tell(seen)
                    except Exception:  # noqa: BLE001 - one listener's defect must not blind the others
                        _log.exception("what was seen could not be told")
            self._wake.wait(seen.settings.refresh)

    def _see(self) -> Seen:
        trouble: list[OdhOciError] = []

        def tried(look: Callable[[], T], otherwise: T) -> T:
            try:
                return look()
            except NoCluster:
                pass  # work goes on on this machine
            except Exception as error:  # noqa: BLE001 - the thread must go on, and say what was the matter
                trouble.append(unexpected(error))
            return otherwise

        now = tried(settings.read, settings.Settings())
        project = self.project or tried(connect, None)
        # What cannot be asked just now is as it was seen last: what is open on the page stays open.
        last = self.last
        if last is None or last.project != (project.namespace if project else ""):
            last = Seen()
        found = tried(lambda: self._builds(project), last.builds)
        here, there = tuple[Sight, ...](), tuple[Sight, ...]()
        if now.sandbox:
            here = tried(lambda: tuple(sandbox_sights()), _of("sandbox", last))
        if project is not None:
            there = tried(lambda: tuple(self._overview_of(project).look()), _of("project", last))
        return Seen(
            builds=found,
            services=(*here, *there),
            project=project.namespace if project else "",
            trouble=next(iter(trouble), None),
            settings=now,
        )

    def _overview_of(self, project: Project) -> ProjectOverview:
        kept = self._overview
        if kept is None or (kept.project.host, kept.project.namespace) != (project.host, project.namespace):
            kept = self._overview = ProjectOverview(project)
        kept.project = project  # whoever logged in anew has another token
        return kept

    def _builds(self, project: Project | None) -> tuple[BuildSight, ...]:
        sights = [self._finished.get(one.id) or _sight(one) for one in builds(project=project, wait=_WAIT)]
        self._finished = {one.build.id: one for one in sights if one.status.finished}
        # Those that run first; the sort keeps the rest as it is, the newest first.
        return tuple(sorted(sights, key=lambda one: one.status.finished))


def _of(target: str, seen: Seen) -> tuple[Sight, ...]:
    return tuple(one for one in seen.services if one.service.target == target)


def _sight(build: Build) -> BuildSight:
    status = build.status
    return BuildSight(
        build=build,
        status=status,
        progress=build.progress,
        image=build.image or build.plan.image,
        error=build.error if status.finished else None,
    )


#: Of this process.
LOOKOUT = Lookout()
