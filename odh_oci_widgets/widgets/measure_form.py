"""A small load test of the service: what this deployment gives."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from odh_oci_widgets.inference import Measurement
from odh_oci_widgets.oci.errors import OdhOciError

from . import html, latency_plot
from .job import Job
from .parts import button, cell, field, grid, markup, row

if TYPE_CHECKING:
    from .test_step import TestStep


class MeasureForm(widgets.VBox):
    """Requests and how many at a time; a bar while it runs, then a plot and percentiles.

    Each call sends what the step's form says. `found` is the last measurement.
    """

    def __init__(self, step: TestStep) -> None:
        self._step = step
        self._job: Job[Measurement] | None = None
        self._done = 0
        self.found: Measurement | None = None
        self.requests = field(widgets.BoundedIntText, "Requests", value=50, min=1, max=100_000)
        self.concurrency = field(widgets.BoundedIntText, "At a time", value=4, min=1, max=256)
        self.run_button = button("Run load test", self.run)
        self.stop_button = button("Stop load test", self.stop, style="danger")
        self._view = markup()
        super().__init__(
            [
                grid(
                    cell(self.requests, "Each sends what the form above says."),
                    cell(self.concurrency, "As many users wait for an answer at any moment."),
                ),
                row(self.run_button, self.stop_button),
                self._view,
            ]
        )
        self._busy(busy=False)

    def run(self) -> None:
        """Run it, in threads; other use of the service makes it slower, and the other way round."""
        service: Any = self._step.flow.service
        if service is None:
            self._step.fail(OdhOciError("There is no service to measure.", hint="Choose one above."))
            return
        try:
            load = self._step.form.load()
        except OdhOciError as error:
            self._step.fail(error)
            return
        wanted, together = self.requests.value, self.concurrency.value
        self._done = 0
        self._busy(busy=True)
        self._paint(0, wanted)

        def work(cancel: threading.Event) -> Measurement:
            found: Measurement = service.measure(
                **load, requests=wanted, concurrency=together, cancel=cancel, progress=self._paint
            )
            return found

        self._step.say(f"{service.name} is being measured…", busy=True)
        # Not the step's own job: a question asked meanwhile takes its place there, and this goes on.
        self._job = Job(work, done=self._show, failed=self._failed, name="odh-oci-measure")

    def join(self, timeout: float | None = None) -> None:
        """Wait for it, in cells and tests."""
        if self._job is not None:
            self._job.join(timeout)

    def stop(self) -> None:
        """End it; what was measured until now is shown."""
        self.stop_button.disabled = True
        if self._job is not None:
            self._job.cancel()

    def _paint(self, done: int, wanted: int) -> None:
        # Fifty paintings whatever the number; calls end in any order, so a later one may tell a smaller number.
        if done and done < wanted and done - self._done < wanted / 50:
            return
        self._done = done
        self._view.value = html.progress_bar("Load test", done / wanted, f"{done} of {wanted}")

    def _show(self, found: Measurement) -> None:
        self.found = found
        self._busy(busy=False)
        self._view.value = html.element(
            "div", latency_plot.plot(found), latency_plot.numbers(found), class_="odh-oci-card"
        )
        half = latency_plot.milliseconds(found.percentile(50))
        ended = "Stopped" if found.cancelled else "Measured"
        self._step.say(f"{ended}: {found.requests_per_second:.1f} requests a second, half within {half}.")

    def _failed(self, error: OdhOciError) -> None:
        self._busy(busy=False)
        self._view.value = ""
        self._step.fail(error)

    def _busy(self, *, busy: bool) -> None:
        self.run_button.disabled = busy
        self.stop_button.disabled = False
        self.stop_button.layout.display = "" if busy else "none"
