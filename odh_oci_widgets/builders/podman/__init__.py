"""The builder `podman`: a Podman service somewhere else builds and pushes; this process sends it what it needs."""

from .build import PodmanBuild
from .builder import PodmanBuilder

__all__ = ["PodmanBuild", "PodmanBuilder"]
