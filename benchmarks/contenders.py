"""Ways to bring a model into a registry, each doing the same work: hub (HTTP) → image → registry."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from odh_oci_widgets.oci.base import embedded_layout

from .measure import Cost, run

#: The model on the hub.
MODEL = "bench/model"
REPOSITORY = "bench/model"


@dataclass(frozen=True)
class Job:
    """One run: an empty `folder` for everything, a fresh registry at `host`, the hub at `hub`."""

    folder: Path
    host: str
    hub: str
    #: the same model as files, for what is not measured
    model: Path
    #: a Python with the other tools
    tools: Path
    environ: Mapping[str, str]

    def run(self, *command: str, stdin: bytes = b"", **environ: str) -> Cost:
        return run(command, folder=self.folder, environ={**self.environ, **environ}, stdin=stdin)

    @property
    def image(self) -> str:
        return f"{self.host}/{REPOSITORY}:1"


class Contender:
    """`prepare` is not measured, `go` is. `missing` says what to install, or nothing."""

    name = ""

    def missing(self, tools: Path) -> str:  # noqa: ARG002
        return ""

    def prepare(self, job: Job) -> None:
        """Make what is there before."""

    def go(self, job: Job) -> Cost:
        raise NotImplementedError


def _needs(program: str, package: str) -> str:
    return "" if shutil.which(program) else f"`{program}`: apt-get install {package}"


def _needs_tool(tools: Path, module: str) -> str:
    found = subprocess.run([tools, "-c", f"import {module}"], capture_output=True, check=False)
    return (
        ""
        if found.returncode == 0
        else f"`{module.replace('_', '-')}`: {tools} -m pip install {module.replace('_', '-')}"
    )


class Floor(Contender):
    """One tar of the same bytes, ready on disk, sent by curl: nothing is downloaded, hashed or made."""

    name = "curl, raw upload of the same bytes (the floor)"

    def missing(self, tools: Path) -> str:  # noqa: ARG002
        return _needs("curl", "curl")

    def prepare(self, job: Job) -> None:
        # beside the job's folder: it is no extra disk of the upload
        self._tar = job.model.parent / "floor.tar"
        if not self._tar.exists():
            with tarfile.open(self._tar, "w") as tar:
                tar.add(job.model, "models")
            with self._tar.open("rb") as file:
                self._digest = hashlib.file_digest(file, "sha256").hexdigest()

    def go(self, job: Job) -> Cost:
        url = f"http://{job.host}/v2/{REPOSITORY}/blobs/uploads/"
        begin = urllib.request.Request(url, method="POST")
        with urllib.request.urlopen(begin) as answer:
            location = answer.headers["Location"]
        headers = job.folder / "headers"
        cost = job.run(
            "curl", "-sf", "-X", "PATCH", "-H", "Content-Type: application/octet-stream", "-H", "Expect:",
            "-D", str(headers), "-T", str(self._tar), location,
        )  # fmt: skip
        for line in headers.read_text().splitlines():
            if line.lower().startswith("location:"):
                location = line.split(":", 1)[1].strip()
        return cost + job.run("curl", "-sf", "-X", "PUT", f"{location}&digest=sha256:{self._digest}")


class Sketch(Contender):
    """Hub to registry in thirty lines of the standard library, with the one hash that a digest needs, and no more.

    What Python has to spend at least: the engine's CPU seconds are read against these.
    """

    name = "bare Python stream, one sha256, nothing checked"

    def go(self, job: Job) -> Cost:
        script = Path(__file__).with_name("sketch.py")
        return job.run(sys.executable, "-I", str(script), f"{job.hub}/{MODEL}", job.host, REPOSITORY)


class Command(Contender):
    """What a person types."""

    name = "odh-oci build"
    options: tuple[str, ...] = ()

    def go(self, job: Job) -> Cost:
        return job.run(
            sys.executable, "-m", "odh_oci_widgets", "build", f"hf://{MODEL}", job.image,
            "--insecure", "--base", "embedded", *self.options,
        )  # fmt: skip


class Engine(Contender):
    """What a Job in the cluster runs."""

    name = "odh-oci engine (bare zip)"
    options: tuple[str, ...] = ()

    def prepare(self, job: Job) -> None:
        from odh_oci_widgets.oci import PlanFile, Source, make_plan
        from odh_oci_widgets.oci.bundle import engine_zip

        (job.folder / "engine.pyz").write_bytes(engine_zip())
        files = []
        for path in sorted(job.model.iterdir()):
            url = f"{job.hub}/{MODEL}/resolve/main/{path.name}"
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = path.stat().st_size
            files.append(
                PlanFile(path=f"models/{path.name}", size=size, source=Source(url=url), sha256=digest)
            )
        # not `embedded`: the package with that base is not in a bare container; its layers are small anyway
        plan = make_plan(files, job.image, base="scratch", insecure=(job.host,))
        (job.folder / "plan.json").write_text(plan.to_json())

    def go(self, job: Job) -> Cost:
        return job.run(sys.executable, "-I", "engine.pyz", *self.options, "plan.json")


class EngineNoVerify(Engine):
    """The same without looking at the content's sha256."""

    name = "odh-oci engine, content verification off"
    options = ("--no-verify",)


