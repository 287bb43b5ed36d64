"""Builds that run or ran already, here and in the project, to go on with: a kernel's restart loses none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from odh_oci_widgets.builders import Build, builds, human_bytes
from odh_oci_widgets.oci.errors import OdhOciError

from . import html
from .choices import Choice, ChoiceList
from .flow import Flow
from .job import Job
from .parts import button, markup

#: How many are offered, those that run first, then the newest.
MOST = 8


class EarlierBuilds(widgets.VBox):
    """Looks for builds in a thread; `picked` is told which one to show, `found` which there are."""

    def __init__(
        self, *, flow: Flow, picked: Callable[[Build], Any], found: Callable[[list[Build]], Any]
    ) -> None:
        self._flow = flow
        self._found = found
        self._job: Job[Any] | None = None
        self._note = markup()
        self.list = ChoiceList(picked)
        super().__init__([self._note, self.list, button("Look again", self.look)])

    def look(self) -> None:
        """Look again."""
        if self._job is not None:
            self._job.abandon()
        self._job = Job(
            lambda _: _choices(self._flow), done=self._show, failed=self._fail, name="odh-oci-builds"
        )

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has looked."""
        if self._job is not None:
            self._job.join(timeout)

    def _show(self, choices: list[Choice]) -> None:
        self._note.value = html.help_text(
            "Click one to watch it, or to go on with its image." if choices else "There is none."
        )
        self.list.show(choices)
        self._found([choice.value for choice in choices])

    def _fail(self, error: OdhOciError) -> None:
        self._note.value = html.alert(error)


def _choices(flow: Flow) -> list[Choice]:
    # Sorting keeps the order of those that are alike: the newest first.
    known = sorted(
        ((one.status, one) for one in builds(project=flow.project)), key=lambda pair: pair[0].finished
    )
    return [
        Choice(
            name=one.plan.image,
            facts=f"{status.value} · {_how_far(one)} · {one.builder} · {one.id}",
            value=one,
        )
        for status, one in known[:MOST]
    ]


def _how_far(build: Build) -> str:
    progress = build.progress
    if not progress.total:
        return "nothing sent yet"
    return f"{human_bytes(progress.sent)} of {human_bytes(progress.total)}"
