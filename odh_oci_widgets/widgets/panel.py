"""All builds and services at a glance: what the side panel of the extension shows, and any notebook can."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from odh_oci_widgets.builders import BuildStatus
from odh_oci_widgets.cluster.errors import ClusterError
from odh_oci_widgets.serving import ServiceState
from odh_oci_widgets.serving.overview import Sight

from . import html
from .access_strip import AccessStrip
from .build_details import BuildDetails
from .flow import Flow
from .item_list import Item, ItemList
from .layer_bars import total_words
from .lookout import LOOKOUT, BuildSight, Seen
from .parts import Rendering, button, markup, row
from .service_details import ServiceDetails
from .step import Step
from .words import age, counted, image_name

_BUILD_KINDS = {BuildStatus.SUCCEEDED: "good", BuildStatus.FAILED: "bad", BuildStatus.INTERRUPTED: "bad"}
_SERVICE_KINDS = {ServiceState.READY: "good", ServiceState.FAILED: "bad", ServiceState.STOPPED: "plain"}


class ModelsPanel(Step):
    """Builds and services of the current project and of this machine, live, with what can be done with each.

    It looks as often as the setting `refresh` says, in one thread, as long as it is to be seen; `close()` ends it.

    >>> from odh_oci_widgets import ModelsPanel
    >>> panel = ModelsPanel()
    >>> panel.close()
    """

    title: ClassVar[str] = "Models"
    lead: ClassVar[str] = "Builds and services of the project and of this machine. A click shows more."

    def __init__(self, *, flow: Flow | None = None) -> None:
        super().__init__(flow)
        self._lock = threading.RLock()
        self._seen = Seen()
        self.access = AccessStrip(self.flow)
        self._repair = button("Log in, or switch the project", self._show_access)
        self._repair.layout.display = "none"
        self._build_head, self._service_head = markup(), markup()
        self.builds = ItemList("builds", self.open_build)
        self.services = ItemList("services", self.open_service)
        self._build: tuple[str, BuildDetails] | None = None
        self._service: tuple[str, ServiceDetails] | None = None
        self._compose(
            self.access,
            self._service_head,
            self.services,
            self._build_head,
            self.builds,
            row(button("Refresh", LOOKOUT.look), self._repair),
        )
        self.add_class("odh-oci-panel")
        self.say("Looking for builds and services…", busy=True)
        self.flow.observe(self._moved, "surroundings")
        # The browser counts the views of this widget: what nobody sees need not look.
        self._view_count = 0
        self.observe(self._watched, "_view_count")

    def look(self) -> None:
        """Begin to look, as it does by itself when it is shown."""
        if self.flow.surroundings is None:
            self.access.look()
        LOOKOUT.listen(self._hear)

    def close(self) -> None:
        """Look no more, and take it from the page."""
        LOOKOUT.leave(self._hear)
        self.open_service(None)
        super().close()

    def open_build(self, key: str | None) -> None:
        """Show the details of a build below it; None: of none."""
        with self._lock:
            sight = next((one for one in self._seen.builds if one.build.id == key), None)
            self._build = (sight.build.id, BuildDetails(sight)) if sight else None
            self.builds.unfold(key, *((self._build[1],) if self._build else ()))

    def open_service(self, key: str | None) -> None:
        """Show the details of a service (`target/name`) below it; None: of none."""
        with self._lock:
            if self._service is not None:
                self._service[1].leave()
            sight = next((one for one in self._seen.services if _key(one) == key), None)
            self._service = (_key(sight), ServiceDetails(sight, self._deleted)) if sight else None
            self.services.unfold(key, *((self._service[1],) if self._service else ()))

    def _watched(self, change: Any) -> None:
        if change["new"]:
            self.look()
        else:
            LOOKOUT.leave(self._hear)

    def _moved(self, change: Any) -> None:
        """The user logged in, or went to another project."""
        LOOKOUT.project = change["new"].project
        LOOKOUT.look()

    def _deleted(self) -> None:
        self.open_service(None)
        LOOKOUT.look()

    def _show_access(self) -> None:
        if not self.access.details.shown:
            self.access.details.toggle()

    def _hear(self, seen: Seen) -> None:
        with self._lock:
            self._seen = seen
            self._paint_builds(seen.builds)
            self._paint_services(seen.services)
        troubled = isinstance(seen.trouble, ClusterError)
        self._repair.layout.display = "" if troubled else "none"
        if seen.trouble is None:
            self.say("")
        elif str(seen.trouble) != str(self.error):  # said once, not at each look
            self.fail(seen.trouble)

    def _paint_builds(self, sights: Sequence[BuildSight]) -> None:
        self.builds.show([_build_item(one) for one in sights])
        self._build_head.value = _head("Builds", [str(one.status) for one in sights], "No build yet.")
        if self._build is not None:
            key, details = self._build
            sight = next((one for one in sights if one.build.id == key), None)
            if sight is None:
                self.open_build(None)
            else:
                details.show(sight)

    def _paint_services(self, sights: Sequence[Sight]) -> None:
        now = datetime.now(UTC)
        self.services.show([_service_item(one, now) for one in sights])
        states = [one.diagnosis.state.value for one in sights]
        self._service_head.value = _head("Services", states, "No service yet.")
        if self._service is not None:
            key, details = self._service
            sight = next((one for one in sights if _key(one) == key), None)
            if sight is None:
                self.open_service(None)
            else:
                details.show(sight)

    @property
    def summary(self) -> str:
        """How many there are."""
        if not (self._seen.builds or self._seen.services):
            return ""
        return f"{counted(len(self._seen.services), 'service')}, {counted(len(self._seen.builds), 'build')}"

    def renderings(self) -> Mapping[str, Rendering]:
        """Python, and the commands."""
        return {
            "Python": "from odh_oci_widgets import builds, services\n\n"
            "for build in builds():\n    print(build.id, build.status, build.plan.image)\n"
            "for service in services():\n    print(service.name, service.state, service.url)\n",
            "Command": "odh-oci builds\nodh-oci list\n",
        }


def _key(sight: Sight) -> str:
    return f"{sight.service.target}/{sight.service.name}"


def _build_item(sight: BuildSight) -> Item:
    words = total_words(sight.progress) if sight.progress.total else "nothing sent yet"
    running = not sight.status.finished
    bar = html.EMPTY
    if running:
        bar = html.progress_bar(
            f"Build of {image_name(sight.image)}", sight.progress.fraction, words, state="total"
        )
    return Item(
        key=sight.build.id,
        lines=(image_name(sight.image), f"{sight.status} · {sight.build.builder}", _place(sight.image)),
        kind="busy" if running else _BUILD_KINDS.get(sight.status, "plain"),
        bar=bar,
    )


def _service_item(sight: Sight, now: datetime) -> Item:
    facts = [sight.diagnosis.state.value, sight.service.target]
    if sight.created is not None:
        facts.append(age((now - sight.created).total_seconds()))
    return Item(
        key=_key(sight),
        lines=(sight.service.name, " · ".join(facts), sight.url or "no address yet"),
        kind=_SERVICE_KINDS.get(sight.diagnosis.state, "busy"),
    )


def _head(title: str, states: Sequence[str], none: str) -> html.Html:
    """`Services: 2 ready, 1 failed`, the commonest first."""
    counts = sorted(((states.count(one), one) for one in set(states)), reverse=True)
    words = ", ".join(f"{count} {state}" for count, state in counts)
    return html.section(f"{title}: {words}" if words else f"{title}. {none}")


def _place(image: str) -> str:
    return image.partition("@")[0].rpartition("/")[0]
