"""Which builders there are, which can work here, and which one is taken when nobody says."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from odh_oci_widgets import settings
from odh_oci_widgets.oci.errors import OdhOciError
from odh_oci_widgets.oci.http import on_this_machine, only_in_a_cluster
from odh_oci_widgets.oci.plan import Plan
from odh_oci_widgets.oci.reference import Reference, parse_image

from .errors import BuilderUnknown, SourceNotReachable
from .kernel import KernelBuilder
from .protocol import Builder

if TYPE_CHECKING:
    from odh_oci_widgets.cluster import Project

_NO_REFERENCE = frozenset({"embedded", "scratch"})


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
    """The builder of that name, with its own options. Raises BuilderUnknown.

    >>> from odh_oci_widgets.builders import builder_named
    >>> builder_named("kernel").name
    'kernel'
    """
    try:
        make = BUILDERS[name]
    except KeyError:
        raise BuilderUnknown(
            f"There is no builder `{name}`.", hint=f"Available: {', '.join(sorted(BUILDERS))}."
        ) from None
    return make(**options)


@dataclass(frozen=True)
class Offer:
    """A builder by its name, and why it cannot work here; empty when it can.

    >>> from odh_oci_widgets.builders import offers
    >>> [offer.name for offer in offers() if not offer.trouble][0]
    'kernel'
    """

    name: str
    trouble: str = ""


def offers(project: Project | None = None) -> list[Offer]:
    """All builders, each with the reason where it cannot work here. Asks the cluster, where there is one.

    `project`: where those build that need one (default: the current).

    >>> from odh_oci_widgets.builders import offers
    >>> [offer.name for offer in offers()]
    ['kernel', 'job', 'openshift', 'podman']
    """
    found = []
    for name, make in BUILDERS.items():
        try:
            make(**({"project": project} if name in IN_PROJECT else {})).check()
        except OdhOciError as error:
            found.append(Offer(name, str(error)))
        else:
            found.append(Offer(name))
    return found


@dataclass(frozen=True)
class Choice:
    """A builder by its name, and why it was chosen, as a sentence; empty where there was nothing to choose.

    >>> from odh_oci_widgets.builders import default_builder, plan_image
    >>> default_builder(plan_image("iris.onnx", "oci:chosen-image")).name
    'kernel'
    """

    name: str
    reason: str = ""


def default_builder(
    plan: Plan, *, project: Project | None = None, environ: Mapping[str, str] = os.environ
) -> Choice:
    """Who executes a plan when nobody says: the setting `builder`; a Job in a workbench, the kernel elsewhere.

    In a workbench the kernel is taken where the Job cannot work: a layout as destination, a folder that is on no
    claim, a registry of this machine, no permission. Outside, where somebody only has a kubeconfig, the Job is taken
    for registries that nobody but the cluster reaches. Asks the cluster, where there is one. Raises SettingInvalid.

    >>> from odh_oci_widgets.oci import PlanFile, Source, make_plan
    >>> file = PlanFile(path="models/m.onnx", size=7, source=Source(path="/data/m.onnx"))
    >>> default_builder(make_plan([file], "quay.io/me/model:1"), environ={})
    Choice(name='kernel', reason='')
    """
    image = parse_image(plan.image)
    now = settings.read(environ)
    if now.builder in IN_PROJECT and not isinstance(image, Reference):
        return Choice("kernel", "Built in this kernel: an OCI image layout is on the disk of this machine.")
    if now.builder:
        return Choice(now.builder, f"Built by `{now.builder}`, as `builder` says ({now.origins['builder']}).")
    in_cluster = "KUBERNETES_SERVICE_HOST" in environ
    if in_cluster:
        why = "it goes on when this notebook is closed"
    elif isinstance(image, Reference) and only_in_a_cluster(_host(image.registry)):
        why = f"only the cluster reaches `{image.registry}`"
    else:
        return Choice("kernel")
    try:
        _reached_from_elsewhere(plan)
        from .job import JobBuilder

        job = JobBuilder(project, environ=environ)
        job.check()
        if job.check_plan(plan) is None and in_cluster:
            raise SourceNotReachable(
                f"the pod of this workbench is not in `{job.project.namespace}`, or may not be read."
            )
    except OdhOciError as error:
        return Choice("kernel", f"Built in this kernel, not by a Job in the project: {error.message}")
    return Choice("job", f"Built by a Job in the project `{job.project.namespace}`: {why}.")


def _reached_from_elsewhere(plan: Plan) -> None:
    """Raise SourceNotReachable where a plan names a server of this machine."""
    images = [parse_image(text) for text in (plan.image, plan.base, *plan.like) if text not in _NO_REFERENCE]
    hosts = [_host(image.registry) for image in images if isinstance(image, Reference)]
    sources = (file.source.url for layer in plan.layers for file in layer.files)
    hosts += [urlsplit(url).hostname or "" for url in sources if url]
    for host in hosts:
        if on_this_machine(host):
            raise SourceNotReachable(f"`{host}` is this machine, which a Job does not reach.")


def _host(registry: str) -> str:
    return urlsplit(f"//{registry}").hostname or ""
