"""`odh-oci`: choose a model, build its image, push it, deploy it and call it from a terminal.

Views only: each command calls a room and prints what it reports. Rooms are imported when a command needs them,
so that a build loads neither numpy nor a Kubernetes client.
"""

from .main import main

__all__ = ["main"]
