"""One suite for everything that talks to the Kubernetes API, against whatever API server there is.

- `ODH_OCI_TEST_KUBECONFIG=path`: the cluster of that administrator's kubeconfig;
- `KUBEBUILDER_ASSETS=folder` with `etcd` and `kube-apiserver`: those, with KServe's definitions and nothing else;
- by default the tests' own API server, with OpenShift, KServe and Open Data Hub.

All three are prepared through the API as administrator: nothing here may know what only our own server can do.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest
from kubernetes import client

from odh_oci_widgets.cluster import Project, connect
from odh_oci_widgets.cluster.access import Need, may
from odh_oci_widgets.cluster.resources import TEMPLATES
from tests.servers.kubernetes import KServe, KubernetesApi, User
from tests.servers.kubernetes.raw import Raw

from .apiserver import ApiServer
from .cluster import PLATFORM, Cluster
from .talking import connect as connect_as


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*features): what of `Cluster.has` the cluster must have")


@pytest.fixture(autouse=True)
def _needs(request: pytest.FixtureRequest, cluster: Cluster) -> None:
    for marker in request.node.iter_markers("needs"):
        cluster.need(*marker.args)


@pytest.fixture(scope="session")
def _own_server(request: pytest.FixtureRequest) -> KubernetesApi | None:
    """The tests' own server, where no other is named."""
    if os.environ.get("ODH_OCI_TEST_KUBECONFIG") or os.environ.get("KUBEBUILDER_ASSETS"):
        return None
    server: KubernetesApi = request.getfixturevalue("_kubernetes_server")
    return server


@pytest.fixture(scope="session")
def cluster(_own_server: KubernetesApi | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster there is."""
    folder = tmp_path_factory.mktemp("cluster")
    started: ApiServer | None = None
    if _own_server is not None:
        kubeconfig = _own_server.kubeconfig(_own_server.user("root", cluster_admin=True))
    elif named := os.environ.get("ODH_OCI_TEST_KUBECONFIG"):
        kubeconfig = Path(named)
    else:
        started = ApiServer(Path(os.environ["KUBEBUILDER_ASSETS"]), folder)
        kubeconfig = started.kubeconfig
    found = Cluster(kubeconfig, folder, complete=_own_server is not None)
    if started:
        started.furnish(found)
    yield found
    found.stop()
    if started:
        started.stop()


@pytest.fixture
def namespace(cluster: Cluster) -> str:
    """A new namespace."""
    return cluster.namespace(f"test-{uuid.uuid4().hex[:8]}")


@pytest.fixture
def editor(cluster: Cluster, namespace: str) -> User:
    """Somebody with `edit` in the namespace."""
    return cluster.user(f"editor-{namespace}", edit=namespace)


@pytest.fixture
def viewer(cluster: Cluster, namespace: str) -> User:
    """Somebody with `view` in the namespace."""
    return cluster.user(f"viewer-{namespace}", view=namespace)


@pytest.fixture
def nobody(cluster: Cluster, namespace: str) -> User:
    """Somebody with no rights at all."""
    return cluster.user(f"nobody-{namespace}")


@pytest.fixture
def kubeconfig(cluster: Cluster, editor: User, namespace: str) -> Path:
    """The editor's kubeconfig, its context in the namespace."""
    return cluster.kubeconfig(editor, namespace)


@pytest.fixture
def project(kubeconfig: Path) -> Project:
    """The namespace as its editor."""
    return connect(kubeconfig=str(kubeconfig))


@pytest.fixture
def as_viewer(cluster: Cluster, viewer: User, namespace: str) -> Project:
    return connect(kubeconfig=str(cluster.kubeconfig(viewer, namespace)))


@pytest.fixture
def as_nobody(cluster: Cluster, nobody: User, namespace: str) -> Project:
    return connect(kubeconfig=str(cluster.kubeconfig(nobody, namespace)))


@pytest.fixture
def old_gpu(cluster: Cluster, editor: User, namespace: str) -> str:
    """A hardware profile of the project whose nodes have a GPU without bfloat16."""
    cluster.need("hardware_profiles")
    rule = {
        "apiGroups": ["infrastructure.opendatahub.io"],
        "resources": ["hardwareprofiles"],
        "verbs": ["get", "list"],
    }
    cluster.grant(editor, namespace, "read-hardware-profiles", [rule])
    kinds = (("cpu", "CPU", 2), ("memory", "Memory", "4Gi"), ("nvidia.com/gpu", "Accelerator", 1))
    cluster.put({
        "apiVersion": "infrastructure.opendatahub.io/v1", "kind": "HardwareProfile",
        "metadata": {"name": "old-gpu", "namespace": namespace},
        "spec": {
            "identifiers": [
                {"identifier": name, "displayName": name, "resourceType": kind, "minCount": least, "defaultCount": least}
                for name, kind, least in kinds
            ],
            "scheduling": {"type": "Node", "node": {"nodeSelector": {"nvidia.com/gpu.product": "Tesla-T4"}}},
        },
    })  # fmt: skip
    return "old-gpu"


@pytest.fixture
def no_pods(cluster: Cluster, namespace: str) -> None:
    """No pod may start in the namespace: a build there waits, whoever runs pods in this cluster."""
    meta = {"name": "no-pods", "namespace": namespace}
    cluster.put(
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, "spec": {"hard": {"pods": "0"}}}
    )


@pytest.fixture
def closed_project(
    cluster: Cluster, _own_server: KubernetesApi | None, project: Project, tmp_path: Path
) -> Iterator[Project]:
    """A project whose user may not list the platform's templates."""
    if _own_server is None:
        cluster.need("templates")
        if any(may(project, Need("list", TEMPLATES), namespace=place) for place in PLATFORM):
            pytest.skip("in this cluster everybody may list the platform's templates")
        yield project
        return
    other = KubernetesApi(tmp_path, templates_readable=False)
    try:
        name = other.namespace("closed")
        yield connect(kubeconfig=str(other.kubeconfig(other.user("alice", edit=name), name)))
    finally:
        other.stop()


@pytest.fixture
def controllers(cluster: Cluster, _own_server: KubernetesApi | None, namespace: str) -> Iterator[None]:
    """KServe's controllers care for the namespace: real ones, or ours that play their part."""
    player: AbstractContextManager[object] = nullcontext()
    if _own_server is not None:
        player = KServe(_own_server, namespace)
    else:
        cluster.need("kserve_controllers")
    with player:
        yield


@pytest.fixture
def connection(cluster: Cluster, editor: User, namespace: str) -> Iterator[client.ApiClient]:
    """The official client as the namespace's editor."""
    with connect_as(cluster, editor, namespace) as made:
        yield made


@pytest.fixture
def core(connection: client.ApiClient) -> client.CoreV1Api:
    return client.CoreV1Api(connection)


@pytest.fixture
def custom(cluster: Cluster, connection: client.ApiClient) -> client.CustomObjectsApi:
    cluster.need("kserve")
    return client.CustomObjectsApi(connection)


@pytest.fixture
def raw(cluster: Cluster, editor: User) -> Raw:
    """Requests of the namespace's editor."""
    return Raw(cluster.url, cluster.authority, editor)
