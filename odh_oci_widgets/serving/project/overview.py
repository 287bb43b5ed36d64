"""How the services of a project stand, with as few requests as one look can do: a handful, however many they are."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from odh_oci_widgets.cluster.errors import KindNotFound, NotAllowed
from odh_oci_widgets.cluster.features import has_kserve
from odh_oci_widgets.cluster.project import Manifest, Project
from odh_oci_widgets.cluster.resources import (
    DEPLOYMENTS,
    EVENTS,
    INFERENCE_SERVICES,
    PODS,
    SERVICES,
    Resource,
)
from odh_oci_widgets.serving.overview import Sight

from .address import address_of
from .asking import ask
from .diagnosis import diagnose
from .llm_service import list_llm_services
from .service import ProjectService
from .snapshot import POD_LABEL, Answer, Snapshot, is_ready, moment, snapshots_of

#: Seconds for which a model that answered is believed to go on, while its pod stays ready.
BELIEVED_SECONDS = 60.0
#: Models that are asked at the same time.
_AT_ONCE = 8


class ProjectOverview:
    """Looks at all services of a project. Keep it: it remembers which models answered.

    >>> from odh_oci_widgets import connect, deploy
    >>> digest = "sha256:" + "a" * 64
    >>> iris = deploy(f"quay.io/me/iris@{digest}", "overlooked", format="onnx", memory="2Gi")
    >>> overview = ProjectOverview(connect())
    >>> [one.diagnosis.state for one in overview.look() if one.service.name == "overlooked"]
    [<ServiceState.PENDING: 'pending'>]
    """

    def __init__(self, project: Project, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.project = project
        self._clock = clock
        #: uid of the pod that answered -> when, and what
        self._answers: dict[str, tuple[float, Answer]] = {}

    def look(self) -> list[Sight]:
        """All services now, whoever made them, by name; LLMInferenceServices last. Raises ClusterError."""
        try:
            services = self.project.list(INFERENCE_SERVICES)
        except (KindNotFound, NotAllowed):
            if has_kserve(self.project):
                raise
            return []
        found = self._sights(services) if services else []
        return [
            *sorted(found, key=lambda one: one.service.name),
            *(
                Sight(
                    service=one,
                    diagnosis=one.diagnose(),
                    url=one.url,
                    created=moment(one.manifest["metadata"].get("creationTimestamp")),
                )
                for one in list_llm_services(self.project)
            ),
        ]

    def _sights(self, services: list[Manifest]) -> list[Sight]:
        unread: list[str] = []
        pods = self._read(PODS, unread, labels=POD_LABEL)
        events = self._read(EVENTS, unread)
        deployments = self._read(DEPLOYMENTS, unread)
        addresses = {one["metadata"]["name"]: one for one in self._read(SERVICES, [])}
        snapshots = snapshots_of(
            services, pods, events, deployments, now=self.project.api.now(), unread=tuple(unread)
        )
        there = {*map(_uid, pods), *(one.name for one in snapshots if _is_blind(one))}
        self._answers = {uid: told for uid, told in self._answers.items() if uid in there}

        def sight(snapshot: Snapshot, manifest: Manifest) -> Sight:
            service = ProjectService(self.project, snapshot.name, manifest=manifest)
            url = address_of(manifest, lambda: addresses.get(f"{snapshot.name}-predictor"))
            return Sight(
                service=service,
                diagnosis=diagnose(self._asked(snapshot, service, url)),
                url=url,
                created=moment(manifest["metadata"].get("creationTimestamp")),
            )

        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="odh-oci-overview") as pool:
            return list(pool.map(sight, snapshots, services))

    def _read(self, resource: Resource, unread: list[str], *, labels: str = "") -> list[Manifest]:
        """What there is; what we may not see is told in the diagnosis."""
        try:
            return self.project.list(resource, labels=labels)
        except (NotAllowed, KindNotFound) as error:
            unread.append(str(error))
            return []

    def _asked(self, snapshot: Snapshot, service: ProjectService, url: str | None) -> Snapshot:
        """With the model's own answer, where its pod is ready and has not answered lately."""
        blind = {"metadata": {"name": "", "uid": snapshot.name}} if _is_blind(snapshot) else None
        ready = next((pod for pod in snapshot.current if is_ready(pod)), blind)
        if ready is None or snapshot.service is None:
            return snapshot
        now = self._clock()
        when, answer = self._answers.get(_uid(ready), (0.0, None))
        if answer is None or now - when > BELIEVED_SECONDS:
            answer = ask(self.project, snapshot.service, ready, url=url, headers=service.call_headers())
            if answer.ready:
                self._answers[_uid(ready)] = now, answer
        return snapshot.answered(answer)


def _is_blind(snapshot: Snapshot) -> bool:
    """Whether we may not see the pods, so that only the model itself can tell."""
    return any("pods" in text for text in snapshot.unread)


def _uid(pod: Manifest) -> str:
    return str(pod["metadata"].get("uid", ""))
