"""A build that runs in the project: followed from a thread here, going on without us, cancelled by taking it away."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from threading import Lock, Thread
from typing import Any, ClassVar, Generic, TypeVar

from odh_oci_widgets.cluster import connect
from odh_oci_widgets.cluster.access import Need
from odh_oci_widgets.cluster.errors import ClusterError, LoginExpired, NotAllowed
from odh_oci_widgets.cluster.project import Project
from odh_oci_widgets.cluster.resources import CONFIG_MAPS, SECRETS, Resource
from odh_oci_widgets.oci.errors import Cancelled, OdhOciError, PlanInvalid
from odh_oci_widgets.oci.plan import Plan

from .followed import FollowedBuild
from .marks import SELECTOR, IfRunning
from .protocol import Build, BuildStatus
from .rights import check_rights

#: Seconds between two looks at what has no stream.
LOOK_SECONDS = 1.0
#: Seconds without a line after which a log is opened again.
QUIET_SECONDS = 60.0
#: Seconds for everything to go after a cancel.
GONE_SECONDS = 90.0
#: Seconds that the cluster may be out of reach before the follower gives up; the build itself goes on.
PATIENCE_SECONDS = 600.0


class ProjectBuild(FollowedBuild):
    """The common part. A subclass says how to look (`_look`), to take away (`_take_away`), and what is left."""

    def __init__(self, project: Project, build_id: str, plan: Plan) -> None:
        super().__init__(build_id, plan)
        self.project = project
        self._told: set[str] = set()
        #: the cluster shows it to us no longer; it may go on
        self.lost = False

    def _look(self) -> tuple[bool, OdhOciError | None]:
        """Read what is new. Returns whether it is over, and the trouble that no event told."""
        raise NotImplementedError

    def _take_away(self) -> None:
        """Stop the build and delete all that belongs to it. Raises ClusterError."""
        raise NotImplementedError

    def _left(self) -> bool:
        """Whether something of the build is still there. Raises ClusterError."""
        raise NotImplementedError

    def _secret_names(self) -> tuple[str, ...]:
        """Secrets that go as soon as the build is over."""
        return (self.id,)

    def _go(self) -> None:
        """Begin to follow."""
        Thread(target=self._follow, name=f"build {self.id}", daemon=True).start()

    def cancel(self) -> None:
        """Take the build away with all that belongs to it; `wait()` tells when it is gone. One that is over stays."""
        if not self._cancel.is_set() and not self._ended.is_set():
            self._cancel.set()
            Thread(target=self._delete, name=f"cancel {self.id}", daemon=True).start()

    def _delete(self) -> None:
        deadline = time.monotonic() + GONE_SECONDS
        while time.monotonic() < deadline:
            try:
                self._take_away()
            except ClusterError as error:
                self._tell(error)
                time.sleep(LOOK_SECONDS)
            else:
                return

    def _follow(self) -> None:
        error: OdhOciError | None = None
        unreachable_since: float | None = None
        while True:
            try:
                ended, error = self._look()
                unreachable_since = None
                if not ended:
                    self._seen.set()
            except (LoginExpired, NotAllowed) as refused:
                ended, error, self.lost = True, refused, True
            except ClusterError as trouble:
                unreachable_since = unreachable_since or time.monotonic()
                self._tell(trouble)
                ended = self.lost = time.monotonic() - unreachable_since > PATIENCE_SECONDS
                error = trouble
            if ended:
                break
            time.sleep(LOOK_SECONDS)
        if self._cancel.is_set() and self._image is None:
            self._error = None
            error = self._gone()
        elif self.lost:
            self.note(f"What becomes of the build `{self.id}` is not seen from here any more; it may go on.")
            self._end(error, BuildStatus.INTERRUPTED)
            return
        for name in self._secret_names():
            with suppress(ClusterError):
                self.project.delete(SECRETS, name)
        self._end(error)

    def _gone(self) -> OdhOciError:
        """Wait until nothing of the build is left."""
        deadline = time.monotonic() + GONE_SECONDS
        while time.monotonic() < deadline:
            with suppress(ClusterError):
                if not self._left():
                    break
            time.sleep(LOOK_SECONDS)
        return Cancelled("The build was cancelled.", hint="Start it again when you like.")

    def _tell(self, trouble: OdhOciError) -> None:
        """Each sentence once."""
        if str(trouble) not in self._told:
            self._told.add(str(trouble))
            self.note(str(trouble))


Followed = TypeVar("Followed", bound=ProjectBuild)


class Followers(Generic[Followed]):
    """One follower for one build, however often it is asked for."""

    def __init__(self) -> None:
        self._known: weakref.WeakValueDictionary[tuple[str, str, str], Followed] = (
            weakref.WeakValueDictionary()
        )
        self._lock = Lock()

    def of(self, project: Project, build_id: str, make: Callable[[], Followed]) -> Followed:
        """The follower; `make` makes it where there is none yet."""
        key = (project.host, project.namespace, build_id)
        with self._lock:
            build = self._known.get(key)
            if build is None or build.lost:
                build = self._known[key] = make()
            return build

    def known(self, project: Project, build_id: str) -> Followed | None:
        """The follower that somebody holds already; None where there is none that still sees its build."""
        build = self._known.get((project.host, project.namespace, build_id))
        return None if build is None or build.lost else build


Settings = TypeVar("Settings")


class ProjectBuilder(Generic[Settings]):
    """What builders of the project have in common. `project`: default the current one."""

    #: what one build is an object of
    kind: ClassVar[Resource]
    #: what a build needs to be allowed to do
    needs: ClassVar[Iterable[Need]]
    #: of this kind, in this process
    followers: ClassVar[Followers[Any]]

    def __init__(
        self,
        project: Project | None = None,
        *,
        settings: Settings | None = None,
        if_running: IfRunning = "refuse",
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.project = project or connect()
        self.settings = settings or self._default_settings()
        self.if_running = if_running
        self._environ = environ

    def _default_settings(self) -> Settings:
        raise NotImplementedError

    def _followed(self, build_id: str, plan: Plan) -> Build:
        """The follower of a build that there is."""
        raise NotImplementedError

    def check(self) -> None:
        """Raise NotAllowed, with the command that repairs it, where we may not make or follow what a build needs."""
        check_rights(self.project, self.needs)

    def builds(self) -> list[Build]:
        """Running and finished builds of the project, newest first; each goes on from where it stands."""
        found: list[Build] = []
        for one in sorted(self.project.list(self.kind, labels=SELECTOR), key=made_at, reverse=True):
            name = one["metadata"]["name"]
            followed = self.followers.known(self.project, name)
            if followed is not None:  # its plan does not change: who looks often reads it once
                found.append(followed)
                continue
            plan = self._plan_of(name)
            if plan is not None:
                found.append(self._followed(name, plan))
        return found

    def _plan_of(self, build_id: str) -> Plan | None:
        """What a build builds; None for one that is half made, or of another version."""
        known = self.project.find(CONFIG_MAPS, build_id) or {}
        with suppress(PlanInvalid, KeyError, TypeError):
            return Plan.from_json(known["data"]["plan.json"])
        return None


def made_at(one: Mapping[str, Any]) -> str:
    """When an object was made, as text that sorts."""
    return str(one["metadata"].get("creationTimestamp") or "")


def age_key(one: Mapping[str, Any]) -> tuple[str, str]:
    """Sorts objects by age; those of one second all in the same order, whoever looks."""
    return made_at(one), str(one["metadata"]["name"])
