"""Access, the first step: who am I, which project, which cluster, and what may I do there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from .connection import workbench_name
from .features import Features, read_features
from .project import Project
from .repair import grant
from .resources import (
    BUILD_CONFIGS,
    CONFIG_MAPS,
    EVENTS,
    IMAGE_STREAMS,
    INFERENCE_SERVICES,
    JOBS,
    NAMESPACES,
    PODS,
    SECRETS,
    SELF_SUBJECT_ACCESS_REVIEWS,
    SERVICES,
    SERVING_RUNTIMES,
    Resource,
)


@dataclass(frozen=True)
class Need:
    """One right that an action needs."""

    verb: str
    resource: Resource
    subresource: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.resource.plural}{f'/{self.subresource}' if self.subresource else ''}"


@dataclass(frozen=True, kw_only=True)
class Permission:
    """One action of the wizard, and whether we may do it."""

    #: what a person wants to do: `deploy a model`
    action: str
    allowed: bool
    #: the rights that lack: `create inferenceservices`
    missing: tuple[str, ...] = ()
    #: the command that gives them, for a project admin; empty when allowed
    repair: str = ""

    def __str__(self) -> str:
        if self.allowed:
            return f"✓ {self.action}"
        return f"✗ {self.action} (may not {', '.join(self.missing)}): {self.repair}"


@dataclass(frozen=True, kw_only=True)
class Access:
    """Who we are, where, and what we may do there."""

    user: str
    namespace: str
    #: whether the project exists, as far as we may see
    exists: bool
    host: str
    #: where the login was found: `kubeconfig`, `service account`, `login`
    source: str
    features: Features
    permissions: tuple[Permission, ...]

    def __str__(self) -> str:
        """The sentence, then a line for each action."""
        return "\n".join([self.sentence, *map(str, self.permissions)])

    @property
    def allowed(self) -> bool:
        """Whether everything that the main job needs is allowed."""
        return all(one.allowed for one in self.permissions)

    @property
    def repair(self) -> str:
        """The one command that gives everything that lacks; empty when nothing does."""
        return next((one.repair for one in self.permissions if not one.allowed), "")

    @property
    def sentence(self) -> str:
        """One sentence for the first strip of the wizard."""
        who = _person(self.user)
        if not self.features.kserve:
            return f"{who} is logged in, but KServe is not installed in this cluster: models run in the sandbox only."
        if not self.exists:
            return f"{who} is logged in, but there is no project `{self.namespace}` (or it may not be seen)."
        if self.allowed:
            return f"{who} may do everything that is needed in the project `{self.namespace}`."
        if not any(one.allowed for one in self.permissions):
            return (
                f"{who} may not do anything in the project `{self.namespace}` yet. "
                f"Somebody with admin rights there can allow it: `{self.repair}`"
            )
        lacking = ", ".join(one.action for one in self.permissions if not one.allowed)
        return f"In the project `{self.namespace}`, {who} may not: {lacking}. To allow it: `{self.repair}`"

    def to_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "user": self.user,
            "project": self.namespace,
            "exists": self.exists,
            "host": self.host,
            "source": self.source,
            "sentence": self.sentence,
            "cluster": {
                "version": self.features.version,
                "openshift": self.features.openshift,
                "kserve": self.features.kserve,
                "deployment_mode": self.features.deployment_mode,
                "builds": self.features.builds,
                "internal_registry": self.features.internal_registry,
                "templates": self.features.templates,
                "hardware_profiles": [
                    f"{one.namespace}/{one.name}" for one in self.features.hardware_profiles
                ],
                "gpu_profiles": [f"{one.namespace}/{one.name}" for one in self.features.gpu_profiles],
            },
            "permissions": [
                {
                    "action": one.action,
                    "allowed": one.allowed,
                    "missing": list(one.missing),
                    "repair": one.repair,
                }
                for one in self.permissions
            ],
        }


def check(project: Project) -> Access:
    """Ask the cluster. Raises ClusterError when it cannot be asked at all: unreachable, login expired.

    >>> access = check(connect())  # doctest: +SKIP
    >>> print(access)  # doctest: +SKIP
    In the project `alice`, the user `al` may not: deploy a model. To allow it: `oc policy add-role-to-user …`
    ✓ see services
    ✗ deploy a model (may not create inferenceservices): oc policy add-role-to-user edit al -n alice
    """
    features = read_features(project)
    actions = _actions(features)
    needs = list(dict.fromkeys(need for needed in actions.values() for need in needed))
    with ThreadPoolExecutor(max_workers=8) as pool:
        answers = dict(zip(needs, pool.map(lambda need: may(project, need), needs), strict=True))
    repair = grant(project.user, project.namespace, openshift=features.openshift)
    permissions = []
    for action, needed in actions.items():
        missing = tuple(str(need) for need in needed if not answers[need])
        permissions.append(
            Permission(action=action, allowed=not missing, missing=missing, repair=repair if missing else "")
        )
    return Access(
        user=project.user,
        namespace=project.namespace,
        exists=_exists(project, any(one.allowed for one in permissions)),
        host=project.host,
        source=project.connection.source.value,
        features=features,
        permissions=tuple(permissions),
    )


def may(project: Project, need: Need, *, namespace: str | None = None) -> bool:
    """Whether the cluster would let us."""
    attributes = {
        "namespace": namespace or project.namespace,
        "verb": need.verb,
        "group": need.resource.group,
        "resource": need.resource.plural,
    }
    if need.subresource:
        attributes["subresource"] = need.subresource
    review = {
        "apiVersion": SELF_SUBJECT_ACCESS_REVIEWS.api_version,
        "kind": SELF_SUBJECT_ACCESS_REVIEWS.kind,
        "spec": {"resourceAttributes": attributes},
    }
    path = SELF_SUBJECT_ACCESS_REVIEWS.path()
    answer = project.api.request("POST", path, what="ask what we may do", body=review)
    return bool(answer["status"].get("allowed"))


def _actions(features: Features) -> dict[str, tuple[Need, ...]]:
    """The actions of the wizard that this cluster has, with the rights each needs."""
    actions: dict[str, tuple[Need, ...]] = {}
    if features.kserve:
        actions["see services"] = (
            Need("list", INFERENCE_SERVICES),
            Need("list", SERVING_RUNTIMES),
            Need("list", PODS),
            Need("list", EVENTS),
            Need("get", SERVICES),
        )
        actions["read logs"] = (Need("get", PODS, "log"),)
        actions["deploy a model"] = tuple(
            Need(verb, resource)
            for resource in (SERVING_RUNTIMES, INFERENCE_SERVICES)
            for verb in ("create", "patch", "delete")
        )
    actions["store credentials"] = (Need("list", SECRETS), Need("create", SECRETS))
    if features.internal_registry:
        actions["push to the internal registry"] = (Need("update", IMAGE_STREAMS, "layers"),)
    actions["build with a job"] = (Need("create", JOBS), Need("create", CONFIG_MAPS), Need("create", SECRETS))
    if features.builds:
        actions["build with OpenShift"] = (
            Need("create", BUILD_CONFIGS),
            Need("create", BUILD_CONFIGS, "instantiate"),
            Need("create", SECRETS),
        )
    return actions


def _exists(project: Project, some_right: bool) -> bool:
    """A project that nobody let us see may still be there; one where we may do something surely is."""
    if some_right:
        return True
    if not may(project, Need("get", NAMESPACES)):
        return True
    return project.find(NAMESPACES, project.namespace) is not None


def _person(user: str) -> str:
    if not user.startswith("system:serviceaccount:"):
        return f"The user `{user}`"
    name = user.rpartition(":")[2]
    return f"The service account `{name}`{' of this workbench' if name == workbench_name() else ''}"
