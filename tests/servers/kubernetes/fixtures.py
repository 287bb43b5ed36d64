"""Fixtures of the fake cluster: one server a session, namespaces and users of one's own a test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from .cluster import KubernetesApi
from .users import User

SHARED = Path(__file__).resolve().parents[4] / "shared"


@pytest.fixture(scope="session")
def _kubernetes_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubernetesApi]:
    schemas = SHARED / "schemas"
    api = KubernetesApi(tmp_path_factory.mktemp("kubernetes"), schemas=schemas if schemas.is_dir() else None)
    yield api
    api.stop()


@pytest.fixture
def kubernetes_api(_kubernetes_server: KubernetesApi) -> Iterator[KubernetesApi]:
    """A cluster with OpenShift, KServe and Open Data Hub, shared by the session: use a namespace of your own."""
    yield _kubernetes_server
    _kubernetes_server.heal()


@pytest.fixture
def namespace(kubernetes_api: KubernetesApi) -> str:
    """A new namespace."""
    return kubernetes_api.namespace(f"test-{uuid.uuid4().hex[:8]}")


@pytest.fixture
def editor(kubernetes_api: KubernetesApi, namespace: str) -> User:
    """Somebody with `edit` in the namespace."""
    return kubernetes_api.user(f"editor-{namespace}", edit=namespace)


@pytest.fixture
def kubeconfig(kubernetes_api: KubernetesApi, editor: User, namespace: str) -> Path:
    """The editor's kubeconfig, its context in the namespace."""
    return kubernetes_api.kubeconfig(editor, namespace)
