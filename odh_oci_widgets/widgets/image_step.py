"""Say which image to make and where it goes."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import ipywidgets as widgets

from odh_oci_widgets import settings
from odh_oci_widgets.builders import BUILDERS, Offer, human_bytes, plan_image, plan_secrets
from odh_oci_widgets.cluster.destinations import Destination, store_connection
from odh_oci_widgets.oci.credentials import Credential
from odh_oci_widgets.oci.errors import OdhOciError
from odh_oci_widgets.oci.forecast import Preflight, preflight
from odh_oci_widgets.oci.plan import DEFAULT_BASE
from odh_oci_widgets.oci.reference import Reference, parse_image
from odh_oci_widgets.serving import suggest_name
from odh_oci_widgets.settings import Settings

from . import html, snippets
from .flow import Flow, ImageSpec
from .parts import Disclosure, Secret, button, cell, field, grid, markup, row
from .step import Step
from .words import BUILDERS as _NAMES
from .words import repository_name

#: What the Layout field offers, and what `build(versioned=…)` gets.
_LAYOUTS = (
    ("As the model's format wants it", None),
    ("/models/1/… (OpenVINO Model Server, TensorFlow)", True),
    ("/models/… (vLLM, MLServer, others)", False),
)
#: What stands in the list of destinations beside what was found.
_LAYOUT = ("This machine: an OCI image layout, no registry needed", "layout")
_TYPED = ("Another registry", "typed")
#: The value of the registry that is set; its text says which.
_AS_SET = "set"
#: The builder that nobody chose; a Dropdown shows nothing for None.
_FITTING = ("Whoever fits best here", "")
_IMAGE_HELP = (
    "registry/repository:tag, or oci:FOLDER:TAG for an OCI image layout on this machine (no registry needed)"
)


class ImageStep(Step):
    """Name the image, its base, and who may push it. `flow.spec` holds the answer.

    >>> from odh_oci_widgets import ImageStep
    >>> step = ImageStep("quay.io/me/mobilenet:1")
    >>> step.flow.model is None
    True
    """

    title: ClassVar[str] = "Image"
    lead: ClassVar[str] = "Where should the model's image go? The cluster pulls it from there."

    def __init__(
        self,
        image: str = "",
        *,
        base: str = DEFAULT_BASE,
        insecure: bool = False,
        flow: Flow | None = None,
    ) -> None:
        super().__init__(flow)
        self._suggested = ""
        self._settings, self._unset = _settings()
        self.image = field(
            widgets.Text,
            "Image",
            value=image,
            placeholder="quay.io/<user>/<repository>:<tag>",
            continuous_update=False,
        )
        self.place = field(widgets.Dropdown, "Destination", options=(_LAYOUT, _TYPED), value=_LAYOUT[1])
        self.builder = field(widgets.Dropdown, "Built by", options=_builders((), self._settings), value="")
        self.base = field(
            widgets.Combobox,
            "Base image",
            value=base,
            options=(DEFAULT_BASE, "embedded", "scratch"),
            ensure_option=False,
            continuous_update=False,
        )
        self.layout_in_image = field(widgets.Dropdown, "Place of the files", options=_LAYOUTS)
        self.platforms = field(widgets.Text, "Platforms", value="linux/amd64", continuous_update=False)
        self.insecure = widgets.Checkbox(
            description="Allow plain HTTP or an untrusted certificate for this registry",
            value=insecure,
            indent=False,
        )
        self.verify = widgets.Checkbox(
            description="Check each file against the sha256 that its source tells", value=True, indent=False
        )
        self.user = field(widgets.Text, "User name", continuous_update=False)
        self._password = Secret("Password or token", self._keep_password)
        self._note = markup()
        self._builders_note = markup()
        self._warning = markup()
        self.check_button = button("Check without building", self.look_ahead, disabled=True)
        self._forecast = markup()
        self._keep_button = button("Keep this login as a connection of the project", self._keep_connection)
        self._keep_button.layout.display = "none"
        self._compose(
            grid(cell(self.place), cell(self.image, _IMAGE_HELP)),
            self._note,
            self._warning,
            Disclosure(
                "registry login",
                grid(
                    cell(self.user),
                    cell(
                        self._password.widget, "Without it: the auth files of podman, skopeo, oc and docker."
                    ),
                ),
                self.insecure,
                self._keep_button,
            ),
            Disclosure(
                "more options",
                grid(
                    cell(
                        self.base, "Needs sh, ln, sleep and ls. embedded: the one inside this installation."
                    ),
                    cell(self.layout_in_image),
                    cell(self.platforms, "Separated by commas."),
                    cell(
                        self.builder,
                        "A job goes on when this notebook is closed: in a workbench of a cluster it fits best.",
                    ),
                ),
                self._builders_note,
                self.verify,
            ),
            row(self.check_button),
            self._forecast,
        )
        for widget in (
            self.image,
            self.base,
            self.layout_in_image,
            self.platforms,
            self.insecure,
            self.verify,
            self.builder,
        ):
            widget.observe(lambda _: self.check(), "value")
        self.user.observe(lambda _: self.code.refresh(), "value")
        self.image.observe(self._follow, "value")
        self.place.observe(lambda _: self._suggest(forced=True), "value")
        self.flow.observe(lambda _: self._suggest(), "model")
        self.flow.observe(lambda _: self._offer(), "surroundings")
        self._offer()

    def _offer(self) -> None:
        """Fill the lists with what was found around the user."""
        around = self.flow.surroundings
        if around is not None:
            builder = self.builder.value
            self.builder.options = _builders(around.builders, self._settings)
            self.builder.value = builder
            self._builders_note.value = _why_not(around.builders)
        found = around.destinations if around is not None else ()
        places = tuple((f"{one.title}{'' if one.pushable else ': no push'}", one) for one in found)
        chosen = self.place.value
        pattern = f"{self._settings.registry}/{self._settings.repository}"
        as_set = ((f"As set: {pattern}", _AS_SET),) if self._settings.registry else ()
        self.place.options = (*as_set, *places, _LAYOUT, _TYPED)
        typed = self.image.value not in {"", self._suggested}
        found_ready = next((one for one in found if one.pushable and "/" in one.prefix), None)
        ready = _AS_SET if as_set else found_ready
        if typed:
            self.place.value = self._place_of(self.image.value.strip())
        else:
            self.place.value = ready or (chosen if isinstance(chosen, str) else _LAYOUT[1])
        self._suggest()

    def _follow(self, change: Any) -> None:
        """A typed image belongs to the destination it begins with, or to none."""
        text = change["new"].strip()
        if text not in {"", self._suggested}:
            self.place.value = self._place_of(text)

    def _place_of(self, text: str) -> Any:
        """The destination in the list that an image belongs to."""
        if text.startswith("oci:") and "//" not in text:
            return _LAYOUT[1]
        found = self.flow.surroundings.destinations if self.flow.surroundings else ()
        return next((one for one in found if text.startswith(f"{one.prefix}/")), _TYPED[1])

    def _suggest(self, *, forced: bool = False) -> None:
        """Name the image after its place and the model, unless the user named it."""
        place, model = self.place.value, self.flow.model
        text = self.image.value.strip()
        if isinstance(place, Destination):
            start = f"{place.prefix}/"
        else:
            start = f"{self._settings.registry}/" if place == _AS_SET else "oci:"
        untouched = text in {"", self._suggested}
        if (
            model is not None
            and place != _TYPED[1]
            and (untouched or (forced and not text.startswith(start)))
        ):
            name, tag = repository_name(model.name), model.revision[:12] if model.revision else "1"
            self._suggested = self._name(place, name, tag)
            self.image.value = self._suggested
        self.flow.destination = self._opened_by(place)
        note = place.note if isinstance(place, Destination) else ""
        self._note.value = html.help_text(note) if note else ""
        self.check()

    def _name(self, place: Any, name: str, tag: str) -> str:
        if isinstance(place, Destination):
            return place.image(name, tag)
        return self._settings.image(name, tag) if place == _AS_SET else f"oci:images/{name}:{tag}"

    def _opened_by(self, place: Any) -> Destination | None:
        """The destination whose login opens the place; for the registry of the settings one that was found for it."""
        if isinstance(place, Destination):
            return place
        found = self.flow.surroundings.destinations if place == _AS_SET and self.flow.surroundings else ()
        image = self._settings.image("model", "1")
        return next((one for one in found if image.startswith(f"{one.prefix}/")), None)

    def _keep_password(self, password: str) -> None:
        registry, user = self._registry(), self.user.value.strip()
        if registry is None or not user:
            self.fail(
                OdhOciError(
                    "The password has no registry or no user name to go with.",
                    hint="Fill in the image and the user name, then type the password again.",
                )
            )
            return
        self.flow.secrets.logins[registry] = Credential(username=user, password=password)
        around = self.flow.surroundings
        self._keep_button.layout.display = "" if around is not None and around.project is not None else "none"
        self.say(f"The login of {user} at {registry} is kept for this session and not saved.")
        self.code.refresh()

    def _keep_connection(self) -> None:
        """Store the typed login in the project, so that the dashboard and the next notebook have it too."""
        registry, around = self._registry(), self.flow.surroundings
        login = self.flow.secrets.logins.get(registry or "")
        if registry is None or login is None or around is None or around.project is None:
            return
        project, name = around.project, suggest_name(registry.replace(":", "-"))
        self.run(
            f"Storing the login for {registry}…",
            lambda _: store_connection(project, name, registry, login),
            lambda kept: self.say(f"Kept as the connection {kept.name} of the project {project.namespace}."),
        )

    def _registry(self) -> str | None:
        try:
            parsed = parse_image(self.image.value.strip())
        except OdhOciError:
            return None
        return parsed.registry if isinstance(parsed, Reference) else None

    def check(self) -> bool:
        """Whether the fields make sense; `flow.spec` is set accordingly."""
        text = self._settings.complete(self.image.value)
        self._forecast.value = ""
        self.check_button.disabled = True
        risk = _risk(self.base.value.strip(), insecure=self.insecure.value)
        self._warning.value = html.warning(f"{self._unset} {risk}".strip())
        if not text:
            self.flow.spec = None
            self.say("")
            return False
        try:
            parse_image(text)
        except OdhOciError as error:
            self.flow.spec = None
            self.fail(error)
            return False
        self.flow.spec = ImageSpec(
            image=text,
            base=self.base.value.strip() or DEFAULT_BASE,
            versioned=self.layout_in_image.value,
            platforms=tuple(part.strip() for part in self.platforms.value.split(",") if part.strip()),
            insecure=self.insecure.value,
            verify=self.verify.value,
            builder=self.builder.value or None,
        )
        self.check_button.disabled = self.flow.model is None
        self.say(f"The image will be {text}.")
        self.code.refresh()
        return True

    def look_ahead(self) -> None:
        """Find out what a build would move and what would stop it, in a thread; nothing is written."""
        model, spec, token = self.flow.model, self.flow.spec, self.flow.secrets.token
        if model is None or spec is None:
            return

        def work(cancel: threading.Event) -> Preflight:
            plan = plan_image(model, spec.image, **spec.plan_options())
            return preflight(
                plan, credentials=self.flow.credentials(), secrets=plan_secrets(plan, token), cancel=cancel
            )

        self.run("Looking at the registry and the sources…", work, self._show_forecast)

    def _show_forecast(self, found: Preflight) -> None:
        self._forecast.value = _forecast_card(found)
        if found.problems:
            self.fail(found.problems[0])
        else:
            self.say(f"It can be built: {human_bytes(found.to_move)} to move.")

    @property
    def summary(self) -> str:
        """The image's name without the registry."""
        return self.flow.spec.image.rsplit("/", 1)[-1] if self.flow.spec else ""

    def renderings(self) -> Mapping[str, str]:
        """Python, the command, and a Containerfile once there is a model."""
        spec, model = self.flow.spec, self.flow.model
        if spec is None:
            return {}
        logins = [(host, login.username or "") for host, login in self.flow.secrets.logins.items()]
        texts = {"Python": snippets.build(spec, logins=logins, token=self.flow.secrets.token_code)}
        if model is not None:
            texts["Command"] = snippets.build_command(model.reference, spec)
            texts["Containerfile"] = snippets.containerfile(model, spec)
        return texts


