"""The builder `job`: the engine in a Kubernetes Job of the project, followed from the notebook."""

from .build import JobBuild
from .builder import JobBuilder
from .manifests import JobSettings

__all__ = ["JobBuild", "JobBuilder", "JobSettings"]
