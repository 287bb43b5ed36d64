"""Deploy the image: to the project (KServe) or to the sandbox on this machine."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any, ClassVar

import ipywidgets as widgets
import yaml

from odh_oci_widgets import serving, settings
from odh_oci_widgets.models import ModelFormat
from odh_oci_widgets.oci.errors import OdhOciError

from . import html, snippets
from .flow import DeploySpec, Flow
from .job import Job
from .latest import PAUSE_SECONDS, Latest
from .parts import Disclosure, Rendering, button, cell, field, grid, markup, row
from .service_card import ServiceCard
from .step import Step

TARGETS = (("Sandbox: this machine", "sandbox"), ("Project: KServe on the cluster", "project"))
_FORMATS = (
    ("As the image says", None),
    *((one.value, one) for one in ModelFormat if one is not ModelFormat.UNKNOWN),
)
_NO_PROFILE = ("None", None)
_EXPOSED = "everybody who can reach the route can use the model, because token authentication is off."


class DeployStep(Step):
    """Say how the model is served, review it, deploy it. `flow.service` is the result.

    >>> from odh_oci_widgets import DeployStep
    >>> step = DeployStep("quay.io/me/mobilenet:1", name="mobilenet")
    >>> step.flow.service is None
    True
    """

    title: ClassVar[str] = "Deploy"
    lead: ClassVar[str] = (
        "Start a model server on the image: private and with limits, unless you say otherwise."
    )

    def __init__(
        self,
        image: str = "",
        *,
        name: str = "",
        target: str | None = None,
        args: tuple[str, ...] = (),
        gpu: int = 0,
        flow: Flow | None = None,
    ) -> None:
        super().__init__(flow)
        self._suggested = ""
        self._suggested_size: tuple[str, int, str | None] = ("", 0, None)
        self._given_target = target
        self.image = field(
            widgets.Text, "Image", value=image, placeholder="quay.io/<user>/<repository>:<tag>"
        )
        offered = _targets(target)
        self.target = field(
            widgets.RadioButtons, "Where it runs", options=offered, value=target or offered[0][1]
        )
        self.name = field(widgets.Text, "Model deployment name", value=name)
        self.framework = field(widgets.Dropdown, "Model framework", options=_FORMATS)
        self.runtime = field(
            widgets.Combobox,
            "Serving runtime",
            placeholder="as the framework needs",
            ensure_option=False,
        )
        self.profile = field(widgets.Dropdown, "Hardware profile", options=(_NO_PROFILE,))
        self.arguments = field(
            widgets.Text, "Additional arguments", value=shlex.join(args), placeholder="--dtype=half"
        )
        self.gpu = field(widgets.BoundedIntText, "GPUs", value=gpu, min=0, max=64)
        self.cpu = field(widgets.Text, "CPU", placeholder="e.g. 2 or 500m")
        self.memory = field(widgets.Text, "Memory", placeholder="e.g. 4Gi")
        self.replicas = field(widgets.BoundedIntText, "Replicas", value=1, min=0, max=100)
        self.pull_secret = field(
            widgets.Combobox, "Pull secret", placeholder="for a private image", ensure_option=False
        )
        self.external = _check("External route: reachable from outside the cluster", value=False)
        self.token_auth = _check("Token authentication: only who may see the service can call it", value=True)
        self.deploy_button = button("Deploy", self.start, style="primary")
        self.card = ServiceCard(settled=self._settled, deleted=self._deleted)
        self._warning = markup()
        self._review = markup()
        self._notes = markup()
        self._preview: Latest[tuple[str, ...]] = Latest()
        self._reviewed = Disclosure("review", self._review, self._notes, seen=self._ask_for_notes)
        self._project_fields = widgets.VBox(
            [
                grid(
                    cell(self.framework),
                    cell(self.runtime, "A serving runtime of the project, or of Open Data Hub."),
                    cell(self.arguments, "Given to the model server as they are."),
                    cell(self.pull_secret, "A connection or Secret of the project."),
                ),
                markup(html.section("Hardware")),
                grid(cell(self.profile, "None: as set here, else by the model's size."), cell(self.replicas)),
                grid(cell(self.gpu), cell(self.cpu), cell(self.memory)),
                markup(html.section("Model route")),
                self.external,
                self.token_auth,
            ]
        )
        self._compose(
            self.target,
            cell(self.image),
            cell(self.name, "Lower-case letters, digits and hyphens."),
            self._project_fields,
            self._warning,
            self._reviewed,
            row(self.deploy_button),
            self.card,
        )
        for widget in self._inputs():
            widget.observe(lambda _: self.check(), "value")
        self.flow.observe(lambda _: self._suggest(), ["image", "model", "spec"])
        self.flow.observe(lambda _: self._size(), ["suggested_args", "suggested_gpus", "suggested_profile"])
        self.flow.observe(lambda _: self._offer(), "surroundings")
        self._suggest()
        self._offer()
        self._size()

    def _inputs(self) -> tuple[Any, ...]:
        return (
            self.image,
            self.target,
            self.name,
            self.framework,
            self.runtime,
            self.profile,
            self.arguments,
            self.gpu,
            self.cpu,
            self.memory,
            self.replicas,
            self.pull_secret,
            self.external,
            self.token_auth,
        )

    def _offer(self) -> None:
        """Take over what was found around the user."""
        found = self.flow.surroundings
        if found is None:
            return
        self.runtime.options = tuple(dict.fromkeys(one.name for one in found.runtimes))
        self.pull_secret.options = found.pull_secrets
        profiles = found.access.features.hardware_profiles if found.access else ()
        self.profile.options = (
            _NO_PROFILE,
            *((f"{one.display_name} ({one.namespace})", f"{one.namespace}/{one.name}") for one in profiles),
        )
        if found.deployable and self._given_target is None and self.target.value == "sandbox":
            self.target.value = "project"

    def _suggest(self) -> None:
        if self.flow.image:
            self.image.value = self.flow.image
        model = self.flow.model
        if model is not None and self.name.value in {"", self._suggested}:
            self._suggested = serving.suggest_name(model.name)
            self.name.value = self._suggested
        self.check()

    def _size(self) -> None:
        """Take over what the Model step found to fit, unless the user said otherwise."""
        flow, before = self.flow, self._suggested_size
        now = (shlex.join(flow.suggested_args), flow.suggested_gpus, flow.suggested_profile)
        self._suggested_size = now
        if self.arguments.value in {"", before[0]}:
            self.arguments.value = now[0]
        if self.gpu.value in {0, before[1]}:
            self.gpu.value = now[1]
        offered = [value for _, value in self.profile.options]
        if now[2] in offered and self.profile.value in {None, before[2]}:
            self.profile.value = now[2]

    @property
    def spec(self) -> DeploySpec:
        """What the fields say. Raises OdhOciError for arguments whose quotes do not match."""
        in_project = self.target.value == "project"
        try:
            args = tuple(shlex.split(self.arguments.value))
        except ValueError as error:
            raise OdhOciError(
                f"The additional arguments cannot be split: {error}.", hint="Close the quotes."
            ) from error
        image = self.image.value.strip()
        common = {"image": image, "name": self.name.value.strip(), "insecure": self.flow.insecure(image)}
        # An image that was made here says its format itself; the field is for one made elsewhere.
        known = self.framework.value
        if not in_project:
            # The suggested arguments are for a card of the cluster.
            args = () if self.arguments.value == self._suggested_size[0] else args
            return DeploySpec(**common, target="sandbox", format=known, args=args)
        return DeploySpec(
            **common,
            target="project",
            format=known,
            runtime=self.runtime.value.strip() or None,
            args=args,
            gpu=self.gpu.value,
            cpu=self.cpu.value.strip() or None,
            memory=self.memory.value.strip() or None,
            hardware_profile=self.profile.value,
            replicas=self.replicas.value,
            pull_secret=self.pull_secret.value.strip() or None,
            external=self.external.value,
            token_auth=self.token_auth.value,
        )

    def check(self) -> None:
        """Show what follows from the fields: warning, review, code."""
        in_project = self.target.value == "project"
        self._project_fields.layout.display = "" if in_project else "none"
        exposed = in_project and self.external.value and not self.token_auth.value
        self._warning.value = html.warning(_EXPOSED if exposed else "")
        try:
            spec = self.spec
        except OdhOciError as error:
            self.deploy_button.disabled = True
            self.fail(error)
            return
        if self.error is not None:
            self.say("")
        self.deploy_button.disabled = not (spec.image and spec.name)
        self._review.value = _review(spec, login=self.flow.typed_login(spec.image) is not None)
        self._notes.value = ""
        self._ask_for_notes()
        self.code.refresh()

    def _ask_for_notes(self) -> None:
        """Which runtime and why, arguments proposed for the GPU, …: known after a look at the image and the cluster."""
        try:
            spec = self.spec
        except OdhOciError:
            return
        if not self._reviewed.shown or spec.target != "project" or not (spec.image and spec.name):
            self._preview.stop()
            return
        self._preview.start(
            lambda _: serving.preview(spec.image, spec.name, **self._options(spec)).notes,
            lambda notes: setattr(self._notes, "value", html.notes(notes)),
            lambda error: setattr(self._notes, "value", html.notes((str(error),))),
            after=PAUSE_SECONDS,
        )

    def _options(self, spec: DeploySpec) -> dict[str, Any]:
        options = spec.options()
        login = self.flow.typed_login(spec.image)
        if login is not None:
            # Whoever had to log in to push needs a login to pull, too.
            options.setdefault("pull_secret", login)
        return options

    def start(self) -> Job[Any] | None:
        """Deploy, in a thread; then the card below follows the service."""
        try:
            spec = self.spec
        except OdhOciError as error:
            self.fail(error)
            return None
        self.deploy_button.disabled = True
        options = self._options(spec)
        return self.run(
            f"Deploying {spec.name}…",
            lambda _: serving.deploy(spec.image, spec.name, target=spec.target, **options),
            self._deployed,
            self._refused,
        )

    def _deployed(self, service: serving.Service) -> None:
        self.deploy_button.disabled = False
        self.flow.service = service
        self.say(f"{service.name} is deployed and comes up…", busy=True)
        self.card.attach(service)

    def _refused(self, error: OdhOciError) -> None:
        self.deploy_button.disabled = False
        self.fail(error)

    def _settled(self, diagnosis: serving.Diagnosis) -> None:
        if diagnosis.state is serving.ServiceState.FAILED:
            self.fail(serving.ServiceFailed(diagnosis.sentence, hint=diagnosis.hint))
        else:
            self.say(diagnosis.sentence)

    def _deleted(self) -> None:
        self.flow.service = None
        self.say("The service is deleted.")

    def join(self, timeout: float | None = None) -> None:
        """Wait until the service answers or has failed, for cells that run one after the other."""
        super().join(timeout)
        self.card.join(timeout)

    @property
    def summary(self) -> str:
        """The service's name and where it runs."""
        service = self.flow.service
        return f"{service.name} · {service.target}" if service is not None else ""

    def renderings(self) -> Mapping[str, Rendering]:
        """Python, the command, and for the project the YAML as it is sent (which takes a moment to get)."""
        try:
            spec = self.spec
        except OdhOciError:
            return {}
        if not (spec.image and spec.name):
            return {}
        texts: dict[str, Rendering] = {
            "Python": snippets.deploy(spec),
            "Command": snippets.deploy_command(spec),
        }
        if spec.target == "project":
            texts["YAML"] = lambda: _yaml(spec)
        return texts


