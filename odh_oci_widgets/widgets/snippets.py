"""What "Show code" shows: the same work without widgets, as Python, as a command, as a Containerfile.

A secret never is in it: the code reads it from the environment.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odh_oci_widgets.builders import plan_image
from odh_oci_widgets.inference import Style, classification_code, text_code
from odh_oci_widgets.models import Model
from odh_oci_widgets.oci.plan import DEFAULT_BASE

from .flow import DeploySpec, ImageSpec

if TYPE_CHECKING:
    from odh_oci_widgets.serving import Service

#: Where the shown code finds what must not be shown.
TOKEN_VARIABLE = "HF_TOKEN"  # noqa: S105 - the name of a variable
PASSWORD_VARIABLE = "REGISTRY_PASSWORD"  # noqa: S105 - the name of a variable
_WIDTH = 88


class Raw(str):
    """Program text that stands for itself, where any other value is written as a literal."""

    __slots__ = ()


def call(function: str, *args: Any, **options: Any) -> str:
    """A call in Python, one argument a line when it is long.

    >>> print(call("open_model", "weights", include=("*.onnx",)))
    open_model("weights", include=["*.onnx"])
    """
    words = [_literal(arg) for arg in args] + [f"{name}={_literal(value)}" for name, value in options.items()]
    line = f"{function}({', '.join(words)})"
    if len(line) <= _WIDTH:
        return line
    return f"{function}(\n" + "".join(f"    {word},\n" for word in words) + ")"


def client(service: Service) -> str:
    """Python that calls a service, whatever its model takes, and runs as it stands."""
    if service.generative:
        return text_code(Style.PYTHON, name=service.name, url="", prompt="The capital of France is")
    lines = classification_code(Style.PYTHON, name=service.name, url="", picture="picture.jpeg").splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("for "))
    variable = lines[at - 1].partition(" = ")[0]
    # There may be no picture of that name: the cell tells what the model takes, and the call stands ready below.
    call = [f"# {line}" for line in lines[at:]]
    return "\n".join([*lines[:at], f"print({variable}.describe())", "", *call, ""])


def _literal(value: Any) -> str:
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, str):
        # Strings between double quotes, as formatters have them; repr knows all the escapes.
        text = repr(str(value))
        return f'"{text[1:-1]}"' if text[0] == "'" and '"' not in text and "\\'" not in text else text
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(_literal(item) for item in value)}]"
    return repr(value)


def open_model(
    reference: str, include: Sequence[str], exclude: Sequence[str], *, token: str | None = None
) -> str:
    """Python that opens the model. `token`: see `Secrets.token_code`."""
    options: dict[str, Any] = {}
    if include:
        options["include"] = include
    if exclude:
        options["exclude"] = exclude
    imports = ["from odh_oci_widgets import open_model", *_with_token(options, token)]
    return f"{_imports(imports)}\n\nmodel = {call('open_model', reference, **options)}\n"


def _with_token(options: dict[str, Any], token: str | None) -> list[str]:
    """Add the hub's token to the options of a call; what is to be imported for it."""
    if token is None:
        return []
    if not token:
        options["token"] = Raw(f'os.environ["{TOKEN_VARIABLE}"]')
        return ["import os"]
    options["token"] = Raw(call("read_hub_token", Raw("connect()"), token))
    return ["from odh_oci_widgets.cluster import connect, read_hub_token"]


def _imports(lines: Sequence[str]) -> str:
    """Modules first, a blank line, names."""
    modules = sorted({line for line in lines if line.startswith("import ")})
    names = sorted({line for line in lines if not line.startswith("import ")})
    return "\n".join([*modules, *([""] if modules else []), *names])


def from_object(model: str, sample: str, name: str) -> str:
    """Python that exports a variable."""
    options = {"name": name} if name else {}
    ask = call("from_object", Raw(model), Raw(f"{sample}[:2]"), **options)
    return f"from odh_oci_widgets.models import from_object\n\nmodel = {ask}\n"


def build(spec: ImageSpec, *, logins: Sequence[tuple[str, str]] = (), token: str | None = None) -> str:
    """Python that builds and pushes `model`. `logins`: registry and user name of each typed password.

    `token`: see `Secrets.token_code`.
    """
    options = spec.options()
    imports = ["from odh_oci_widgets import build"]
    if logins:
        imports.append("from odh_oci_widgets.oci import Credential, Credentials")
        pairs = ", ".join(
            f'{_literal(host)}: Credential({_literal(user)}, os.environ["{PASSWORD_VARIABLE}"])'
            for host, user in logins
        )
        options["credentials"] = Raw(f"Credentials({{{pairs}}})")
        imports.append("import os")
    imports += _with_token(options, token)
    return f"{_imports(imports)}\n\nimage = {call('build', Raw('model'), spec.image, **options)}.wait()\n"


