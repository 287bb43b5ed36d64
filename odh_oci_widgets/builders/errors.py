"""What can go wrong around a build, besides the engine's own errors."""

from __future__ import annotations

from odh_oci_widgets.oci.errors import OdhOciError


class BuildError(OdhOciError):
    """A build could not be started, followed or found."""


class BuilderUnknown(BuildError):
    """There is no builder of that name."""


class BuildTimeout(BuildError):
    """The build did not end within the time given to `wait()`; it goes on."""


class BuildInterrupted(BuildError):
    """Whoever ran the build is gone: a restarted kernel, a killed process."""


class BuildCrashed(BuildError):
    """The engine stopped for a reason it does not know: a defect of ours. `__cause__` is the exception, if known."""


class SourceNotReachable(BuildError):
    """A remote builder cannot read a file of the plan: it lies where only this process can."""


class PlanTooLarge(BuildError):
    """The plan and the engine do not fit into a ConfigMap (1 MiB)."""


class BuildConflict(BuildError):
    """Another build of the same image is running. `build_id` names it."""

    def __init__(self, message: str, *, hint: str = "", build_id: str = "") -> None:
        super().__init__(message, hint=hint)
        self.build_id = build_id


class BuildPodFailed(BuildError):
    """The pod of a build did not start or did not survive: image, quota, node, memory, policy."""


class BuildFailed(BuildError):
    """A build elsewhere failed: a step of it, its input, its output."""


class PodmanUnavailable(BuildError):
    """There is no Podman service, it does not answer, or the package to talk to it is missing."""


class BuildNotFound(BuildError):
    """There is no build of that name (any more)."""