class Podman(Contender):
    """The guide's way: download, `podman build --squash`, `podman push`."""

    name = "hf download + podman build --squash + podman push"

    def missing(self, tools: Path) -> str:
        return (
            _needs("podman", "podman") or _needs("skopeo", "skopeo") or _needs_tool(tools, "huggingface_hub")
        )

    def prepare(self, job: Job) -> None:
        policy = job.folder / "policy.json"
        policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        target = f"docker://{job.host}/bench/base:1"
        subprocess.run(
            [
                "skopeo",
                "copy",
                "-q",
                f"--policy={policy}",
                "--dest-tls-verify=false",
                str(embedded_layout()),
                target,
            ],
            check=True,
        )
        (job.folder / "Containerfile").write_text(
            f"FROM {job.host}/bench/base:1\nCOPY --chown=1001:0 --chmod=0755 models /models\nUSER 1001\n"
        )

    def go(self, job: Job) -> Cost:
        store = [
            "--root",
            str(job.folder / "store"),
            "--runroot",
            str(job.folder / "run"),
            "--storage-driver",
            "vfs",
        ]
        policy = f"--signature-policy={job.folder / 'policy.json'}"
        cost = download(job, job.folder / "models")
        cost += job.run(
            "podman", *store, "build", "--isolation=chroot", "--format=oci", "--squash", "--tls-verify=false", policy,
            "-q", "-t", job.image, ".",
        )  # fmt: skip
        return cost + job.run("podman", *store, "push", "-q", "--tls-verify=false", policy, job.image)


class Olot(Contender):
    """Download, layers on a layout by olot, `skopeo copy`."""

    name = "hf download + olot + skopeo copy"

    def missing(self, tools: Path) -> str:
        return (
            _needs("skopeo", "skopeo") or _needs_tool(tools, "olot") or _needs_tool(tools, "huggingface_hub")
        )

    def prepare(self, job: Job) -> None:
        (job.folder / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        layout = f"oci:{job.folder / 'layout'}:latest"
        policy = f"--policy={job.folder / 'policy.json'}"
        subprocess.run(["skopeo", "copy", "-q", "--all", policy, str(embedded_layout()), layout], check=True)

    def go(self, job: Job) -> Cost:
        models = job.folder / "models"
        cost = download(job, models)
        names = [str(models / path.name) for path in sorted(job.model.iterdir())]
        cost += job.run(str(job.tools.parent / "olot"), "layout", *names)
        return cost + job.run(
            "skopeo", "copy", "-q", f"--policy={job.folder / 'policy.json'}", "--all", "--dest-tls-verify=false",
            f"oci:{job.folder / 'layout'}:latest", f"docker://{job.image}",
        )  # fmt: skip


class OciModelcar(Contender):
    """The PyPI package of that name: hub to registry."""

    name = "oci-modelcar"

    def missing(self, tools: Path) -> str:
        return _needs_tool(tools, "oci_modelcar")

    def go(self, job: Job) -> Cost:
        return job.run(
            str(job.tools.parent / "oci-modelcar"), "push", "--hf-repo", MODEL, "--hf-endpoint", job.hub,
            "--registry", job.host, "--target-repo", REPOSITORY, "--target-tag", "1", "--spool-dir",
            str(job.folder / "spool"), "--quiet", HF_HOME=str(job.folder / "hf"), HF_ENDPOINT=job.hub,
        )  # fmt: skip


class Oras(Contender):
    """Download, oras-py: an artifact of the files, not an image that KServe's default mode could run."""

    name = "hf download + oras-py (an artifact, no image)"

    def missing(self, tools: Path) -> str:
        return _needs_tool(tools, "oras") or _needs_tool(tools, "huggingface_hub")

    def go(self, job: Job) -> Cost:
        code = (
            "import sys, oras.client; "
            "oras.client.OrasClient(insecure=True).push(target=sys.argv[1], files=sys.argv[2:], quiet=True)"
        )
        cost = download(job, job.folder / "models")
        names = [f"models/{path.name}" for path in sorted(job.model.iterdir())]
        return cost + job.run(str(job.tools), "-c", code, job.image, *names)


def download(job: Job, folder: Path) -> Cost:
    """What comes first where a tool wants files: `hf download`."""
    code = (
        "import sys, huggingface_hub; huggingface_hub.snapshot_download(sys.argv[1], local_dir=sys.argv[2])"
    )
    return job.run(
        str(job.tools), "-c", code, MODEL, str(folder),
        HF_HOME=str(job.folder / "hf"), HF_HUB_DISABLE_PROGRESS_BARS="1",
    )  # fmt: skip


def image_bytes(host: str) -> int:
    """Bytes of the layers that stand in the registry; 0 where there is only a blob."""
    accept = ", ".join(
        f"application/vnd.{kind}+json"
        for kind in ("oci.image.manifest.v1", "oci.image.index.v1", "docker.distribution.manifest.v2")
    )

    def get(reference: str) -> dict[str, list[dict[str, int | str]]]:
        url = f"http://{host}/v2/{REPOSITORY}/manifests/{reference}"
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": accept})) as answer:
            document: dict[str, list[dict[str, int | str]]] = json.load(io.BytesIO(answer.read()))
            return document

    try:
        document = get("1")
    except OSError:
        return 0
    layers = {}
    for manifest in [get(str(entry["digest"])) for entry in document.get("manifests", [])] or [document]:
        layers.update({layer["digest"]: int(layer["size"]) for layer in manifest["layers"]})
    return sum(layers.values())


CONTENDERS: tuple[type[Contender], ...] = (
    Floor,
    Sketch,
    Command,
    Engine,
    EngineNoVerify,
    OciModelcar,
    Olot,
    Oras,
    Podman,
)
