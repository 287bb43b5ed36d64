"""A plan as a Containerfile, for builders that are given one: OpenShift builds, podman.

Two stages, as in the guide: one downloads the model and checks it, the other is the image. Modes are set in the first
stage, so that the image has the model once, needs no shell for it, and may be built on any base.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from odh_oci_widgets.oci.errors import PlanInvalid
from odh_oci_widgets.oci.plan import OWN_LAYER_BYTES, Plan, PlanFile

#: The image of the stage that downloads: `pip`, `curl`, `sha256sum` and a shell are used.
DOWNLOADER = "registry.access.redhat.com/ubi9/python-312:latest"
#: Where the secrets stand while a step runs, as files; never in the image.
SECRETS_FOLDER = "/opt/odh-oci/secrets"
#: Name of the file with the hub's token.
TOKEN_FILE = "hf-token"  # noqa: S105 - a file's name

_PUBLIC_HUB = "https://huggingface.co"
_HUB_FILE = re.compile(r"(?P<hub>https?://.+?)/(?P<repo>[^/]+/[^/]+)/resolve/(?P<commit>[^/]+)/(?P<path>.+)")
_INSTALL = 'RUN pip install --no-cache-dir "huggingface_hub>=1,<3"'
_WORK = "/tmp/odh-oci"  # noqa: S108 - in a container that ends with its stage
#: Large files of one step: they come side by side, and a step that is done is progress.
_TOGETHER = 4


@dataclass(frozen=True)
class Download:
    """One step of the first stage: the files it brings, and the shell script that does."""

    files: tuple[PlanFile, ...]
    script: tuple[str, ...]

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True)
class _Hub:
    """Where on a hub a file is, and the folder of the image that the repository is put into."""

    hub: str
    repo: str
    commit: str
    folder: str


def containerfile(
    plan: Plan, *, downloader: str = DOWNLOADER, build_secrets: bool = False, verify: bool = True
) -> str:
    """The text of the Containerfile that makes the plan's image; files of this machine come from the build context.

    `build_secrets`: secrets are mounted by `RUN --mount=type=secret` (podman), not by volumes of the build (OpenShift).
    Raises PlanInvalid for what cannot be built so: the base `embedded`, several platforms.
    """
    check_plan(plan)
    steps = downloads(plan, verify=verify)
    lines: list[str] = []
    if steps:
        lines += ["##### Stage 1: download the model", f"FROM {downloader} AS downloader"]
        hubs = {place.hub for step in steps for file in step.files if (place := _on_hub(file))}
        if hubs:
            lines += ["", "# Install the hub's client", _INSTALL]
            lines += [f"ENV HF_ENDPOINT={hub}" for hub in hubs if hub != _PUBLIC_HUB]
        mounts = "".join(f"--mount=type=secret,id={name},target={SECRETS_FOLDER}/{name},mode=0444 "
                         for name in secret_files(plan, {})) if build_secrets else ""  # fmt: skip
        lines += ["", "# Download the files, and check each of which the checksum is known"]
        lines += [_run(step.script, mounts) for step in steps]
        lines += ["", "# Set proper modes for KServe", f"RUN chmod -R a=rX {_WORK}/models", ""]
    lines += ["##### The image", f"FROM {plan.base}"]
    if steps:
        lines.append(f"COPY --from=downloader --chown=1001:0 {_WORK}/models /models")
    if local_files(plan):
        lines.append("COPY --chown=1001:0 models /models")
    lines += [f"LABEL {_quoted(name)}={_quoted(value)}" for name, value in image_labels(plan).items()]
    lines += [
        "",
        "# Use a non-root user, and no entrypoint: KServe gives the command",
        "USER 1001",
        "ENTRYPOINT []",
    ]
    return "\n".join(lines) + "\n"


def check_plan(plan: Plan) -> None:
    """Raise PlanInvalid for what no Containerfile can make."""
    if plan.base == "embedded" or plan.base.startswith("oci:"):
        raise PlanInvalid(
            f"The base `{plan.base}` is no image that a build elsewhere could start from.",
            hint="Name a base image (`--base`), or build here (`--builder kernel`).",
        )
    if len(plan.platforms) > 1:
        raise PlanInvalid(
            f"This builder makes an image for one platform, not for {', '.join(plan.platforms)}.",
            hint="Name one, or choose another builder (`--builder kernel|job`).",
        )
    strange = next((file.path for file in _files(plan) if re.search(r"[\x00-\x1f\\]", file.path)), None)
    if strange is not None:
        raise PlanInvalid(
            f"{strange!r} cannot stand in a Containerfile.", hint="Exclude the file, or build here."
        )


def downloads(plan: Plan, *, verify: bool = True) -> list[Download]:
    """The steps that bring what is not on this machine: small files together, large ones four at a time."""
    steps = []
    remote = [(number, file) for number, file in enumerate(_files(plan)) if file.source.url]
    small = [one for one in remote if one[1].size < OWN_LAYER_BYTES]
    large = [one for one in remote if one[1].size >= OWN_LAYER_BYTES]
    groups = [small[at : at + 100] for at in range(0, len(small), 100)]
    groups += [large[at : at + _TOGETHER] for at in range(0, len(large), _TOGETHER)]
    for group in groups:
        files = tuple(file for _, file in group)
        script = (f"set -e; mkdir -p {_WORK}/models; cd {_WORK}", *_fetch(group))
        if verify:
            script += tuple(
                f"echo {shlex.quote(f'{file.sha256.lower()}  {file.path}')} | sha256sum -c -"
                for file in files
                if file.sha256
            )
        steps.append(Download(files, script))
    return steps


def local_files(plan: Plan) -> list[PlanFile]:
    """The files that lie on this machine: they go into the build context."""
    return [file for file in _files(plan) if file.source.path]


def secret_files(plan: Plan, secrets: Mapping[str, str]) -> dict[str, str]:
    """What the steps read from `SECRETS_FOLDER`, by file name; `secrets` as builders get them (`hf`, `s3`).

    Besides the hub's token these are addresses that open a file to anybody: with a query that may be a signature.
    """
    signatures: dict[str, str] = json.loads(secrets.get("s3", "{}"))
    files = {}
    for number, file in enumerate(_files(plan)):
        if _on_hub(file):
            files[TOKEN_FILE] = secrets.get("hf", "")
        elif _hidden(file):
            url = file.source.url or ""
            query = signatures.get(url)
            files[_address_file(number)] = f'url = "{_escaped(f"{url}?{query}" if query else url)}"\n'
    return files


def image_labels(plan: Plan) -> dict[str, str]:
    """Labels of the image. What would be annotations stands here, too: builds may write Docker's manifest, without."""
    return {**plan.annotations, **plan.labels}


