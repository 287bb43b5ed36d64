"""What one step hands to the next: plain observable state, none of it in a browser."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from traitlets import Any as AnyTrait
from traitlets import HasTraits, Instance, Int, Unicode

from odh_oci_widgets.cluster import Project
from odh_oci_widgets.cluster.destinations import Destination, credential_for
from odh_oci_widgets.models import Model, ModelFormat
from odh_oci_widgets.oci.credentials import Credential, Credentials
from odh_oci_widgets.oci.plan import DEFAULT_BASE

from .surroundings import Surroundings


@dataclass(frozen=True, kw_only=True)
class ImageSpec:
    """What the Image step says, by the names of the arguments of `build`; no secret.

    >>> from odh_oci_widgets.widgets import ImageSpec
    >>> ImageSpec(image="quay.io/me/iris:1").builder
    """

    image: str
    base: str = DEFAULT_BASE
    #: whether the files go to `models/1/` (True), `models/` (False), or as the format wants it (None)
    versioned: bool | None = None
    platforms: tuple[str, ...] = ("linux/amd64",)
    insecure: bool = False
    verify: bool = True
    #: None: whoever fits best
    builder: str | None = None

    def options(self) -> dict[str, Any]:
        """The arguments of `build` besides the image that differ from its defaults."""
        default = ImageSpec(image=self.image)
        return {
            name: getattr(self, name)
            for name in ("builder", "base", "versioned", "platforms", "insecure", "verify")
            if getattr(self, name) != getattr(default, name)
        }

    def plan_options(self) -> dict[str, Any]:
        """Of those, the ones that say what the image is: the arguments of `plan_image`."""
        return {name: value for name, value in self.options().items() if name not in {"builder", "verify"}}


@dataclass(frozen=True, kw_only=True)
class DeploySpec:
    """What the Deploy step says, by the names of the arguments of `deploy`.

    >>> from odh_oci_widgets.widgets import DeploySpec
    >>> DeploySpec(image="quay.io/me/iris:1", name="iris").target
    'sandbox'
    """

    image: str
    name: str
    target: str = "sandbox"
    display_name: str | None = None
    runtime: str | None = None
    args: tuple[str, ...] = ()
    gpu: int = 0
    cpu: str | None = None
    memory: str | None = None
    hardware_profile: str | None = None
    replicas: int = 1
    pull_secret: str | None = None
    external: bool = False
    token_auth: bool = True
    insecure: bool = False
    format: ModelFormat | None = None

    def options(self) -> dict[str, Any]:
        """The arguments of `deploy` besides image, name and target that differ from its defaults."""
        default = DeploySpec(image=self.image, name=self.name)
        return {
            name: getattr(self, name)
            for name in self.__dataclass_fields__
            if name not in {"image", "name", "target"} and getattr(self, name) != getattr(default, name)
        }


@dataclass
class Secrets:
    """What was typed once and must not leave this process: no trait, no repr.

    >>> Secrets(token="hunter2")
    Secrets(token_secret='')
    """

    token: str | None = field(default=None, repr=False)
    #: the Secret of the project that it was read from, `NAME/KEY`; empty for one that was typed
    token_secret: str = ""
    #: registry host -> user name and password
    logins: dict[str, Credential] = field(default_factory=dict, repr=False)

    @property
    def token_code(self) -> str | None:
        """Where shown code finds the token: a Secret, or (empty) the environment; None where there is no token."""
        return self.token_secret if self.token else None


class Flow(HasTraits):
    """The state of a wizard, or of one step alone. Observe it to know what the user chose.

    >>> flow = Flow()
    >>> flow.observe(lambda change: print(change.new), "image")
    >>> flow.image = "quay.io/me/model:1@sha256:…"
    quay.io/me/model:1@sha256:…
    """

    #: what the cluster offers; None while nobody looked
    surroundings = Instance(Surroundings, allow_none=True)
    #: the place that was chosen for the image; None for one that was typed
    destination = Instance(Destination, allow_none=True)
    model = Instance(Model, allow_none=True)
    spec = Instance(ImageSpec, allow_none=True)
    #: arguments of the model server, and cards, with which the model fits on the hardware chosen in the Model step
    suggested_args = AnyTrait(default_value=())
    suggested_gpus = Int()
    #: the hardware profile chosen there, `namespace/name`
    suggested_profile = Unicode(allow_none=True, default_value=None)
    #: the last build started here (`odh_oci_widgets.builders.Build`)
    build = AnyTrait(allow_none=True)
    #: the image to deploy, with its digest once it is built
    image = Unicode()
    #: the service to call (`odh_oci_widgets.serving.Service`)
    service = AnyTrait(allow_none=True)
    #: rises when a step has something new to say
    moment = Int()

    def __init__(self, **state: Any) -> None:
        super().__init__(**state)
        self.secrets = Secrets()

    @property
    def project(self) -> Project | None:
        """The project that was found; None without a cluster, and while nobody looked."""
        return self.surroundings.project if self.surroundings is not None else None

    def credentials(self) -> Credentials | None:
        """What opens the registry: the login of the chosen place, and what was typed. Asks the cluster: in a thread."""
        logins = dict(self.secrets.logins)
        place, project = self.destination, self.project
        if place is not None and project is not None:
            login = credential_for(project, place)
            if login is not None:
                logins.setdefault(place.prefix.partition("/")[0], login)
        return Credentials(logins) if logins else None

    def insecure(self, image: str) -> bool:
        """Whether the image's registry may speak plain HTTP: the Image step says so, or a build that was found."""
        asked = self.spec is not None and self.spec.insecure
        return asked or (self.build is not None and image.partition("/")[0] in self.build.plan.insecure)

    def typed_login(self, image: str) -> Credential | None:
        """The login that was typed for the registry of an image."""
        return self.secrets.logins.get(image.partition("/")[0])
