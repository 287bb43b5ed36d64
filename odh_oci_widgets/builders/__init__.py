"""Run a plan somewhere, and follow it."""

from .build import Build, Builder, BuildStatus
from .errors import BuildCrashed, BuildError, BuilderUnknown, BuildInterrupted, BuildTimeout
from .kernel import KernelBuild, KernelBuilder
from .planning import plan_image
from .progress import LayerBar, Progress, ProgressTracker
from .recorded import RecordedBuild
from .report import human_bytes

# After the module `.build`, so that the package's `build` is the function.
from .starting import BUILDERS, build, builder_named, builds, start

__all__ = [
    "BUILDERS",
    "Build",
    "BuildCrashed",
    "BuildError",
    "BuildInterrupted",
    "BuildStatus",
    "BuildTimeout",
    "Builder",
    "BuilderUnknown",
    "KernelBuild",
    "KernelBuilder",
    "LayerBar",
    "Progress",
    "ProgressTracker",
    "RecordedBuild",
    "build",
    "builder_named",
    "builds",
    "human_bytes",
    "plan_image",
    "start",
]
