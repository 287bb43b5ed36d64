"""One service of a list: the card that follows it, and what can be done with it from here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from odh_oci_widgets.serving import Service
from odh_oci_widgets.serving.overview import Sight

from . import snippets
from .job import Job
from .lookout import LOOKOUT
from .page import PAGE
from .page_messages import View
from .parts import button, put, row
from .service_card import ServiceCard
from .test_step import TestStep


class ServiceDetails(widgets.VBox):
    """Follows a service until `leave()`. `deleted()` is told when the user removed it."""

    def __init__(self, sight: Sight, deleted: Callable[[], Any]) -> None:
        self._sight = sight
        self._card = ServiceCard(settled=lambda _: LOOKOUT.look(), deleted=deleted)
        self._tester: TestStep | None = None
        self._test = button("", self._open_tester)
        self._logs = button("Open logs", lambda: self._open_tab(View.LOGS))
        self._insert = button("Insert code", self._insert_code)
        self._copy = button("Copy URL", lambda: PAGE.copy(self._sight.url or ""))
        self._actions = row()
        self._inline = widgets.VBox()
        super().__init__([self._actions, self._card, self._inline])
        self.show(sight)
        self._card.attach(sight.service)
        PAGE.observe(self._page_changed, "present")

    @property
    def service(self) -> Service:
        """Which one it is."""
        return self._sight.service

    def show(self, sight: Sight) -> None:
        """As it stands now."""
        self._sight = sight
        self._card.hear(sight.diagnosis.state)
        self._test.description = (
            "Open tester" if PAGE.present else "Hide tester" if self._tester else "Test it here"
        )
        buttons: tuple[Any, ...] = (self._test,)
        if PAGE.present:
            buttons += (self._logs, self._insert, *((self._copy,) if sight.url else ()))
        put(self._actions, buttons)

    def leave(self) -> None:
        """Follow it no more."""
        PAGE.unobserve(self._page_changed, "present")
        self._card.detach()

    def _page_changed(self, _: Any) -> None:
        self.show(self._sight)

    def _open_tester(self) -> None:
        if PAGE.present:
            self._open_tab(View.TESTER)
            return
        self._tester = None if self._tester else TestStep.of(self.service)
        self._inline.children = (self._tester,) if self._tester else ()
        self.show(self._sight)

    def _open_tab(self, view: View) -> None:
        from .page_views import show  # it needs the panel, and that needs us

        show(view, self.service.name)

    def _insert_code(self) -> None:
        service = self.service
        Job(lambda _: snippets.client(service), done=PAGE.insert, failed=PAGE.fail, name="odh-oci-code")
