"""One build of a list: what it is, how far it is, its log, and how to stop it."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from odh_oci_widgets.builders import BuildStatus, human_bytes

from . import html
from .job import Job
from .layer_bars import LayerBars
from .log_view import LogView
from .lookout import BuildSight
from .page import PAGE
from .parts import Disclosure, button, markup, put, row


class BuildDetails(widgets.VBox):
    """Shows a build as often as it is told (`show`)."""

    def __init__(self, sight: BuildSight) -> None:
        self._sight = sight
        self._face = markup()
        self._bars = LayerBars()
        self._log = LogView()
        self._logs = Disclosure("log", self._log, seen=self._read)
        self._cancel = button("Cancel the build", self._stop, style="danger")
        self._copy = button("Copy the image's name", lambda: PAGE.copy(self._sight.image))
        self._actions = row()
        super().__init__([self._face, self._bars, self._actions, self._logs])
        self.show(sight)

    def show(self, sight: BuildSight) -> None:
        """As it stands now."""
        self._sight = sight
        self._face.value = _face(sight)
        self._bars.paint(sight.progress)
        self._bars.layout.display = "none" if sight.status.finished else ""
        built = sight.status is BuildStatus.SUCCEEDED
        buttons: tuple[Any, ...] = () if sight.status.finished else (self._cancel,)
        buttons += (self._copy,) if built and PAGE.present else ()
        put(self._actions, buttons)
        if self._logs.shown:
            self._read()

    def _read(self) -> None:
        build = self._sight.build
        Job(
            lambda _: list(build.logs(follow=False)),
            done=self._log.lines.fill,
            failed=lambda error: self._log.lines.fill([str(error)]),
            name="odh-oci-build-log",
        )

    def _stop(self) -> None:
        self._cancel.disabled = True
        self._sight.build.cancel()


def _face(sight: BuildSight) -> html.Html:
    size = sight.progress.total
    return html.element(
        "div",
        html.facts(
            {
                "Image": html.element("code", sight.image),
                "Built by": sight.build.builder,
                "Build": sight.build.id,
                "Size": human_bytes(size) if size else "",
            }
        ),
        html.alert(sight.error) if sight.status is not BuildStatus.CANCELLED else html.EMPTY,
    )
