"""Access, the first step: who am I, which project, which cluster, and what may I do there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from . import access_sentences as sentences
from .connection import workbench_name
from .features import Features, read_features
from .needs import Need, actions
from .project import Project
from .repair import grant
from .resources import NAMESPACES, SELF_SUBJECT_ACCESS_REVIEWS

__all__ = ["Access", "Need", "Permission", "check", "may"]


@dataclass(frozen=True, kw_only=True)
class Permission:
    """One action of the wizard, and whether we may do it.

    >>> from odh_oci_widgets import connect
    >>> from odh_oci_widgets.cluster import check
    >>> print(check(connect()).permissions[0])
    ✓ see services
    """

    #: what a person wants to do: `deploy a model`
    action: str
    allowed: bool
    #: the rights that lack: `create inferenceservices`
    missing: tuple[str, ...] = ()
    #: the command that gives them, for a project admin; empty when allowed
    repair: str = ""

    def __str__(self) -> str:
        if self.allowed:
            return sentences.ALLOWED.said(action=self.action)
        return sentences.NOT_ALLOWED.said(
            action=self.action, missing=", ".join(self.missing), repair=self.repair
        )


@dataclass(frozen=True, kw_only=True)
class Access:
    """Who we are, where, and what we may do there.

    >>> from odh_oci_widgets import connect
    >>> from odh_oci_widgets.cluster import check
    >>> access = check(connect())
    >>> access.user, access.namespace, access.allowed
    ('alice', 'alice', True)
    """

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
            return sentences.NO_KSERVE.said(who=who)
        if not self.exists:
            return sentences.NO_PROJECT.said(who=who, project=self.namespace)
        if self.allowed:
            return sentences.ALL_ALLOWED.said(who=who, project=self.namespace)
        if not any(one.allowed for one in self.permissions):
            return sentences.NOTHING_ALLOWED.said(who=who, project=self.namespace, repair=self.repair)
        lacking = ", ".join(one.action for one in self.permissions if not one.allowed)
        return sentences.SOMETHING_LACKS.said(
            who=who, project=self.namespace, lacking=lacking, repair=self.repair
        )

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

    >>> from odh_oci_widgets import connect
    >>> from odh_oci_widgets.cluster import check
    >>> print(check(connect()).sentence)
    The user `alice` may do everything that is needed in the project `alice`.
    """
    features = read_features(project)
    wanted = actions(features)
    needs = list(dict.fromkeys(need for needed in wanted.values() for need in needed))
    with ThreadPoolExecutor(max_workers=8) as pool:
        answers = dict(zip(needs, pool.map(lambda need: may(project, need), needs), strict=True))
    repair = grant(project.user, project.namespace, openshift=features.openshift)
    permissions = []
    for action, needed in wanted.items():
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
