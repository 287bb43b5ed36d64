"""A Kubernetes API server of the tests' own that behaves like a real one, with OpenShift, KServe and Open Data Hub.

`KubernetesApi` is the server with its users and scripted trouble; `KServe` the controller that plays what a real one
did (from `recordings`, or what `derived` makes of them); `Network` and `Node` let ready services really answer.
`Builds` does the same for OpenShift's builds. The fixtures are in `fixtures`; the server's own tests in `tests/integration/test_fake_kubernetes.py`.
"""

from .building import Builds
from .cluster import KubernetesApi
from .kserve import KServe
from .network import Network
from .playing import Play, wait_for
from .running import Node
from .status import ApiError
from .users import User

__all__ = ["ApiError", "Builds", "KServe", "KubernetesApi", "Network", "Node", "Play", "User", "wait_for"]
