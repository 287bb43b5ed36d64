"""Run a plan somewhere, and follow it."""

from .choosing import BUILDERS, IN_PROJECT, Choice, Offer, builder_named, default_builder, offers
from .errors import (
    BuildConflict,
    BuildCrashed,
    BuildError,
    BuilderUnknown,
    BuildFailed,
    BuildInterrupted,
    BuildNotFound,
    BuildPodFailed,
    BuildTimeout,
    PlanTooLarge,
    PodmanUnavailable,
    SourceNotReachable,
)
from .kernel import KernelBuild, KernelBuilder
from .planning import plan_image
from .progress import LayerBar, Progress, ProgressTracker
from .protocol import Build, Builder, BuildStatus
from .recorded import RecordedBuild
from .report import human_bytes
from .starting import attach, build, builds, plan_secrets, start

__all__ = [
    "BUILDERS",
    "IN_PROJECT",
    "Build",
    "BuildConflict",
    "BuildCrashed",
    "BuildError",
    "BuildFailed",
    "BuildInterrupted",
    "BuildNotFound",
    "BuildPodFailed",
    "BuildStatus",
    "BuildTimeout",
    "Builder",
    "BuilderUnknown",
    "Choice",
    "KernelBuild",
    "KernelBuilder",
    "LayerBar",
    "Offer",
    "PlanTooLarge",
    "PodmanUnavailable",
    "Progress",
    "ProgressTracker",
    "RecordedBuild",
    "SourceNotReachable",
    "attach",
    "build",
    "builder_named",
    "builds",
    "default_builder",
    "human_bytes",
    "offers",
    "plan_image",
    "plan_secrets",
    "start",
]
