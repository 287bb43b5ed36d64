"""The builder `openshift`: a BuildConfig of the project, started and followed through OpenShift's own builds.

Logged in with `oc login`, the same kubeconfig is used: nothing more is needed, `oc` itself is not called.
`oc_commands(plan)` gives the equivalent for a terminal.
"""

from odh_oci_widgets.builders.containerfile import containerfile

from .build import OpenShiftBuild
from .builder import OpenShiftBuilder
from .manifests import OpenShiftSettings
from .oc import oc_commands

__all__ = ["OpenShiftBuild", "OpenShiftBuilder", "OpenShiftSettings", "containerfile", "oc_commands"]
