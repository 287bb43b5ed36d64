"""A service: its state in words, where it answers, its log, and the way to delete it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from odh_oci_widgets.oci.errors import OdhOciError
from odh_oci_widgets.serving import Diagnosis, Service, ServiceState

from . import html
from .job import Job
from .parts import Disclosure, LogPane, button, row

#: Seconds between two looks at a service that comes up.
PERIOD = 1.0
LOG_TAIL = 200

_KIND = {ServiceState.READY: "good", ServiceState.FAILED: "bad", ServiceState.STOPPED: "plain"}
#: States that do not change by themselves.
SETTLED = frozenset({ServiceState.READY, ServiceState.FAILED, ServiceState.STOPPED})


class ServiceCard(widgets.VBox):
    """Follows one service until it is ready or has failed. Empty until `attach`."""

    def __init__(self, *, settled: Callable[[Diagnosis], Any], deleted: Callable[[], Any]) -> None:
        self._settled = settled
        self._deleted = deleted
        self._service: Service | None = None
        self._watcher: Job[Any] | None = None
        self._face = widgets.HTML()
        self._lines = LogPane()
        self._refresh = button("Refresh", self._look_again)
        self._delete = button("Delete", self._ask)
        self._sure = button("Yes, delete the service", self._delete_now, style="danger")
        self._keep = button("Keep it", self._buttons)
        self._actions = row()
        self._logs = Disclosure("log of the model server", self._lines, seen=self._read_log)
        super().__init__()
        self.add_class("odh-oci-service")

    def _show(self, *parts: Any) -> None:
        self.children = parts

    def attach(self, service: Service) -> None:
        """Show this service and follow it."""
        self._service = service
        self._buttons()
        self._show(self._face, self._actions, self._logs)
        self._look_again()

    def join(self, timeout: float | None = None) -> None:
        """Wait until it is ready or has failed."""
        if self._watcher is not None:
            self._watcher.join(timeout)

    def _buttons(self) -> None:
        self._actions.children = (self._refresh, self._delete)

    def _ask(self) -> None:
        self._actions.children = (self._sure, self._keep)

    def _look_again(self) -> None:
        service = self._service
        if service is None:
            return
        if self._watcher is not None:
            self._watcher.abandon()
        self._watcher = Job(
            lambda cancel: self._follow(service, cancel),
            done=lambda _: None,
            failed=self._fail,
            name="odh-oci-service",
        )

    def _follow(self, service: Service, cancel: threading.Event) -> None:
        while not cancel.is_set():
            diagnosis = service.diagnose()
            self._face.value = _face(service, diagnosis)
            if self._logs.shown:
                self._lines.fill(service.logs(tail=LOG_TAIL))
            if diagnosis.state in SETTLED:
                self._settled(diagnosis)
                return
            cancel.wait(PERIOD)

    def _read_log(self) -> None:
        service = self._service
        if service is not None:
            Job(
                lambda _: list(service.logs(tail=LOG_TAIL)),
                done=self._lines.fill,
                failed=lambda error: self._lines.fill([str(error)]),
            )

    def _delete_now(self) -> None:
        service = self._service
        if service is None:
            return
        if self._watcher is not None:
            self._watcher.abandon()
        self._actions.children = ()
        self._watcher = Job(lambda _: service.delete(), done=self._gone, failed=self._fail)

    def _gone(self, _: None) -> None:
        self._service = None
        self._show()
        self._deleted()

    def _fail(self, error: OdhOciError) -> None:
        self._buttons()
        self._face.value = html.alert(error)


def _face(service: Service, diagnosis: Diagnosis) -> html.Html:
    state = html.badge(diagnosis.state.value, _KIND.get(diagnosis.state, "busy"))
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
        class_="odh-oci-card",
    )
