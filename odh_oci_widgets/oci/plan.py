"""A plan: which files go into which layer of which image. Plain JSON, made where the user is, run anywhere.

It holds no secret: a source that needs a token names the credential (`"auth": "hf"`), and whoever executes
the plan brings it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import PlanInvalid

#: Files from this size on get a layer of their own; smaller ones share one.
OWN_LAYER_BYTES = 16 * 2**20
#: A container runtime stops at 127 layers; the base image has some.
MAX_MODEL_LAYERS = 100
#: What `created` says when nobody says otherwise: same input, same digest.
EPOCH = "1970-01-01T00:00:00Z"
DEFAULT_BASE = "registry.access.redhat.com/ubi9/ubi-micro:latest"


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the bytes of a file are: exactly one of `path` (a file here) and `url` (HTTP, Range where the server can).

    `auth` names a credential of the executor (`"hf"`: the Hugging Face token), sent to the URL's host only.
    `xet_hash` is set where the file is in Hugging Face's Xet storage.
    """

    path: str | None = None
    url: str | None = None
    auth: str | None = None
    xet_hash: str | None = None


@dataclass(frozen=True, kw_only=True)
class PlanFile:
    """A file of the image: its path below `/` (`models/1/model.onnx`), bytes, and what its content must be."""

    path: str
    size: int
    source: Source
    #: hex, as the hub tells it for LFS files; the content is checked against it
    sha256: str | None = None
    #: hex, git's blob id (sha1) of a small file of a hub repository
    git_oid: str | None = None


@dataclass(frozen=True, kw_only=True)
class PlanLayer:
    """Files that stand in one layer, in the order they are written."""

    files: tuple[PlanFile, ...]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """An image to make: base, layers, what its config and manifest say, and where it goes.

    `image` is the destination: `registry/repo:tag` or `oci:PATH[:TAG]`. `base` is an image reference,
    `embedded` or `scratch`. `insecure` names the registries (`host[:port]`) that may speak plain HTTP or show
    an untrusted certificate. `like` names further images whose layers may be reused.
    """

    image: str
    layers: tuple[PlanLayer, ...]
    base: str = DEFAULT_BASE
    platforms: tuple[str, ...] = ("linux/amd64",)
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    created: str = EPOCH
    insecure: tuple[str, ...] = ()
    like: tuple[str, ...] = ()
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
            return Plan(**data, layers=layers)
        except (ValueError, KeyError, TypeError) as error:
            raise PlanInvalid(
                f"This is not a plan: {error}.", hint="Make one with `odh-oci build … --plan-only`."
            ) from error


def make_plan(files: Iterable[PlanFile], image: str, **options: Any) -> Plan:
    """Spread files over layers, deterministically: a large file alone, small files together, at most 100 layers.

    `options` are the other fields of `Plan`. Raises PlanInvalid for no file, a path outside `models/`, a path
    that occurs twice.
    """
    raise NotImplementedError
