"""The first strip of the wizard: who am I, which project, what may I do; switch and log in."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from odh_oci_widgets.cluster.login import login_from_line
from odh_oci_widgets.oci.errors import OdhOciError

from . import html
from .flow import Flow
from .job import Job
from .parts import Disclosure, Secret, button, cell, field, markup, row
from .surroundings import Surroundings, look_around


class AccessStrip(widgets.VBox):
    """Who am I, which project, what may I do: looks around in a thread and puts it into `flow.surroundings`.

    Alone it looks at once; as the wizard's first strip it does when `look()` is called.

    >>> from odh_oci_widgets import AccessStrip
    >>> strip = AccessStrip()
    >>> strip.join(20)
    >>> strip.flow.surroundings.project.namespace
    'alice'
    """

    def __init__(self, flow: Flow | None = None) -> None:
        self.flow = flow or Flow()
        self._job: Job[Surroundings] | None = None
        self._face = markup(html.strip("Looking for a cluster…", "looking", "plain"))
        self._details = markup()
        self.namespace = field(widgets.Text, "Project", continuous_update=False)
        self._login = Secret("Login command", self._log_in)
        switch = row(cell(self.namespace), button("Switch project", self.look))
        switch.add_class("odh-oci-search")
        self.details = Disclosure(
            "project and permissions",
            self._details,
            switch,
            cell(
                self._login.widget,
                "The line that the console shows under “Copy login command”: oc login --token=… --server=…",
            ),
        )
        super().__init__([self._face, self.details])
        self.add_class("odh-oci-step")
        self.add_class("odh-oci-strip")
        if flow is None:
            self.look()

    def look(self) -> Job[Surroundings]:
        """Look again, in a thread."""
        namespace = self.namespace.value.strip() or None
        return self._run(lambda: look_around(namespace))

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has looked, for cells that run one after the other."""
        if self._job is not None:
            self._job.join(timeout)

    def _log_in(self, line: str) -> None:
        def work() -> Surroundings:
            login_from_line(line)
            return look_around()

        self.namespace.value = ""
        self._run(work)

    def _run(self, work: Any) -> Job[Surroundings]:
        if self._job is not None:
            self._job.abandon()
        self._face.value = html.strip("Asking the cluster…", "looking", "busy")
        self._job = Job(lambda _: work(), done=self._show, failed=self._fail, name="odh-oci-access")
        return self._job

    def _show(self, found: Surroundings) -> None:
        self.flow.surroundings = found
        access = found.access
        if access is None:
            self._face.value = html.strip(
                f"{found.sentence} Models run in the sandbox.", "sandbox only", "plain"
            )
            self._details.value = html.help_text(found.hint)
            return
        self.namespace.value = access.namespace
        kind = "good" if access.allowed and access.features.kserve and access.exists else "bad"
        self._face.value = html.strip(access.sentence, f"project {access.namespace}", kind)
        self._details.value = html.join(
            [
                html.facts(
                    {
                        "User": access.user,
                        "Cluster": access.host,
                        "Login": access.source,
                        "Kind": "OpenShift" if access.features.openshift else "Kubernetes",
                        "KServe": "installed" if access.features.kserve else "not installed",
                        "Serving runtimes": str(len(found.runtimes)),
                    }
                ),
                html.table(
                    "What you may do here",
                    ("Action", "To allow it", "Allowed"),
                    [
                        (one.action, one.repair, "✓ yes" if one.allowed else "✗ no")
                        for one in access.permissions
                    ],
                ),
                *(html.help_text(note) for note in found.notes),
            ]
        )

    def _fail(self, error: OdhOciError) -> None:
        self._face.value = html.alert(error)

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any] | None:
        bundle: dict[str, Any] | None = super()._repr_mimebundle_(**options)
        if bundle is not None:
            found = self.flow.surroundings
            words = found.sentence if found else "Who am I, and what may I do?"
            again = "from odh_oci_widgets import AccessStrip; AccessStrip()"
            bundle["text/plain"] = f"{words} To ask again: {again}"
            bundle["text/html"] = html.element("p", words, " ", html.element("code", again))
        return bundle
