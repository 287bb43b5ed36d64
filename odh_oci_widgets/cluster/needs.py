"""What each action of the wizard needs to be allowed to do in the project.

`docs/rbac/workbench-role.yaml` is a Role of exactly these rights; a test keeps the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .resources import (
    BUILD_CONFIGS,
    BUILDS,
    CLAIMS,
    CONFIG_MAPS,
    DEPLOYMENTS,
    EVENTS,
    IMAGE_STREAMS,
    INFERENCE_SERVICES,
    JOBS,
    PODS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    SERVING_RUNTIMES,
    Resource,
)

if TYPE_CHECKING:
    from .features import Features


@dataclass(frozen=True)
class Need:
    """One right that an action needs."""

    verb: str
    resource: Resource
    subresource: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.resource.plural}{f'/{self.subresource}' if self.subresource else ''}"


def _all(verbs: str, *resources: Resource) -> tuple[Need, ...]:
    return tuple(Need(verb, resource) for resource in resources for verb in verbs.split())


SEE_SERVICES = (
    *_all("get list", INFERENCE_SERVICES, SERVING_RUNTIMES),
    *_all("list", PODS, EVENTS),
    *_all("get", DEPLOYMENTS, SERVICES),
)
READ_LOGS = (Need("get", PODS, "log"),)
DEPLOY = (
    *_all("get create patch delete", SERVING_RUNTIMES, INFERENCE_SERVICES),
    # Whose pull Secrets a pod would get by itself: they open the internal registry.
    Need("get", SERVICE_ACCOUNTS),
)
STORE_CREDENTIALS = _all("get list create patch delete", SECRETS)
PUSH_INTERNALLY = (
    Need("get", IMAGE_STREAMS, "layers"),
    Need("update", IMAGE_STREAMS, "layers"),
    # The registry makes the stream of a new repository, as whoever pushes.
    Need("create", IMAGE_STREAMS),
)
BUILD_WITH_JOB = (
    *_all("get list create delete", JOBS),
    *_all("get create", CONFIG_MAPS),
    *_all("create delete", SECRETS),
    # The workbench's own pod and the storage that is mounted there.
    *_all("get list", PODS),
    Need("get", CLAIMS),
    Need("get", PODS, "log"),
    Need("list", EVENTS),
)
BUILD_WITH_OPENSHIFT = (
    *_all("get list create delete", BUILD_CONFIGS),
    Need("create", BUILD_CONFIGS, "instantiate"),
    Need("create", BUILD_CONFIGS, "instantiatebinary"),
    # Rights of their own: administrators may take them from everybody.
    Need("create", BUILDS, "docker"),
    Need("create", BUILDS, "optimizeddocker"),
    *_all("get list watch patch", BUILDS),
    Need("get", BUILDS, "log"),
    *_all("get list create", CONFIG_MAPS),
    *_all("list create delete", SECRETS),
    Need("list", PODS),
    Need("create", IMAGE_STREAMS),
    # A BuildConfig has no time to live of its own: it belongs to a Job that has one.
    *_all("list create delete", JOBS),
)


def actions(features: Features) -> dict[str, tuple[Need, ...]]:
    """The actions of the wizard that this cluster has, in words, with the rights that each needs."""
    found: dict[str, tuple[Need, ...]] = {}
    if features.kserve:
        found["see services"] = SEE_SERVICES
        found["read logs"] = READ_LOGS
        found["deploy a model"] = DEPLOY
    found["store credentials"] = STORE_CREDENTIALS
    if features.internal_registry:
        found["push to the internal registry"] = PUSH_INTERNALLY
    found["build with a job"] = BUILD_WITH_JOB
    if features.builds:
        found["build with OpenShift"] = BUILD_WITH_OPENSHIFT
    return found
