"""A service: its state in words, what happened to it, where it answers, its logs, and how to stop or delete it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

import ipywidgets as widgets

from odh_oci_widgets.oci.errors import OdhOciError
from odh_oci_widgets.serving import Diagnosis, Service, ServiceState

from . import html
from .job import Job
from .log_view import LogView
from .parts import Disclosure, button, field, markup, row
from .words import in_time

#: Seconds between two looks at a service that comes up.
PERIOD = 1.0
#: Seconds for which a service of the project is watched after a failure: some repair themselves.
PATIENCE = 20.0
LOG_TAIL = 200

_KIND = {ServiceState.READY: "good", ServiceState.FAILED: "bad", ServiceState.STOPPED: "plain"}
#: States that do not change by themselves.
SETTLED = frozenset({ServiceState.READY, ServiceState.STOPPED})
#: What a service of the project has a log of; the first is the model server, whose name the service knows.
_CONTAINERS = (
    ("Model server", ""),
    ("Model image", "modelcar"),
    ("Model image's first look", "modelcar-init"),
)


@runtime_checkable
class InProject(Protocol):
    """What a service of the project can do and one of the sandbox cannot."""

    def timeline(self) -> Sequence[Any]:
        """What happened, each with `at`, `text` and `warning`."""

    def events(self) -> list[str]:
        """The cluster's events as lines."""

    def logs(self, *, tail: int = 200, container: str = "") -> Iterator[str]:
        """Last lines of a container."""

    def stop(self) -> None:
        """End its pods and keep it."""

    def start(self) -> None:
        """Bring it back."""


