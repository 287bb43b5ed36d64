"""Build and push the image, with a bar for each layer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from odh_oci_widgets.builders import (
    Build,
    BuildConflict,
    BuildStatus,
    Choice,
    build,
    builds,
    default_builder,
    human_bytes,
    plan_image,
)
from odh_oci_widgets.oci.errors import Cancelled, OdhOciError

from . import html, snippets
from .earlier_builds import EarlierBuilds
from .flow import Flow
from .job import Job
from .latest import Latest
from .layer_bars import LayerBars
from .log_view import LogView
from .parts import Disclosure, Rendering, button, markup, row
from .step import Step
from .words import BUILDERS, in_time

#: Seconds between two paintings. Each is three messages to the browser: for all layers, for some, and for the log; it
#: should get ten a second at most.
PERIOD = 0.3


class BuildStep(Step):
    """Start a build, watch it, cancel it. `flow.image` is the result, with its digest.

    >>> from odh_oci_widgets import BuildStep
    >>> from odh_oci_widgets.widgets import Flow
    >>> flow = Flow()
    >>> step = BuildStep(flow=flow)
    >>> step.flow is flow
    True
    """

    title: ClassVar[str] = "Build"
    lead: ClassVar[str] = (
        "The bytes go straight from the source into the image; nothing is stored here in between."
    )

    def __init__(self, *, flow: Flow | None = None) -> None:
        super().__init__(flow)
        self._build: Build | None = None
        self._watcher: Job[Any] | None = None
        #: the line that says what the build waits for
        self._waits = ""
        self._reader: threading.Thread | None = None
        self.start_button = button("Build and push", self.start, style="primary")
        self.cancel_button = button("Cancel", self.cancel, style="danger")
        self._what = markup()
        #: who will build, once it is known
        self._by: Choice | None = None
        self._asked: Latest[Choice] = Latest()
        self._bars = LayerBars()
        self._result = markup()
        self._conflict = row()
        log = LogView()
        self._lines = log.lines
        #: whichever run now, told when they were looked for
        self.running_elsewhere: list[Build] = []
        self.earlier = EarlierBuilds(flow=self.flow, picked=self.attach, found=self._found)
        self._compose(
            self._what,
            row(self.start_button, self.cancel_button),
            self._conflict,
            self._bars,
            self._result,
            Disclosure("log", log),
            Disclosure("earlier builds", self.earlier, seen=self.earlier.look),
        )
        self.flow.observe(lambda _: self._ask_who(), ["model", "spec", "surroundings"])
        self.flow.observe(lambda _: self.earlier.look(), "surroundings")
        self._busy(busy=False)
        self._ask_who()

    @property
    def running(self) -> bool:
        """Whether a build is at work."""
        starting = self._job is not None and self._job.running
        return starting or (self._build is not None and not self._build.status.finished)

    def _ask_who(self) -> None:
        """Find out who will build, in a thread: the cluster may be asked."""
        model, spec = self.flow.model, self.flow.spec
        project = self.flow.project
        self._asked.stop()
        self._by = Choice(spec.builder) if spec and spec.builder else None
        if model is not None and spec is not None and not spec.builder:
            image, options = spec.image, spec.plan_options()

            def choose(_: threading.Event) -> Choice:
                return default_builder(plan_image(model, image, **options), project=project)

            self._asked.start(choose, self._told_who, lambda _: None)
        self._ready()

    def _told_who(self, choice: Choice) -> None:
        self._by = choice
        self._ready()

    def _ready(self) -> None:
        model, spec = self.flow.model, self.flow.spec
        self.start_button.disabled = self.running or model is None or spec is None
        missing = [word for word, there in (("a model", model), ("an image", spec)) if there is None]
        if missing:
            self._what.value = html.help_text(f"Choose {' and '.join(missing)} first.")
        elif model and spec:
            self._what.value = html.facts(
                {
                    "Model": f"{model.name} ({human_bytes(model.size)})",
                    "Image": html.element("code", spec.image),
                    "Base image": spec.base,
                }
                | ({"Built by": BUILDERS.get(self._by.name, self._by.name)} if self._by else {})
            ) + html.help_text(self._by.reason if self._by else "")
        self.code.refresh()

    def start(self) -> None:
        """Build `flow.model` into `flow.spec.image`."""
        self._start("Starting the build…", lambda _: None)

    def _start(self, sentence: str, before: Callable[[threading.Event], Any]) -> None:
        """Do what is to be done before, then build."""
        model, spec = self.flow.model, self.flow.spec
        if model is None or spec is None or self.running:
            return
        options = spec.options() | {"token": self.flow.secrets.token, "project": self.flow.project}

        def work(cancel: threading.Event) -> tuple[Build, threading.Event]:
            before(cancel)
            return build(model, spec.image, credentials=self.flow.credentials(), **options), cancel

        self._result.value = ""
        self._conflict.children = ()
        self.flow.image = ""
        self._busy(busy=True)
        self.run(sentence, work, lambda result: self._started(*result), self._failed)

    def _ask(self, conflict: BuildConflict) -> None:
        """Another build of the same image runs: the user says what becomes of it."""
        other = conflict.build_id
        self._conflict.children = (
            button("Watch that build", lambda: self._watch_other(other)),
            button(
                "Wait for it, then build",
                lambda: self._start(
                    "Waiting for the other build…", lambda cancel: _ended(other, self.flow, cancel)
                ),
            ),
            button(
                "Stop it, then build",
                lambda: self._start(
                    "Stopping the other build…", lambda cancel: _ended(other, self.flow, cancel, stop=True)
                ),
                style="danger",
            ),
        )
        self.fail(
            BuildConflict(
                conflict.message,
                hint="Watch it, wait for it, stop it, or choose another tag in the Image step.",
                build_id=other,
            )
        )

    def _watch_other(self, build_id: str) -> None:
        def show(found: Build | None) -> None:
            if found is None:
                self.say("That build is gone.")
            else:
                self.attach(found)

        self._conflict.children = ()
        self.run("Looking for that build…", lambda _: _find(build_id, self.flow), show)

    def _found(self, found: list[Build]) -> None:
        self.running_elsewhere = [one for one in found if one is not self._build and not one.status.finished]
        self.flow.moment += 1

    def _started(self, started: Build, cancel: threading.Event) -> None:
        if cancel.is_set():
            started.cancel()
        self.attach(started)

    def attach(self, running: Build) -> None:
        """Show a build, also one that an earlier kernel started."""
        self._build = running
        self.running_elsewhere = []
        self._conflict.children = ()
        self._result.value = ""
        self.flow.build = running
        self._lines.fill(())
        self._waits = ""
        self.say(f"Building {running.plan.image}…", busy=True)
        self._busy(busy=not running.status.finished)
        self._reader = threading.Thread(
            target=self._read, args=(running,), name="odh-oci-build-log", daemon=True
        )
        self._reader.start()
        if self._watcher is not None:
            self._watcher.abandon()
        self._watcher = Job(
            lambda cancelled: self._watch(running, cancelled),
            done=self._finished,
            failed=self._failed,
            name="odh-oci-build-watch",
        )

    def join(self, timeout: float | None = None) -> None:
        """Wait until the build ended, for cells that run one after the other."""
        super().join(timeout)
        if self._watcher is not None:
            self._watcher.join(timeout)

    def cancel(self) -> None:
        """Stop; what is uploaded already is reused by the next try."""
        self.cancel_button.disabled = True
        self.say("Cancelling…", busy=True)
        if self._job is not None and self._job.running:
            self._job.cancel()
        if self._build is not None:
            self._build.cancel()

    def _read(self, running: Build) -> None:
        for line in running.logs():
            self._lines.append(line)

    def _watch(self, running: Build, cancelled: threading.Event) -> Build:
        while not running.status.finished and not cancelled.wait(PERIOD):
            self._paint(running)
        if self._reader is not None:
            self._reader.join(PERIOD)  # the last lines follow the last state closely
        self._paint(running, whole=True)
        return running

    def _paint(self, running: Build, *, whole: bool = False) -> None:
        self._bars.paint(running.progress, whole=whole)
        self._lines.paint()
        # What keeps a build from beginning is said where it is seen, not in the log alone.
        waits = self._lines.last if running.status is BuildStatus.PENDING else ""
        if waits != self._waits and not running.status.finished and not self.cancel_button.disabled:
            self._waits = waits
            self.say(f"Building {running.plan.image}… {waits}".rstrip(), busy=True)

    def _finished(self, ended: Build) -> None:
        self._busy(busy=False)
        if ended.status is BuildStatus.SUCCEEDED and ended.image:
            report = ended.report()
            self._result.value = _result(ended.image, report)
            self.flow.image = ended.image
            self.say(f"The image is ready after {in_time(report.get('seconds') or 0)}.")
        elif ended.status is BuildStatus.CANCELLED:
            self._failed(ended.error or Cancelled("The build was cancelled."))
        else:
            self._failed(ended.error or OdhOciError("The build failed.", hint="The log says more."))

    def _failed(self, error: OdhOciError) -> None:
        self._busy(busy=False)
        if isinstance(error, Cancelled):
            # A wish that was granted is no alert.
            self.say(f"Cancelled. {error.hint or 'What was uploaded already is reused by the next build.'}")
        elif isinstance(error, BuildConflict):
            self._ask(error)
        else:
            self.fail(error)

    def _busy(self, *, busy: bool) -> None:
        self.cancel_button.disabled = False
        self.cancel_button.layout.display = "" if busy else "none"
        self.start_button.disabled = busy or self.flow.model is None or self.flow.spec is None
        self.start_button.description = "Building…" if busy else "Build and push"

    @property
    def summary(self) -> str:
        """Where the build stands, in a word."""
        if self._build is None:
            return ""
        return self._build.status.value

    def renderings(self) -> Mapping[str, Rendering]:
        """Python, from the model on; for a build of OpenShift what one types there, too."""
        spec, model, secrets = self.flow.spec, self.flow.model, self.flow.secrets
        if spec is None or model is None:
            return {}
        logins = [(host, login.username or "") for host, login in secrets.logins.items()]
        texts: dict[str, Rendering] = {
            "Python": snippets.build(spec, logins=logins, token=secrets.token_code),
            "Command": snippets.build_command(model.reference, spec),
        }
        if spec.builder == "openshift":
            namespace = self.flow.project.namespace if self.flow.project else "PROJECT"
            texts["oc"] = lambda: snippets.openshift_build(model, spec, namespace)
        return texts


def _find(build_id: str, flow: Flow) -> Build | None:
    return next((one for one in builds(project=flow.project) if one.id == build_id), None)


def _ended(build_id: str, flow: Flow, cancel: threading.Event, *, stop: bool = False) -> None:
    """Return when that build ended or is gone. Raises Cancelled."""
    other = _find(build_id, flow)
    if other is not None and stop:
        other.cancel()
    while other is not None and not other.status.finished:
        if cancel.wait(PERIOD):
            raise Cancelled("The build was cancelled before it began.")


def _result(image: str, report: Mapping[str, Any]) -> html.Html:
    return html.element(
        "div",
        html.element("div", "Image ready ", html.badge("succeeded", "good"), class_="odh-oci-card-title"),
        html.facts(
            {
                "Image": html.element("code", image),
                "Size": human_bytes(report.get("size") or 0),
                "Moved": human_bytes(report.get("sent") or 0),
                "Reused": human_bytes(report.get("reused") or 0),
                "Time": in_time(report.get("seconds") or 0),
            }
        ),
        class_="odh-oci-card",
    )