def _targets(given: str | None) -> tuple[tuple[str, str], ...]:
    """Those to choose from: not the sandbox where it is switched off, unless it was asked for by name."""
    try:
        sandbox = settings.read().sandbox
    except settings.SettingInvalid:
        sandbox = True  # the Image step tells of it
    return TARGETS if sandbox or given == "sandbox" else TARGETS[1:]


def _yaml(spec: DeploySpec) -> str:
    objects = serving.manifests(spec.image, spec.name, **spec.options())
    return str(yaml.safe_dump_all(objects, sort_keys=False))


def _check(text: str, *, value: bool) -> widgets.Checkbox:
    return widgets.Checkbox(description=text, value=value, indent=False, layout={"width": "auto"})


def _review(spec: DeploySpec, *, login: bool) -> html.Html:
    words = {
        "Model deployment name": spec.name,
        "Image": html.element("code", spec.image),
        "Where it runs": {value: text for text, value in TARGETS}[spec.target],
    }
    if spec.target == "project":
        words |= {
            "Model framework": str(spec.format or "as the image says"),
            "Serving runtime": spec.runtime or "chosen by the model's framework",
            "Additional arguments": shlex.join(spec.args),
            "Hardware profile": ", ".join(
                part
                for part in (
                    spec.hardware_profile or "",
                    f"{spec.gpu} GPU" if spec.gpu else "",
                    f"CPU {spec.cpu}" if spec.cpu else "",
                    f"memory {spec.memory}" if spec.memory else "",
                )
                if part
            )
            or "from the model's size",
            "Replicas": str(spec.replicas),
            "External route": "yes" if spec.external else "no: only inside the cluster",
            "Token authentication": "yes" if spec.token_auth else "no",
            "Pull secret": spec.pull_secret
            or ("made from the login typed for the registry" if login else ""),
        }
    return html.element("div", html.facts(words), class_="odh-oci-review")
