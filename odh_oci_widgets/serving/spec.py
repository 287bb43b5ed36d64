"""What a user asks for when deploying: one frozen spec; YAML, API calls and Python are renderings of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Any

from .errors import ImageNotDeployable, OptionInvalid
from .names import check_name

#: Kubernetes' quantities, as far as cpu and memory use them: 500m, 2, 1.5, 4Gi, 512Mi, 2G.
_QUANTITY = re.compile(r"\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?")


#: Fields that are no options of `deploy`: given by position, or found out.
_FOUND_OUT = {"name", "image", "size", "pull_secrets", "connection", "accelerator"}


@dataclass(frozen=True, kw_only=True)
class ServiceSpec:
    """One deployment as asked for. Made by `spec_of`, which checks it."""

    name: str
    #: `registry/repo:tag[@sha256:…]`, without `oci://`
    image: str
    #: a `ModelFormat` value or a format's name of KServe (`vLLM`, `onnx`, …); None: read from the image or the runtime
    format: str | None = None
    #: name of a ServingRuntime, ClusterServingRuntime or template; None: the best fit to the format
    runtime: str | None = None
    #: container image of the model server where no runtime can be read and our own definition is used
    runtime_image: str | None = None
    args: tuple[str, ...] = ()
    gpu: int = 0
    cpu: str | None = None
    memory: str | None = None
    #: bytes of the model, for limits that fit; 0 when unknown
    size: int = 0
    pull_secrets: tuple[str, ...] = ()
    #: Secret that the dashboard knows as a connection (the first of `pull_secrets` where it is one)
    connection: str | None = None
    external: bool = False
    token_auth: bool = True
    display_name: str | None = None
    #: `name` or `namespace/name` of a hardware profile
    hardware_profile: str | None = None
    #: resource name of the GPUs where the hardware profile says it; None: by the runtime
    accelerator: str | None = None
    replicas: int = 1

    @property
    def storage_uri(self) -> str:
        """`oci://…` for KServe. With a digest the tag is left out: container runtimes refuse both together."""
        repository, _, digest = self.image.partition("@")
        if digest:
            head, slash, last = repository.rpartition("/")
            return f"oci://{head}{slash}{last.partition(':')[0]}@{digest}"
        return f"oci://{repository}"

    def to_python(self) -> str:
        """The call that does the same.

        >>> print(ServiceSpec(name="digits", image="quay.io/me/digits:1", gpu=1).to_python())
        from odh_oci_widgets import deploy
        <BLANKLINE>
        service = deploy("quay.io/me/digits:1", "digits", target="project", gpu=1)
        service.wait()
        """
        options = "".join(
            f", {field.name}={getattr(self, field.name)!r}"
            for field in fields(self)
            if field.name not in _FOUND_OUT and getattr(self, field.name) != field.default
        )
        if self.pull_secrets:
            options += f", pull_secret={self.pull_secrets[0]!r}"
        call = f'deploy("{self.image}", "{self.name}", target="project"{options})'
        return f"from odh_oci_widgets import deploy\n\nservice = {call}\nservice.wait()"


def spec_of(image: str, name: str, **options: Any) -> ServiceSpec:
    """The checked spec. Raises ServiceNameInvalid, ImageNotDeployable, OptionInvalid."""
    check_name(name)
    text = str(image).removeprefix("oci://")
    if text.startswith("oci:"):
        raise ImageNotDeployable(
            f"The image `{image}` is a layout on this disk, which no cluster can read.",
            hint="Push it to a registry (`odh-oci build MODEL REGISTRY/REPO:TAG`), or deploy to the sandbox "
            '(`--target sandbox`, `target="sandbox"`).',
        )
    if "/" not in text or any(c.isspace() for c in text):
        raise ImageNotDeployable(
            f"`{image}` does not name an image in a registry.", hint="Write it as registry/repository:tag."
        )
    options = {key: value for key, value in options.items() if value is not None}
    if "args" in options:
        options["args"] = tuple(str(arg) for arg in options["args"])
    spec = ServiceSpec(name=name, image=text, **options)
    for field, value in (("cpu", spec.cpu), ("memory", spec.memory)):
        if value is not None and not _QUANTITY.fullmatch(str(value)):
            raise OptionInvalid(
                f"`{value}` is no quantity for {field}.", hint="Examples: cpu 500m or 2, memory 4Gi."
            )
    if spec.gpu < 0 or spec.replicas < 1:
        raise OptionInvalid(
            "A service has at least one replica, and no GPU or more.", hint="To stop it: `stop()`."
        )
    return spec
