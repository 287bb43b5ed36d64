"""What can go wrong around a build, besides the engine's own errors."""

from __future__ import annotations

from odh_oci_widgets.oci.errors import OdhOciError


class BuildError(OdhOciError):
    """A build could not be started, followed or found."""

    cure = "See the build's logs: `build.logs()`, or `odh-oci builds ID`."


class BuilderUnknown(BuildError):
    """There is no builder of that name."""

    cure = (
        "Choose one of `kernel`, `job`, `openshift` and `podman`; `offers()` tells which of them work here."
    )


class BuildTimeout(BuildError):
    """The build did not end within the time given to `wait()`; it goes on."""

    cure = "Wait longer, or follow it with `build.events()`; it goes on meanwhile."


class BuildInterrupted(BuildError):
    """Whoever ran the build is gone: a restarted kernel, a killed process."""

    cure = "Start it again: what was sent is reused."


class BuildCrashed(BuildError):
    """The engine stopped for a reason it does not know: a defect of ours. `__cause__` is the exception, if known."""

    cure = "Start it again: what was sent is reused. If it happens again, report it with the build's logs."


class SourceNotReachable(BuildError):
    """A remote builder cannot read a file of the plan: it lies where only this process can."""

    cure = 'Build in this process (`builder="kernel"`), or put the files where the builder can read them.'


class PlanTooLarge(BuildError):
    """The plan and the engine do not fit into a ConfigMap (1 MiB)."""

    cure = 'Build in this process (`builder="kernel"`), or choose fewer files.'


class BuildConflict(BuildError):
    """Another build of the same image is running. `build_id` names it."""

    cure = "Follow the running build, wait for it, cancel it, or choose another tag."

    def __init__(self, message: str, *, hint: str | None = None, build_id: str = "") -> None:
        super().__init__(message, hint=hint)
        self.build_id = build_id


class BuildPodFailed(BuildError):
    """The pod of a build did not start or did not survive: image, quota, node, memory, policy."""

    cure = "Look at the pod's events in the project; the sentence names what to change."


class BuildFailed(BuildError):
    """A build elsewhere failed: a step of it, its input, its output."""

    cure = "See the build's logs; they end with what failed."


class PodmanUnavailable(BuildError):
    """There is no Podman service, it does not answer, or the package to talk to it is missing."""

    cure = "Start the service (`podman system service`), and name it: `unix://…`, `ssh://…` or `tcp://…`."


class BuildNotFound(BuildError):
    """There is no build of that name (any more)."""

    cure = "List the builds there are: `builds()` or `odh-oci builds`."
