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