def _settings() -> tuple[Settings, str]:
    """What is set, and why that cannot be read; then the defaults stand."""
    try:
        return settings.read(), ""
    except settings.SettingInvalid as error:
        return Settings(), str(error)


def _builders(found: Sequence[Offer], now: Settings) -> tuple[tuple[str, str], ...]:
    trouble = {offer.name: offer.trouble for offer in found}
    named = (
        (f"{_NAMES.get(name, name)}{': cannot work here' if trouble.get(name) else ''}", name)
        for name in BUILDERS
    )
    fitting = f"As set: {_NAMES.get(now.builder, now.builder)}" if now.builder else _FITTING[0]
    return ((fitting, _FITTING[1]), *named)


def _why_not(found: Sequence[Offer]) -> html.Html:
    """A line for each builder that cannot work here."""
    return html.join(
        html.help_text(f"{_NAMES.get(offer.name, offer.name)} cannot work here: {offer.trouble}")
        for offer in found
        if offer.trouble
    )


def _forecast_card(found: Preflight) -> html.Html:
    return html.element(
        "div",
        html.facts(
            {
                "To move": human_bytes(found.to_move),
                "Reused": human_bytes(found.reused),
                "Layers": str(len(found.layers)),
            }
        ),
        *(html.help_text(str(problem)) for problem in found.problems[1:]),
        *(html.help_text(note) for note in found.notes),
        class_="odh-oci-card",
    )


def _risk(base: str, *, insecure: bool) -> str:
    risks = []
    if base == "scratch":
        risks.append(
            "an image from scratch has no shell, so KServe's default way of mounting it will not work."
        )
    if insecure:
        risks.append("passwords and the model travel unprotected to this registry.")
    return " ".join(risks)
