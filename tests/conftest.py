"""Fixtures that several kinds of tests share."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.servers.hub import Hub
from tests.servers.kubernetes.fixtures import (  # noqa: F401 - fixtures are found by name
    _kubernetes_server,
    editor,
    kubeconfig,
    kubernetes_api,
    namespace,
)
from tests.servers.registry import Registry

# Started in the background of a script, a process ignores Ctrl-C and hands that on to what it starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests run side by side: the threads of their matrices would only wait for each other.
for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

# A busy machine is slow, and no test is about that.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees or changes the home of who runs it, nor credentials of the environment."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    for name in list(os.environ):
        if name.startswith(
            ("XDG_", "HF_", "KUBE", "REGISTRY_", "DOCKER_", "ODH_OCI_")
        ) and not name.startswith(("KUBEBUILDER", "ODH_OCI_TEST_")):
            monkeypatch.delenv(name)
    for name in (
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "NB_PREFIX",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry without authentication, shared by the session: use a repository name of your own."""
    server = Registry(tmp_path_factory.mktemp("registry"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def _hub() -> Iterator[Hub]:
    with Hub() as hub:
        yield hub


@pytest.fixture
def hub(_hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """The hub stand-in of the session, set as HF_ENDPOINT: `hub.add("name-of-your-own/model", {...})`."""
    monkeypatch.setenv("HF_ENDPOINT", _hub.url)
    # What an earlier test asked or broke is not this one's.
    _hub.requests.clear()
    _hub.faults.clear()
    return _hub


@pytest.fixture(scope="session")
def shared() -> Path | None:
    """The folder with schemas and data beside the checkout, or None."""
    return SHARED if SHARED.is_dir() else None
