"""What all steps have in common: a title, one place for errors, one for what goes on, and "Show code"."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

import ipywidgets as widgets

from odh_oci_widgets.oci.errors import OdhOciError

from . import html
from .flow import Flow
from .job import Job
from .page import PAGE
from .parts import CodePanel, Rendering, markup

T = TypeVar("T")


class Step(widgets.VBox):
    """A part of the wizard that also works alone. `error` is the last exception, to raise it in a cell."""

    title: ClassVar[str] = ""
    lead: ClassVar[str] = ""

    def __init__(self, flow: Flow | None = None) -> None:
        self.flow = flow or Flow()
        self.error: OdhOciError | None = None
        self._alert = markup()
        self._status = markup(html.status(""))
        self._job: Job[Any] | None = None
        self._tell_busy: Callable[[bool], Any] = bool
        self.code = CodePanel(self.renderings)
        super().__init__(_dom_classes=("odh-oci-step",))

    def _compose(self, *content: Any) -> None:
        self.children = (
            markup(html.stylesheet() + html.heading(self.title, self.lead)),
            *content,
            self._alert,
            self._status,
            self.code,
        )

    @property
    def summary(self) -> str:
        """A few words on what was chosen here; empty while nothing is."""
        return ""

    def renderings(self) -> Mapping[str, Rendering]:
        """Language -> code that does what this step does."""
        return {}

    def say(self, sentence: str, *, busy: bool = False) -> None:
        """Tell what goes on; an earlier error is gone with it."""
        self.error = None
        self._alert.value = ""
        self._status.value = html.status(sentence, busy=busy)
        self.flow.moment += 1

    def fail(self, error: OdhOciError) -> None:
        """Show what failed and what to do."""
        self.error = error
        self._status.value = html.status("")
        self._alert.value = html.alert(error)
        self.flow.moment += 1

    def run(
        self,
        sentence: str,
        work: Callable[[threading.Event], T],
        done: Callable[[T], Any],
        failed: Callable[[OdhOciError], Any] | None = None,
        busy: Callable[[bool], Any] = bool,
    ) -> Job[T]:
        """Do work in a thread, saying so; a job of this step that still runs is forgotten.

        `busy(True)` is told when it begins, `busy(False)` when it ends or is forgotten: its form is free again.
        """
        if self._job is not None:
            self._job.abandon()
        self._tell_busy(False)
        self._tell_busy = busy
        busy(True)
        self.say(sentence, busy=True)

        def ended(told: Callable[[Any], Any]) -> Callable[[Any], None]:
            def tell(outcome: Any) -> None:
                busy(False)
                told(outcome)

            return tell

        name = f"odh-oci-{type(self).__name__}"
        job = Job(work, done=ended(done), failed=ended(failed or self.fail), name=name)
        self._job = job
        return job

    def join(self, timeout: float | None = None) -> None:
        """Wait for the work that this step does now, in cells and tests; clicking needs no waiting."""
        if self._job is not None:
            self._job.join(timeout)

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any] | None:
        PAGE.greet()
        bundle: dict[str, Any] | None = super()._repr_mimebundle_(**options)
        if bundle is not None:
            words = f"{self.title}: {self.summary or 'nothing chosen yet'}"
            again = f"from odh_oci_widgets import {type(self).__name__}; {type(self).__name__}()"
            bundle["text/plain"] = f"{words}. To use it: {again}"
            bundle["text/html"] = html.element("p", words, " ", html.element("code", again))
        return bundle