def build_command(
    model: str, spec: ImageSpec, include: Sequence[str] = (), exclude: Sequence[str] = ()
) -> str:
    """The command that does the same."""
    words = ["odh-oci", "build", model, spec.image]
    options = spec.options()
    for name in ("builder", "base"):
        if name in options:
            words += [f"--{name}", options[name]]
    for glob in include:
        words += ["--include", glob]
    for glob in exclude:
        words += ["--exclude", glob]
    if spec.insecure:
        words.append("--insecure")
    return shlex.join(words) + "\n"


def openshift_build(model: Model, spec: ImageSpec, namespace: str) -> str:
    """The build of the cluster in a terminal, with `oc`. Raises PlanInvalid for what OpenShift cannot build."""
    from odh_oci_widgets.builders.openshift import oc_commands

    return oc_commands(plan_image(model, spec.image, **spec.plan_options()), namespace=namespace)


def containerfile(model: Model, spec: ImageSpec) -> str:
    """A Containerfile that makes a like image with podman, where the bytes are on a machine that has it."""
    base = spec.base if spec.base != "embedded" else DEFAULT_BASE
    versioned = model.versioned if spec.versioned is None else spec.versioned
    folder = "/models/1" if versioned else "/models"
    if model.reference.startswith("hf://"):
        return _from_hub(model, spec, base, folder)
    if model.reference.startswith(("https://", "http://")):
        adds = "".join(
            f"ADD --chown=1001:0 --chmod=0444 {file.source.url} {folder}/{file.path}\n"
            for file in model.files
            if file.source.url
        )
        return f"FROM {base}\n\n{adds}\nUSER 1001\n"
    copies = "".join(
        f"COPY --chown=1001:0 {_json_words(file.path, f'{folder}/{file.path}')}\n" for file in model.files
    )
    # A single file is chosen by its own path; what podman wants is the folder it is in.
    source = Path(model.reference).expanduser()
    context = source if source.is_dir() else source.parent
    first = ""
    if model.reference.startswith("s3://"):
        context = Path("model")
        first = f"# aws s3 cp --recursive {shlex.quote(model.reference)} model\n"
    return (
        f"{first}# podman build --format=oci --squash -t {_tag(spec)} -f Containerfile {shlex.quote(str(context))}\n"
        f"FROM {base}\n\n{copies}\nRUN chmod -R a=rX /models\nUSER 1001\n"
    )


def _tag(spec: ImageSpec) -> str:
    return "IMAGE" if spec.image.startswith("oci:") else spec.image


def _json_words(*words: str) -> str:
    # COPY's JSON form takes file names with blanks.
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"


def _from_hub(model: Model, spec: ImageSpec, base: str, folder: str) -> str:
    repository = model.reference.removeprefix("hf://").split("@", 1)[0]
    revision = f" --revision {model.revision}" if model.revision else ""
    names = " ".join(shlex.quote(file.path) for file in model.files)
    return f"""\
# The token, where one is needed, comes as a secret, never as an argument:
#   podman build --format=oci --squash --secret id=hf,env={TOKEN_VARIABLE} -t {_tag(spec)} .

##### Stage 1: download the model
FROM registry.access.redhat.com/ubi9/python-312:latest AS downloader
RUN pip install huggingface_hub
RUN --mount=type=secret,id=hf,mode=0444,required=false \\
    HF_TOKEN="$(cat /run/secrets/hf 2>/dev/null)" \\
    hf download{revision} --local-dir ./models {shlex.quote(repository)} \\
      {names} \\
    && rm -rf ./models/.cache

##### Stage 2: the model's image
FROM {base}
COPY --from=downloader --chown=1001:0 /opt/app-root/src/models {folder}
RUN chmod -R a=rX /models
USER 1001
"""


def deploy(spec: DeploySpec) -> str:
    """Python that deploys the image."""
    options = {name: str(value) if name == "format" else value for name, value in spec.options().items()}
    return (
        "from odh_oci_widgets import deploy\n\n"
        f"service = {call('deploy', spec.image, spec.name, target=spec.target, **options)}\n"
        "service.wait()\nprint(service.url)\n"
    )


def deploy_command(spec: DeploySpec) -> str:
    """The command that does the same, as far as it has the options."""
    words = ["odh-oci", "deploy", spec.image, spec.name, "--target", spec.target]
    if spec.runtime:
        words += ["--runtime", spec.runtime]
    words += [f"--arg={arg}" for arg in spec.args]
    if spec.gpu:
        words += ["--gpu", str(spec.gpu)]
    return shlex.join(words) + "\n"
