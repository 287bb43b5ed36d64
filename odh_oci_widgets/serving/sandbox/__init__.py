"""Services on this machine: a model out of an image, served by a process of its own."""

from __future__ import annotations

from .deploying import deploy, find, list_services
from .service import SandboxService

__all__ = ["SandboxService", "deploy", "find", "list_services"]