class ServiceCard(widgets.VBox):
    """Follows one service until it is ready, stopped or has failed. Empty until `attach`."""

    def __init__(self, *, settled: Callable[[Diagnosis], Any], deleted: Callable[[], Any]) -> None:
        self._settled = settled
        self._deleted = deleted
        self._service: Service | None = None
        self._state: ServiceState | None = None
        self._watcher: Job[Any] | None = None
        #: held while it is decided what to do next: a person clicks while the panel looks
        self._turn = threading.Lock()
        self._face = markup()
        self._refresh = button("Refresh", self._look_again)
        self._stop = button("Stop", lambda: self._change("Stopping", lambda service: service.stop()))
        self._start = button("Start", lambda: self._change("Starting", lambda service: service.start()))
        self._delete = button("Delete", self._ask)
        self._sure = button("Yes, delete the service", self._delete_now, style="danger")
        self._keep = button("Keep it", self._buttons)
        self._asking = False
        self._actions = row()
        self._container = field(widgets.Dropdown, "Container", options=_CONTAINERS)
        self._container.observe(lambda _: self._read(), "value")
        self._log, self._event_log = LogView(), LogView()
        self._logs = Disclosure("logs", self._container, self._log, seen=self._read)
        self._events = Disclosure("events", self._event_log, seen=self._read)
        super().__init__()
        self.add_class("odh-oci-service")

    def _show(self, *parts: Any) -> None:
        self.children = parts

    def attach(self, service: Service) -> None:
        """Show this service and follow it."""
        self._service, self._state = service, None
        in_project = isinstance(service, InProject)
        self._container.layout.display = "" if in_project else "none"
        self._container.value = ""
        self._log.lines.fill(())
        self._event_log.lines.fill(())
        self._buttons()
        self._show(self._face, self._actions, self._logs, *((self._events,) if in_project else ()))
        self._look_again()

    def detach(self) -> None:
        """Follow nothing any more, and show nothing."""
        if self._watcher is not None:
            self._watcher.abandon()
        self._service = None
        self._show()

    def hear(self, state: ServiceState) -> None:
        """What somebody else saw just now: looked at again where this shows another state, and follows no more.

        A service that settled may be changed by others, and a look that failed is not repeated by itself.
        """
        if state is not self._state:
            self._look_again(instead=False)

    def show_logs(self) -> None:
        """Open the logs, where they are not open."""
        if not self._logs.shown:
            self._logs.toggle()

    def join(self, timeout: float | None = None) -> None:
        """Wait until it is settled."""
        if self._watcher is not None:
            self._watcher.join(timeout)

    def _buttons(self) -> None:
        self._asking = False
        switch: tuple[Any, ...] = ()
        if isinstance(self._service, InProject):
            switch = (self._start if self._state is ServiceState.STOPPED else self._stop,)
        self._actions.children = (self._refresh, *switch, self._delete)

    def _ask(self) -> None:
        self._asking = True
        self._actions.children = (self._sure, self._keep)

    def _look_again(self, *, instead: bool = True) -> None:
        service = self._service
        if service is not None:
            self._work(lambda cancel: self._follow(service, cancel), instead=instead)

    def _work(
        self,
        work: Callable[[threading.Event], Any],
        done: Callable[[Any], Any] = lambda _: None,
        *,
        instead: bool = True,
    ) -> None:
        """Do this instead of what is being done; or, not `instead`, only where nothing is."""
        with self._turn:
            if self._watcher is not None:
                if self._watcher.running and not instead:
                    return
                self._watcher.abandon()
            self._watcher = Job(work, done=done, failed=self._fail, name="odh-oci-service")

    def _follow(self, service: Service, cancel: threading.Event) -> None:
        failing: float | None = None
        while not cancel.is_set():
            diagnosis = service.diagnose()
            happened = service.timeline() if isinstance(service, InProject) else ()
            if cancel.is_set():
                return  # what was found meanwhile is not of what the card shows now
            self._face.value = _face(service, diagnosis, happened)
            if diagnosis.state is not self._state:
                self._state = diagnosis.state
                if not self._asking:
                    self._buttons()
            self._fill(service)
            failing = (failing or time.monotonic()) if diagnosis.state is ServiceState.FAILED else None
            patience = PATIENCE if isinstance(service, InProject) else 0.0
            if diagnosis.state in SETTLED or (failing and time.monotonic() - failing >= patience):
                self._settled(diagnosis)
                return
            cancel.wait(PERIOD)

    def _read(self) -> None:
        service = self._service
        if service is not None:
            Job(
                lambda _: self._fill(service),
                done=lambda _: None,
                failed=lambda error: self._log.lines.fill([str(error)]),
            )

    def _fill(self, service: Service) -> None:
        """Read the logs and events that are to be seen."""
        if self._logs.shown:
            container = {"container": self._container.value} if self._container.value else {}
            self._log.lines.fill(list(service.logs(tail=LOG_TAIL, **container)))
        if self._events.shown and isinstance(service, InProject):
            self._event_log.lines.fill(service.events())

    def _change(self, word: str, change: Callable[[Any], Any]) -> None:
        service = self._service
        if service is None:
            return

        def work(cancel: threading.Event) -> None:
            change(service)
            self._follow(service, cancel)

        self._face.value = html.status(f"{word} {service.name}…", busy=True)
        self._work(work)

    def _delete_now(self) -> None:
        service = self._service
        if service is None:
            return
        self._actions.children = ()
        self._face.value = html.status(f"Deleting {service.name}…", busy=True)
        self._work(lambda _: service.delete(), self._gone)

    def _gone(self, _: None) -> None:
        self._service = None
        self._show()
        self._deleted()

    def _fail(self, error: OdhOciError) -> None:
        self._buttons()
        self._face.value = html.alert(error)


def _face(service: Service, diagnosis: Diagnosis, happened: Sequence[Any]) -> html.Html:
    state = html.badge(diagnosis.state.value, _KIND.get(diagnosis.state, "busy"))
    since = happened[0].at if happened else None
    moments = [
        (f"+ {in_time((one.at - since).total_seconds())}" if since else "", one.text, one.warning)
        for one in happened
    ]
    return html.element(
        "div",
        html.element("div", f"{service.name} ", state, class_="odh-oci-card-title"),
        html.element("div", diagnosis.sentence),
        html.element("div", diagnosis.hint, class_="odh-oci-hint") if diagnosis.hint else "",
        html.facts(
            {
                "URL": html.element("code", service.url) if service.url else "",
                "Image": html.element("code", service.image),
            }
        ),
        html.timeline(f"What happened to {service.name}", moments) if moments else "",
        class_="odh-oci-card",
    )
