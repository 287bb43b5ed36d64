"""A plan: which files go into which layer of which image. Plain JSON, made where the user is, run anywhere.

It holds no secret: a source that needs a token names the credential (`"auth": "hf"`), and whoever executes
the plan brings it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from .errors import PlanInvalid

#: Files from this size on get a layer of their own; smaller ones share one.
OWN_LAYER_BYTES = 16 * 2**20
#: A container runtime stops at 127 layers; the base image has some.
MAX_MODEL_LAYERS = 100
#: What `created` says when nobody says otherwise: same input, same digest.
EPOCH = "1970-01-01T00:00:00Z"
DEFAULT_BASE = "registry.access.redhat.com/ubi9/ubi-micro:latest"
#: OS/ARCHITECTURE, perhaps with a variant.
_PLATFORM = re.compile(r"[a-z0-9]+(/[a-z0-9_]+){1,2}")


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the bytes of a file are: exactly one of `path` (a file here) and `url` (HTTP, Range where the server can).

    `auth` names a credential of the executor, sent to the URL's host only: `"hf"` is the Hugging Face token, `"s3"`
    the query that signs this URL of an object in S3 storage.
    `xet_hash` is set where the file is in Hugging Face's Xet storage.

    >>> from odh_oci_widgets.oci import Source
    >>> Source(url="https://bucket.example/model.onnx?signature=secret")  # what signs an address is not shown
    Source(url='https://bucket.example/model.onnx?…')
    """

    #: a file where the plan is executed
    path: str | None = None
    #: an address; whoever executes the plan must reach it
    url: str | None = None
    #: the credential of the executor that opens the address: `hf` or `s3`
    auth: str | None = None
    #: where the file is in Hugging Face's Xet storage
    xet_hash: str | None = None

    def __repr__(self) -> str:
        """Without the query of a URL: there are the signatures of presigned addresses, and a notebook keeps reprs."""
        if self.path is not None:
            return f"Source(path={self.path!r})"
        url, query, _ = (self.url or "").partition("?")
        auth = f", auth={self.auth!r}" if self.auth else ""
        return f"Source(url={url + ('?…' if query else '')!r}{auth})"


@dataclass(frozen=True, kw_only=True)
class PlanFile:
    """A file of the image: its path below `/` (`models/1/model.onnx`), bytes, and what its content must be.

    >>> from odh_oci_widgets.oci import PlanFile, Source
    >>> PlanFile(path="models/1/model.onnx", size=7, source=Source(path="model.onnx")).path
    'models/1/model.onnx'
    """

    #: where it stands in the image, below `/`: `models/1/model.onnx`
    path: str
    #: bytes
    size: int
    #: where its bytes are
    source: Source
    #: hex, as the hub tells it for LFS files; the content is checked against it
    sha256: str | None = None
    #: hex, git's blob id (sha1) of a small file of a hub repository
    git_oid: str | None = None


