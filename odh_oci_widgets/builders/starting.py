"""Start builds, and find them again."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from odh_oci_widgets.cluster.errors import ClusterError
from odh_oci_widgets.models import Model, hub_token
from odh_oci_widgets.models.s3 import sign
from odh_oci_widgets.oci.errors import OdhOciError
from odh_oci_widgets.oci.plan import DEFAULT_BASE, Plan

from .errors import BuilderUnknown, PodmanUnavailable
from .followed import FollowedBuild
from .kernel import KernelBuilder
from .planning import plan_image
from .protocol import Build, Builder

if TYPE_CHECKING:
    from odh_oci_widgets.cluster import Project
    from odh_oci_widgets.oci import Credentials


# Imported only where they are wanted: they need a cluster, or a package of their own.
def _job(**options: Any) -> Builder:
    from .job import JobBuilder

    return JobBuilder(**options)


def _openshift(**options: Any) -> Builder:
    from .openshift import OpenShiftBuilder

    return OpenShiftBuilder(**options)


def _podman(**options: Any) -> Builder:
    from .podman import PodmanBuilder

    return PodmanBuilder(**options)


#: name -> what makes the builder; all take `if_running`
BUILDERS: Mapping[str, Callable[..., Builder]] = {
    "kernel": KernelBuilder,
    "job": _job,
    "openshift": _openshift,
    "podman": _podman,
}


#: those that run in the project: they take `project`
IN_PROJECT = frozenset({"job", "openshift"})


def builder_named(name: str, **options: Any) -> Builder:
    """The builder of that name, with its own options. Raises BuilderUnknown."""
    try:
        make = BUILDERS[name]
    except KeyError:
        raise BuilderUnknown(
            f"There is no builder `{name}`.", hint=f"Available: {', '.join(sorted(BUILDERS))}."
        ) from None
    return make(**options)


def build(
    model: Model | str | os.PathLike[str],
    image: str,
    *,
    builder: str | Builder = "kernel",
    base: str = DEFAULT_BASE,
    platforms: Sequence[str] = ("linux/amd64",),
    versioned: bool | None = None,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    insecure: bool | Sequence[str] = False,
    credentials: Credentials | None = None,
    token: str | None = None,
    like: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    verify: bool = True,
) -> Build:
    """Start building the image of a model (or what `open_model` takes for one), and return at once.

    `image` is `registry/repo:tag` or `oci:PATH[:TAG]`. `token` is the hub's (default: `HF_TOKEN`, then the file
    that `hf auth login` writes); `credentials` are the registry's (default: the auth files of podman and docker).
    `verify` checks content against the hub's sha256. The other options are those of `plan_image`.
    Raises ModelError, ReferenceInvalid, PlanInvalid, BuilderUnknown; what goes wrong later is the build's `error`.

    >>> build("hf://ibm-granite/granite-3.0-2b-instruct", "quay.io/me/granite:1").wait()  # doctest: +SKIP
    'quay.io/me/granite:1@sha256:…'
    """
    executor = builder_named(builder) if isinstance(builder, str) else builder
    plan = plan_image(
        model,
        image,
        base=base,
        platforms=platforms,
        versioned=versioned,
        include=include,
        exclude=exclude,
        insecure=insecure,
        like=like,
        labels=labels,
        annotations=annotations,
        token=token,
        environ=os.environ,
    )
    return start(plan, builder=executor, credentials=credentials, token=token, verify=verify)


def start(
    plan: Plan,
    *,
    builder: str | Builder = "kernel",
    credentials: Credentials | None = None,
    token: str | None = None,
    verify: bool = True,
) -> Build:
    """Start a plan made with `plan_image`, and return at once. The hub's token is looked up where none is given."""
    executor = builder_named(builder) if isinstance(builder, str) else builder
    return executor.start(plan, credentials=credentials, secrets=plan_secrets(plan, token), verify=verify)


def builds(*, project: Project | None = None, wait: float = 0.0) -> list[Build]:
    """Running, finished and interrupted builds: of this process, of others, of earlier kernels, of the project.

    Newest first for each builder; builders that cannot work here (no cluster, no permission) have none to show.
    Where a build of the project stands is asked in the background: `wait` seconds are given for it.
    """
    found: list[Build] = []
    for name, make in BUILDERS.items():
        options = {"project": project} if project is not None and name in IN_PROJECT else {}
        with suppress(ClusterError, PodmanUnavailable):
            found += make(**options).builds()
    deadline = time.monotonic() + wait
    for build in found:
        if isinstance(build, FollowedBuild) and build.builder in IN_PROJECT:
            build.seen(max(0.0, deadline - time.monotonic()))
    return found


@dataclass(frozen=True)
class Offer:
    """A builder by its name, and why it cannot work here; empty when it can."""

    name: str
    trouble: str = ""


def offers() -> list[Offer]:
    """All builders, each with the reason where it cannot work here. Asks the cluster, where there is one."""
    found = []
    for name, make in BUILDERS.items():
        try:
            make().check()
        except OdhOciError as error:
            found.append(Offer(name, str(error)))
        else:
            found.append(Offer(name))
    return found


def plan_secrets(plan: Plan, token: str | None = None) -> dict[str, str]:
    """What opens the files of a plan, which holds no secret itself; nothing where they are open.

    `hf` is the hub's token: given, `HF_TOKEN`, or the hub's own token file. `s3` is JSON, URL -> the query that
    signs it for 12 hours, made with the keys of the environment. Raises PackageMissing, ModelAccessMissing.
    """
    files = [file.source for layer in plan.layers for file in layer.files]
    secrets = {}
    if any(source.auth == "hf" for source in files) and (found := hub_token(token)):
        secrets["hf"] = found
    objects = [source.url for source in files if source.auth == "s3" and source.url]
    if objects:
        secrets["s3"] = json.dumps(sign(objects))
    return secrets
