"""From a model to a service that answers, in five steps."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

import ipywidgets as widgets

from odh_oci_widgets.builders import Build
from odh_oci_widgets.oci.plan import DEFAULT_BASE

from . import html
from .access_strip import AccessStrip
from .build_step import BuildStep
from .deploy_step import DeployStep
from .flow import Flow
from .image_step import ImageStep
from .model_step import ModelStep
from .page import PAGE
from .parts import button, row
from .step import Step
from .test_step import TestStep

S = TypeVar("S", bound=Step)

_STEPS: tuple[type[Step], ...] = (ModelStep, ImageStep, BuildStep, DeployStep, TestStep)


class Wizard(widgets.VBox):
    """All steps, one at a time. Everything given here is only filled in: the user sees it and may change it.

    `target` is `sandbox` or `project`; by default the project, once there is one in which a model may be deployed.
    What was chosen, built and deployed is in `wizard.flow`; the steps are `wizard.model`, `.image`, `.build`,
    `.deploy` and `.test`. A step may be opened at any time: to deploy an image that exists already, start there.

    >>> from odh_oci_widgets import Wizard
    >>> wizard = Wizard("iris.onnx", image="quay.io/me/iris:1")
    >>> wizard.build.flow is wizard.flow
    True
    """

    def __init__(
        self,
        reference: str = "",
        *,
        image: str = "",
        base: str = DEFAULT_BASE,
        insecure: bool = False,
        name: str = "",
        target: str | None = None,
        args: tuple[str, ...] = (),
        gpu: int = 0,
        prompt: str = "",
        labels: str = "",
        flow: Flow | None = None,
    ) -> None:
        self.flow = flow or Flow()
        self.access = AccessStrip(self.flow)
        self.model = ModelStep(reference, flow=self.flow)
        self.image = ImageStep(image, base=base, insecure=insecure, flow=self.flow)
        self.build = BuildStep(flow=self.flow)
        self._made: dict[type[Step], Step] = {
            type(step): step for step in (self.model, self.image, self.build)
        }
        # Made when they are wanted: of very many messages at once ZeroMQ drops those that a busy page is slow to take.
        self._makers: dict[type[Step], Callable[[], Step]] = {
            DeployStep: partial(DeployStep, name=name, target=target, args=args, gpu=gpu, flow=self.flow),
            TestStep: partial(TestStep, prompt=prompt, labels=labels, flow=self.flow),
        }
        self._making = threading.RLock()
        self._at = 0
        self._tabs = [button("", partial(self.go, at)) for at in range(len(_STEPS))]
        self._header = widgets.HBox(self._tabs, _dom_classes=("odh-oci-tabs",))
        self._body = widgets.VBox(_dom_classes=("odh-oci-body",))
        self._back = button("Back", lambda: self.go(self._at - 1))
        self._next = button("Next", lambda: self.go(self._at + 1), style="primary")
        self._footer = widgets.HBox([self._back, self._next], _dom_classes=("odh-oci-footer",))
        self._offered: list[Build] = []
        self._offer = row()
        self._offer.add_class("odh-oci-offer")
        super().__init__(
            [self._header, self.access, self._offer, self._body, self._footer],
            _dom_classes=("odh-oci-wizard",),
        )
        self.flow.observe(lambda _: self._draw(), ["model", "spec", "build", "image", "service", "moment"])
        self.go(0)
        self.access.look()
        if reference:
            self.model.choose()

    @property
    def deploy(self) -> DeployStep:
        """The step that deploys the image."""
        return self._step(DeployStep)

    @property
    def test(self) -> TestStep:
        """The step that calls the model."""
        return self._step(TestStep)

    @property
    def steps(self) -> tuple[Step, ...]:
        """All of them, in their order."""
        return tuple(self._step(kind) for kind in _STEPS)

    def _step(self, kind: type[S]) -> S:
        with self._making:
            if kind not in self._made:
                self._made[kind] = self._makers[kind]()
            return cast("S", self._made[kind])

    def go(self, at: int) -> None:
        """Show a step, counted from 0."""
        self._at = min(max(at, 0), len(_STEPS) - 1)
        self._body.children = (self._step(_STEPS[self._at]),)
        self._draw()

    def _take_over(self, build: Build) -> None:
        self.build.attach(build)
        self.go(_STEPS.index(BuildStep))

    def _offer_builds(self) -> None:
        """A build that an earlier kernel or somebody else of the project started is one click away."""
        running = list(self.build.running_elsewhere)
        if running != self._offered:
            self._offered = running
            self._offer.children = tuple(
                button(f"Show the running build of {build.plan.image}", partial(self._take_over, build))
                for build in running
            )

    def _summary(self, kind: type[Step]) -> str:
        step = self._made.get(kind)
        return step.summary if step is not None else ""

    def _done(self) -> tuple[bool, ...]:
        flow = self.flow
        return (
            flow.model is not None,
            flow.spec is not None,
            bool(flow.image),
            flow.service is not None,
            False,
        )

    def _draw(self) -> None:
        done = self._done()
        for at, (tab, step) in enumerate(zip(self._tabs, _STEPS, strict=True)):
            here = at == self._at
            state = "this step" if here else "done" if done[at] else "to do"
            # Always three lines, so that the titles stand beside each other.
            words, _, more = (self._summary(step) or state).partition(" · ")
            tab.description = f"{'✓' if done[at] else at + 1}  {step.title}\n{words}\n{more or ' '}"
            tab.tooltip = f"Step {at + 1} of {len(_STEPS)}: {step.title}, {state}"
            (tab.add_class if here else tab.remove_class)("odh-oci-here")
            (tab.add_class if done[at] else tab.remove_class)("odh-oci-done")
        self._offer_builds()
        self._back.disabled = self._at == 0
        last = self._at == len(_STEPS) - 1
        self._next.layout.display = "none" if last else ""
        self._next.disabled = not done[self._at]
        if not last:
            self._next.description = f"Next: {_STEPS[self._at + 1].title}"

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any] | None:
        PAGE.greet()
        bundle: dict[str, Any] | None = super()._repr_mimebundle_(**options)
        if bundle is not None:
            words = ", ".join(f"{step.title}: {self._summary(step) or 'open'}" for step in _STEPS)
            again = "from odh_oci_widgets import Wizard; Wizard()"
            bundle["text/plain"] = f"Wizard ({words}). To use it: {again}"
            bundle["text/html"] = html.element("p", words, " ", html.element("code", again))
        return bundle
