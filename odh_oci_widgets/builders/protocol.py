"""A build: one run of a plan by a builder, with one face whoever runs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from odh_oci_widgets.oci.errors import OdhOciError
from odh_oci_widgets.oci.events import Event
from odh_oci_widgets.oci.plan import Plan

from .progress import Progress

if TYPE_CHECKING:
    from odh_oci_widgets.oci import Credentials


class BuildStatus(StrEnum):
    """Where a build stands.

    >>> from odh_oci_widgets import build
    >>> running = build("iris.onnx", "oci:status-image", base="embedded")
    >>> image = running.wait()
    >>> running.status
    <BuildStatus.SUCCEEDED: 'succeeded'>
    """

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    #: how it ended is not known: whoever ran it is gone, or the cluster shows it to us no longer
    INTERRUPTED = "interrupted"

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen."""
        return self not in {BuildStatus.PENDING, BuildStatus.RUNNING}


@runtime_checkable
class Build(Protocol):
    """One run of a plan.

    >>> from odh_oci_widgets import Build, build
    >>> running = build("iris.onnx", "oci:build-image", base="embedded")
    >>> isinstance(running, Build), running.wait().partition("@")[0]
    (True, 'oci:build-image')
    """

    id: str
    #: the builder's name: `kernel`, `job`, `openshift`, `podman`
    builder: str
    plan: Plan

    @property
    def status(self) -> BuildStatus:
        """Never waits."""

    @property
    def progress(self) -> Progress:
        """A snapshot: per layer and in all."""

    @property
    def image(self) -> str | None:
        """`registry/repo:tag@sha256:…` once it succeeded."""

    @property
    def error(self) -> OdhOciError | None:
        """Why it failed."""

    def events(self) -> Iterator[Event]:
        """All events from the first, then live until the end; any number of readers at once."""

    def told(self) -> list[Event]:
        """The events until now, without waiting."""

    def logs(self, follow: bool = True) -> Iterator[str]:
        """The same as lines for people, without the progress; with `follow=False` those until now."""

    def cancel(self) -> None:
        """Ask it to stop; `wait()` tells when it did."""

    def wait(self, timeout: float | None = None) -> str:
        """The image when done. Raises the build's error, Cancelled, or BuildTimeout."""

    def report(self) -> dict[str, Any]:
        """Image, digest, seconds, bytes sent and reused, per layer."""


class Builder(Protocol):
    """Who executes plans.

    >>> from odh_oci_widgets.builders import Builder, builder_named
    >>> kernel: Builder = builder_named("kernel")
    >>> kernel.name
    'kernel'
    """

    name: str

    def check(self) -> None:
        """Raise an OdhOciError that says why this builder cannot work here."""

    def start(
        self,
        plan: Plan,
        *,
        credentials: Credentials | None = None,
        secrets: Mapping[str, str] | None = None,
        verify: bool = True,
    ) -> Build:
        """Start and return at once. `secrets` go to whoever executes the plan, never into it: see `plan_secrets`."""

    def builds(self) -> list[Build]:
        """Running and finished builds, newest first, also of earlier kernels."""