def _fetch(group: list[tuple[int, PlanFile]]) -> Iterator[str]:
    repositories: dict[_Hub, list[str]] = {}
    for number, file in group:
        place = _on_hub(file)
        if place:
            inside = file.path.removeprefix(f"{place.folder}/")
            repositories.setdefault(place, []).append(inside)
        else:
            yield from _curl(number, file)
    token = f"{SECRETS_FOLDER}/{TOKEN_FILE}"
    for place, paths in repositories.items():
        names = " ".join(shlex.quote(path) for path in sorted(paths))
        yield f'if [ -s {token} ]; then HF_TOKEN="$(cat {token})"; export HF_TOKEN; fi'
        folder = shlex.quote(place.folder)
        yield f"hf download --quiet --revision {place.commit} --local-dir {folder} {shlex.quote(place.repo)} {names}"
        yield f"rm -rf {folder}/.cache"


def _curl(number: int, file: PlanFile) -> Iterator[str]:
    url = file.source.url or ""
    address = f"--config {SECRETS_FOLDER}/{_address_file(number)}" if _hidden(file) else shlex.quote(url)
    output = shlex.quote(file.path)
    yield f"curl -fsSL --retry 5 --create-dirs -o {output} {address}"


def _on_hub(file: PlanFile) -> _Hub | None:
    """Where the hub's own client finds the file; None for other addresses."""
    found = _HUB_FILE.fullmatch(file.source.url or "") if file.source.auth == "hf" else None
    if not found:
        return None
    path = unquote(found["path"])
    folder = file.path.removesuffix(f"/{path}")
    if folder == file.path:
        return None  # renamed
    return _Hub(found["hub"], found["repo"], found["commit"], folder)


def _files(plan: Plan) -> list[PlanFile]:
    return [file for layer in plan.layers for file in layer.files]


def _hidden(file: PlanFile) -> bool:
    """Whether the file's address, as it is read, is a secret."""
    return bool(file.source.url) and ("?" in (file.source.url or "") or file.source.auth == "s3")


def _address_file(number: int) -> str:
    return f"address-{number}"


def _run(script: tuple[str, ...], mounts: str) -> str:
    return f"RUN {mounts}" + "; \\\n    ".join(script)


def _quoted(text: str) -> str:
    """For LABEL: builders replace variables there, and a line ends an instruction."""
    flat = " ".join(text.split())
    return '"' + re.sub(r'(["\\$])', r"\\\1", flat) + '"'


def _escaped(url: str) -> str:
    return url.replace("\\", "\\\\").replace('"', '\\"')
