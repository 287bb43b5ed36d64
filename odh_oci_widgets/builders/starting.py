"""Start builds, and find them again."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from odh_oci_widgets.cluster.errors import ClusterError
from odh_oci_widgets.models import Model, hub_token
from odh_oci_widgets.models.s3 import sign
from odh_oci_widgets.oci.plan import DEFAULT_BASE, Plan

from .choosing import BUILDERS, IN_PROJECT, builder_named, default_builder
from .errors import BuildNotFound, PodmanUnavailable
from .followed import FollowedBuild
from .planning import plan_image
from .protocol import Build, Builder

if TYPE_CHECKING:
    from odh_oci_widgets.cluster import Project
    from odh_oci_widgets.oci import Credentials


def build(
    model: Model | str | os.PathLike[str],
    image: str,
    *,
    builder: str | Builder | None = None,
    project: Project | None = None,
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

    `image` is `registry/repo:tag` or `oci:PATH[:TAG]`. `builder`: `kernel`, `job`, `openshift`, `podman`, or one with
    options of its own; None: what `default_builder` says. `project`: where the first of these build that need one
    (default: the current). `token` is the hub's (default: `HF_TOKEN`, then the file
    that `hf auth login` writes); `credentials` are the registry's (default: the auth files of podman and docker).
    `verify` checks content against the hub's sha256. The other options are those of `plan_image`.
    Raises ModelError, ReferenceInvalid, PlanInvalid, BuilderUnknown; what goes wrong later is the build's `error`.

    >>> from odh_oci_widgets import build
    >>> build("iris.onnx", "oci:my-image", base="embedded").wait().partition("@")[0]
    'oci:my-image'
    """
    executor = _named(builder, project) if isinstance(builder, str) else builder
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
    return start(plan, builder=executor, project=project, credentials=credentials, token=token, verify=verify)


def start(
    plan: Plan,
    *,
    builder: str | Builder | None = None,
    project: Project | None = None,
    credentials: Credentials | None = None,
    token: str | None = None,
    verify: bool = True,
) -> Build:
    """Start a plan made with `plan_image`, and return at once. The hub's token is looked up where none is given.

    >>> from odh_oci_widgets.builders import plan_image, start
    >>> plan = plan_image("iris.onnx", "oci:started-image", base="embedded")
    >>> start(plan).wait().partition("@")[0]
    'oci:started-image'
    """
    choice = default_builder(plan, project=project) if builder is None else None
    named = choice.name if choice is not None else builder
    executor = _named(named, project) if isinstance(named, str) else named
    assert executor is not None  # noqa: S101 - one of the two
    build = executor.start(plan, credentials=credentials, secrets=plan_secrets(plan, token), verify=verify)
    if choice is not None and choice.reason and isinstance(build, FollowedBuild):
        build.note(choice.reason)
    return build


def _named(name: str, project: Project | None) -> Builder:
    return builder_named(name, **({"project": project} if name in IN_PROJECT else {}))


def builds(*, project: Project | None = None, wait: float = 0.0) -> list[Build]:
    """Running, finished and interrupted builds: of this process, of others, of earlier kernels, of the project.

    Newest first for each builder; builders that cannot work here (no cluster, no permission) have none to show.
    Where a build of the project stands is asked in the background: `wait` seconds are given for it.

    >>> from odh_oci_widgets import build, builds
    >>> image = build("iris.onnx", "oci:listed-image", base="embedded").wait()
    >>> builds()[0].status
    <BuildStatus.SUCCEEDED: 'succeeded'>
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


def attach(build_id: str, *, project: Project | None = None, wait: float = 0.0) -> Build:
    """One of `builds()` by its id, or the beginning of it: from a new kernel, with progress where it stands.

    Raises BuildNotFound where there is none, or several begin so.

    >>> from odh_oci_widgets import attach, build
    >>> running = build("iris.onnx", "oci:attached-image", base="embedded")
    >>> attach(running.id).wait() == running.wait()
    True
    """
    found = builds(project=project, wait=wait)
    fitting = [one for one in found if one.id == build_id] or [
        one for one in found if build_id and one.id.startswith(build_id)
    ]
    if len(fitting) > 1:
        raise BuildNotFound(
            f"{len(fitting)} builds begin with `{build_id}`.",
            hint="Write more of the id: `odh-oci builds` or `builds()` lists them.",
        )
    if not fitting:
        raise BuildNotFound(
            f"There is no build `{build_id}`.", hint="`odh-oci builds` or `builds()` lists them."
        )
    return fitting[0]


def plan_secrets(plan: Plan, token: str | None = None) -> dict[str, str]:
    """What opens the files of a plan, which holds no secret itself; nothing where they are open.

    `hf` is the hub's token: given, `HF_TOKEN`, or the hub's own token file. `s3` is JSON, URL -> the query that
    signs it with the keys of the environment: for 7 days, or until temporary keys end.
    Raises PackageMissing, ModelAccessMissing.

    >>> from odh_oci_widgets.builders import plan_image, plan_secrets
    >>> plan_secrets(plan_image("hf://ibm-granite/granite-3.0-2b-instruct", "quay.io/me/granite:1"), token="hf_mine")
    {'hf': 'hf_mine'}
    """
    files = [file.source for layer in plan.layers for file in layer.files]
    secrets = {}
    if any(source.auth == "hf" for source in files) and (found := hub_token(token)):
        secrets["hf"] = found
    objects = [source.url for source in files if source.auth == "s3" and source.url]
    if objects:
        secrets["s3"] = json.dumps(sign(objects))
    return secrets
