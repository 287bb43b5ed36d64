"""Say which image to make and where it goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import ipywidgets as widgets

from odh_oci_widgets.models import Model
from odh_oci_widgets.oci.credentials import Credential
from odh_oci_widgets.oci.errors import OdhOciError
from odh_oci_widgets.oci.plan import DEFAULT_BASE
from odh_oci_widgets.oci.reference import Reference, parse_image

from . import html, snippets
from .flow import Flow, ImageSpec
from .parts import Disclosure, Secret, cell, field, grid
from .step import Step
from .words import repository_name

#: What the Layout field offers, and what `build(versioned=…)` gets.
_LAYOUTS = (
    ("As the model's format wants it", None),
    ("/models/1/… (OpenVINO Model Server, TensorFlow)", True),
    ("/models/… (vLLM, MLServer, others)", False),
)
_IMAGE_HELP = (
    "registry/repository:tag, or oci:FOLDER:TAG for an OCI image layout on this machine (no registry needed)"
)


class ImageStep(Step):
    """Name the image, its base, and who may push it. `flow.spec` holds the answer.

    >>> step = ImageStep("quay.io/me/mobilenet:1")  # doctest: +SKIP
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
        self.image = field(
            widgets.Text,
            "Image",
            value=image,
            placeholder="quay.io/<user>/<repository>:<tag>",
            continuous_update=False,
        )
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
        self.verify = widgets.Checkbox(description="Check the image after the push", value=True, indent=False)
        self.user = field(widgets.Text, "User name", continuous_update=False)
        self._password = Secret("Password or token", self._keep_password)
        self._warning = widgets.HTML()
        self._compose(
            cell(self.image, _IMAGE_HELP),
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
            ),
            Disclosure(
                "more options",
                grid(
                    cell(
                        self.base, "Needs sh, ln, sleep and ls. embedded: the one inside this installation."
                    ),
                    cell(self.layout_in_image),
                    cell(self.platforms, "Separated by commas."),
                ),
                self.verify,
            ),
        )
        for widget in (
            self.image,
            self.base,
            self.layout_in_image,
            self.platforms,
            self.insecure,
            self.verify,
        ):
            widget.observe(lambda _: self.check(), "value")
        self.user.observe(lambda _: self.code.refresh(), "value")
        self.flow.observe(self._suggest, "model")
        self._suggest({"new": self.flow.model})

    def _suggest(self, change: Any) -> None:
        """Name the image after the model, unless the user named it."""
        model: Model | None = change["new"]
        if model is not None and self.image.value in {"", self._suggested}:
            tag = model.revision[:12] if model.revision else "1"
            self._suggested = f"oci:images/{repository_name(model.name)}:{tag}"
            self.image.value = self._suggested
        self.check()

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
        self.say(f"The login of {user} at {registry} is kept for this session and not saved.")
        self.code.refresh()

    def _registry(self) -> str | None:
        try:
            parsed = parse_image(self.image.value.strip())
        except OdhOciError:
            return None
        return parsed.registry if isinstance(parsed, Reference) else None

    def check(self) -> bool:
        """Whether the fields make sense; `flow.spec` is set accordingly."""
        text = self.image.value.strip()
        self._warning.value = html.warning(_risk(self.base.value.strip(), insecure=self.insecure.value))
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
        )
        self.say(f"The image will be {text}.")
        self.code.refresh()
        return True

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
        texts = {"Python": snippets.build(spec, logins=logins, token=self.flow.secrets.token is not None)}
        if model is not None:
            texts["Command"] = snippets.build_command(model.reference, spec)
            texts["Containerfile"] = snippets.containerfile(model, spec)
        return texts


def _risk(base: str, *, insecure: bool) -> str:
    risks = []
    if base == "scratch":
        risks.append(
            "an image from scratch has no shell, so KServe's default way of mounting it will not work."
        )
    if insecure:
        risks.append("passwords and the model travel unprotected to this registry.")
    return " ".join(risks)