@dataclass(frozen=True, kw_only=True)
class PlanLayer:
    """Files that stand in one layer, in the order they are written.

    >>> from odh_oci_widgets.builders import plan_image
    >>> [layer] = plan_image("iris.onnx", "quay.io/me/iris:1").layers
    >>> [file.path for file in layer.files]
    ['models/1/iris.onnx']
    """

    #: in the order in which they are written
    files: tuple[PlanFile, ...]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """An image to make: base, layers, what its config and manifest say, and where it goes.

    `image` is the destination: `registry/repo:tag` or `oci:PATH[:TAG]`. `base` is an image reference,
    `embedded` or `scratch`. `insecure` names the registries (`host[:port]`) that may speak plain HTTP or show
    an untrusted certificate. `like` names further images whose layers may be reused.

    >>> from odh_oci_widgets import Plan
    >>> from odh_oci_widgets.builders import plan_image
    >>> plan = plan_image("iris.onnx", "quay.io/me/iris:1", base="embedded")
    >>> plan.image, len(plan.layers)
    ('quay.io/me/iris:1', 1)
    >>> Plan.from_json(plan.to_json()) == plan
    True
    """

    #: the destination: `registry/repo:tag` or `oci:PATH[:TAG]`
    image: str
    #: the model's layers, above those of the base
    layers: tuple[PlanLayer, ...]
    #: an image reference, `embedded` or `scratch`
    base: str = DEFAULT_BASE
    #: `linux/amd64`, `linux/arm64`: one image for each, in an index where there are several
    platforms: tuple[str, ...] = ("linux/amd64",)
    #: of the image's config
    labels: Mapping[str, str] = field(default_factory=dict)
    #: of the image's manifest
    annotations: Mapping[str, str] = field(default_factory=dict)
    #: when the image says it was made, RFC 3339
    created: str = EPOCH
    #: registries (`host[:port]`) that may speak plain HTTP or show an untrusted certificate
    insecure: tuple[str, ...] = ()
    #: further images whose layers may be reused
    like: tuple[str, ...] = ()
    #: of this format
    version: int = 1

    def to_json(self) -> str:
        """The plan as JSON text, the same text for the same plan."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True, separators=(",", ":"))

    @staticmethod
    def from_json(text: str | bytes) -> Plan:
        """Read what `to_json` wrote. Raises PlanInvalid."""
        try:
            data: dict[str, Any] = json.loads(text)
            layers = tuple(
                PlanLayer(
                    files=tuple(PlanFile(**{**f, "source": Source(**f["source"])}) for f in layer["files"])
                )
                for layer in data.pop("layers")
            )
            for name in ("platforms", "insecure", "like"):
                data[name] = tuple(data.get(name, ()))
            plan = Plan(**data, layers=layers)
        except (ValueError, KeyError, TypeError) as error:
            raise PlanInvalid(
                f"This is not a plan: {error}.", hint="Make one with `odh-oci build … --plan-only`."
            ) from error
        return checked(plan)


def make_plan(files: Iterable[PlanFile], image: str, **options: Any) -> Plan:
    """Spread files over layers, deterministically: a large file alone, small files together, at most 100 layers.

    `options` are the other fields of `Plan`; `created` comes from SOURCE_DATE_EPOCH where that is set. Raises
    PlanInvalid for no file, a path outside `models/`, a path that occurs twice.

    >>> plan = make_plan(
    ...     [PlanFile(path="models/1/model.onnx", size=7, source=Source(path="/data/model.onnx"))],
    ...     "registry.example/me/model:1",
    ...     base="embedded",
    ... )
    >>> len(plan.layers)
    1
    """
    from .layering import spread

    options.setdefault("created", created(os.environ))
    return checked(Plan(image=image, layers=spread(tuple(files)), **options))


def created(environ: Mapping[str, str]) -> str:
    """When images say they were made: SOURCE_DATE_EPOCH as RFC 3339, or the epoch, so that digests repeat."""
    seconds = environ.get("SOURCE_DATE_EPOCH", "")
    if not seconds:
        return EPOCH
    try:
        return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError) as error:
        raise PlanInvalid(
            f"SOURCE_DATE_EPOCH is {seconds!r}, which is no number of seconds.",
            hint="Unset it or correct it.",
        ) from error


def checked(plan: Plan) -> Plan:
    """The plan itself if it can be executed at all. Raises PlanInvalid with the first reason why not."""
    files = [file for layer in plan.layers for file in layer.files]
    if not files:
        raise PlanInvalid("There is no file to put into the image.", hint="Choose a model that has files.")
    if len(plan.layers) > MAX_MODEL_LAYERS:
        raise PlanInvalid(
            f"The plan has {len(plan.layers)} layers; container runtimes stop at about 127.",
            hint="Make it with make_plan, which keeps to 100.",
        )
    if not plan.platforms:
        raise PlanInvalid("The plan names no platform.", hint="Use linux/amd64 if in doubt.")
    for number, platform in enumerate(plan.platforms):
        if not _PLATFORM.fullmatch(platform):
            raise PlanInvalid(f"`{platform}` is no platform.", hint="Write OS/ARCHITECTURE: linux/amd64.")
        if platform in plan.platforms[:number]:
            raise PlanInvalid(f"The platform {platform} stands in the plan twice.", hint="Name it once.")
    folders: set[str] = set()
    for file in files:
        _check_file(file)
        folders.update(str(parent) for parent in PurePosixPath(file.path).parents)
    seen: set[str] = set()
    for file in files:
        if file.path in seen or file.path in folders:
            what = "twice" if file.path in seen else "both as a file and as a folder"
            raise PlanInvalid(
                f"`{file.path}` stands in the plan {what}.", hint="Each path must be there once."
            )
        seen.add(file.path)
    return plan


def _check_file(file: PlanFile) -> None:
    parts = file.path.split("/")
    if parts[0] != "models" or len(parts) < 2 or any(part in {"", ".", ".."} for part in parts):
        raise PlanInvalid(
            f"`{file.path}` would stand outside the image's `/models`.",
            hint="Paths in a plan look like `models/config.json`.",
        )
    if any(part.startswith(".wh.") for part in parts):
        raise PlanInvalid(
            f"`{file.path}` cannot stand in an image: names that begin with `.wh.` mean deleted files there.",
            hint="Exclude or rename the file.",
        )
    if "\0" in file.path or any(len(os.fsencode(part)) > 255 for part in parts):
        raise PlanInvalid(f"`{file.path[:80]!r}…` is no file name Linux accepts.", hint="Rename the file.")
    if file.size < 0:
        raise PlanInvalid(f"`{file.path}` has the size {file.size}.", hint="Make the plan again.")
    for name, value, digits in (("sha256", file.sha256, 64), ("git id", file.git_oid, 40)):
        if value is not None and not re.fullmatch(f"[0-9a-fA-F]{{{digits}}}", value):
            raise PlanInvalid(
                f"The {name} of `{file.path}` is not {digits} hex digits.", hint="Make the plan again."
            )
    if (file.source.path is None) == (file.source.url is None):
        raise PlanInvalid(
            f"`{file.path}` needs exactly one source: a path or a URL.", hint="Make the plan again."
        )
