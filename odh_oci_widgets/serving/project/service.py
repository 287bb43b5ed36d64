"""A service of the project: an InferenceService with everything that belongs to it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from odh_oci_widgets.cluster.connection import service_account_connection
from odh_oci_widgets.cluster.errors import ClusterError, KindNotFound, NotAllowed, ObjectNotFound, Refused
from odh_oci_widgets.cluster.project import Manifest, Project
from odh_oci_widgets.cluster.resources import INFERENCE_SERVICES, SECRETS, SERVICES, SERVING_RUNTIMES
from odh_oci_widgets.serving.answering import Answering
from odh_oci_widgets.serving.cases import service as cases
from odh_oci_widgets.serving.errors import ServiceFailed, ServiceNotFound, ServiceTimeout
from odh_oci_widgets.serving.kserve_objects import IMAGE_ANNOTATION, MANAGED_BY, MANAGER, SERVICE_LABEL
from odh_oci_widgets.serving.protocol import Diagnosis, ServiceState
from odh_oci_widgets.serving.spec import ServiceSpec, spec_of

from .address import address_of, needs_token
from .asking import ask, is_generative
from .diagnosis import STOP, diagnose
from .pods import SERVER, statuses
from .snapshot import Snapshot, is_ready, read_snapshot
from .timeline import Moment, event_lines, timeline

#: Failures that the cluster may still repair by itself (a runtime not seen yet, a node that comes) are waited out.
_PATIENCE = 20.0
_POLL_SECONDS = 2.0
#: Diagnoses after which no pod is left that could change anything.
_ENDED = {cases.STOPPED.code, cases.ABSENT.code}


class ProjectService(Answering):
    """A model that the project's KServe runs.

    >>> from odh_oci_widgets import deploy
    >>> digest = "sha256:" + "a" * 64
    >>> iris = deploy(f"quay.io/me/iris@{digest}", "iris-there", format="onnx", memory="2Gi")
    >>> print(iris.diagnose().sentence)
    KServe is taking the service up.
    """

    target = "project"
    kind = "InferenceService"

    def __init__(self, project: Project, name: str, *, manifest: Manifest | None = None) -> None:
        self.project = project
        self.name = name
        self._known = manifest

    def __repr__(self) -> str:
        return f"service({self.name!r}, target='project')  # project {self.project.namespace}"

    # -- what it is

    @property
    def manifest(self) -> Manifest:
        """The InferenceService now. Raises ServiceNotFound."""
        found = self.project.find(INFERENCE_SERVICES, self.name)
        if found is None:
            raise ServiceNotFound(
                f"There is no service `{self.name}` in the project `{self.project.namespace}`.",
                hint="`odh-oci list` shows those there are.",
            )
        self._known = found
        return found

    @property
    def image(self) -> str:
        """`oci://…` as deployed (or any other storage)."""
        model = _model(self._known or self.manifest)
        return str(model.get("storageUri") or "")

    @property
    def url(self) -> str | None:
        """Base URL: the route's where it has one, else the one inside the cluster; None until there is one."""
        return self._address(self.manifest)

    @property
    def generative(self) -> bool:
        """Whether its model writes text."""
        return is_generative(self._known or self.manifest)

    @property
    def display_name(self) -> str:
        """The name for people."""
        metadata = (self._known or self.manifest)["metadata"]
        return str((metadata.get("annotations") or {}).get("openshift.io/display-name") or self.name)

    @property
    def stopped(self) -> bool:
        """Whether it is told to be stopped."""
        return (self.manifest["metadata"].get("annotations") or {}).get(STOP) == "true"

    def call_headers(self) -> Mapping[str, str]:
        """Our token, for a service that asks for one."""
        return self._headers(self._known or self.manifest)

    def to_dict(self) -> dict[str, Any]:
        """For `--json`."""
        found = self.diagnose()
        manifest = self._known
        return {
            "name": self.name,
            "target": self.target,
            "kind": self.kind,
            "project": self.project.namespace,
            "image": self.image if manifest else None,
            "state": found.state.value,
            "sentence": found.sentence,
            "url": self._address(manifest) if manifest else None,
        }

    # -- is it well

    @property
    def state(self) -> ServiceState:
        """Where it stands; the model itself is asked where the cluster believes it ready."""
        return self.diagnose().state

    def diagnose(self) -> Diagnosis:
        """State, sentence, hint, evidence. Raises ClusterError."""
        return diagnose(self.snapshot())

    def snapshot(self) -> Snapshot:
        """Everything the cluster says of it now, with the model's own answer where its pods are ready."""
        snapshot = read_snapshot(self.project, self.name)
        self._known = snapshot.service
        ready = [pod for pod in snapshot.current if is_ready(pod)]
        blind = any("pods" in text for text in snapshot.unread)
        if snapshot.service is None or not (ready or blind):
            return snapshot
        url, headers = self._address(snapshot.service), self._headers(snapshot.service)
        pod = ready[0] if ready else {"metadata": {"name": ""}}
        return snapshot.answered(ask(self.project, snapshot.service, pod, url=url, headers=headers))

    def watch(self, timeout: float = 900) -> Iterator[Diagnosis]:
        """Each change of the diagnosis, the present one first, until nothing more will change or time is up.

        That is when the model answers, or when the service is stopped or gone and its last pod has ended.
        """
        deadline = time.monotonic() + timeout
        last: tuple[ServiceState, str] | None = None
        while True:
            found = self.diagnose()
            if (found.state, found.sentence) != last:
                last = (found.state, found.sentence)
                yield found
            if found.state is ServiceState.READY or found.code in _ENDED:
                return
            left = deadline - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(_POLL_SECONDS, left))

    def wait(self, timeout: float = 900, *, patience: float = _PATIENCE) -> None:
        """Return when the model answers.

        Raises ServiceFailed when a failure lasts for `patience` seconds (some repair themselves), ServiceTimeout
        after `timeout` seconds, ServiceNotFound when it is deleted meanwhile.
        """
        deadline = time.monotonic() + timeout
        failing: float | None = None
        while True:
            found = self.diagnose()
            now = time.monotonic()
            if found.state is ServiceState.READY:
                return
            if self._known is None:
                raise ServiceNotFound(f"The service `{self.name}` was deleted.")
            if found.state is ServiceState.STOPPED:
                raise ServiceFailed(found.sentence, hint=found.hint)
            failing = (failing or now) if found.state is ServiceState.FAILED else None
            if failing is not None and (now - failing >= patience or now >= deadline):
                raise ServiceFailed(found.sentence, hint=found.hint)
            if now >= deadline:
                raise ServiceTimeout(
                    f"The service `{self.name}` was not ready after {timeout:.0f} seconds: {found.sentence}",
                    hint="It goes on without us; wait again, or see `diagnose()`.",
                )
            time.sleep(min(_POLL_SECONDS, max(deadline - now, 0.05)))

    def timeline(self) -> list[Moment]:
        """What happened so far, oldest first."""
        return timeline(read_snapshot(self.project, self.name))

    def events(self) -> list[str]:
        """The cluster's events about it, oldest first, as lines."""
        return event_lines(read_snapshot(self.project, self.name))

    def logs(
        self, *, tail: int = 200, container: str = SERVER, follow: bool = False, previous: bool = False
    ) -> Iterator[str]:
        """Last lines of the model server; or of `modelcar-init`, `modelcar`, `kube-rbac-proxy`.

        When the container has just crashed, the log of the run before is given. Nothing when it never ran.
        """
        current = read_snapshot(self.project, self.name).current
        if not current:
            return
        pod = current[0]
        status = next((one for one in statuses(pod) if one["name"] == container), {})
        crashed = "waiting" in (status.get("state") or {}) and bool(
            (status.get("lastState") or {}).get("terminated")
        )
        lines = self.project.logs(
            pod["metadata"]["name"], container, tail=tail, follow=follow, previous=previous or crashed
        )
        try:
            yield from lines
        except (Refused, ObjectNotFound):
            return  # the container has not started, or its pod has just gone: it has no log

    # -- changing it

    def stop(self) -> None:
        """End its pods and keep it: `start()` brings it back."""
        self._annotate({STOP: "true"})

    def start(self) -> None:
        """Start it again after `stop()`."""
        self._annotate({STOP: "false"})

    def redeploy(self, image: str) -> None:
        """Serve another image with the same settings; the present one answers until the new one does."""
        self.manifest  # noqa: B018 - raises ServiceNotFound with a better sentence
        spec: ServiceSpec = spec_of(image, self.name)
        self._known = self.project.patch(
            INFERENCE_SERVICES,
            self.name,
            {
                "metadata": {"annotations": {IMAGE_ANNOTATION: spec.image}},
                "spec": {"predictor": {"model": {"storageUri": spec.storage_uri}}},
            },
        )

    def delete(self) -> None:
        """Remove it, its private runtime and what was made for it; nothing to do when it is gone. Raises ClusterError.

        Pods, routes and the rest go with it: KServe owns them.
        """
        manifest = self.project.find(INFERENCE_SERVICES, self.name)
        runtime = _model(manifest).get("runtime") if manifest else self.name
        if manifest is not None:
            self.project.delete(INFERENCE_SERVICES, self.name)
        if runtime == self.name and self._is_private_runtime(manifest):
            self.project.delete(SERVING_RUNTIMES, self.name)
        try:
            secrets = self.project.list(SECRETS, labels=f"{MANAGED_BY}={MANAGER},{SERVICE_LABEL}={self.name}")
        except NotAllowed:
            secrets = []  # who may not see Secrets did not make one through us
        for secret in secrets:
            self.project.delete(SECRETS, secret["metadata"]["name"])

    def _is_private_runtime(self, manifest: Manifest | None) -> bool:
        """A runtime named as the service is its copy: ours by its label, the dashboard's by its template."""
        found = self.project.find(SERVING_RUNTIMES, self.name)
        if found is None:
            return False
        metadata = found["metadata"]
        ours = (metadata.get("labels") or {}).get(SERVICE_LABEL) == self.name
        copied = "opendatahub.io/template-name" in (metadata.get("annotations") or {})
        return (ours or (copied and manifest is not None)) and not self._others_use_the_runtime()

    def _others_use_the_runtime(self) -> bool:
        try:
            services = self.project.list(INFERENCE_SERVICES)
        except NotAllowed:
            return False
        return any(
            _model(one).get("runtime") == self.name
            for one in services
            if one["metadata"]["name"] != self.name
        )

    def _annotate(self, annotations: Mapping[str, str]) -> None:
        try:
            self._known = self.project.patch(
                INFERENCE_SERVICES, self.name, {"metadata": {"annotations": dict(annotations)}}
            )
        except ClusterError as error:
            if error.status == 404 and not isinstance(error, KindNotFound):
                raise ServiceNotFound(f"There is no service `{self.name}`.") from error
            raise

    def _address(self, manifest: Manifest) -> str | None:
        def predictor() -> Manifest | None:
            try:
                return self.project.find(SERVICES, f"{self.name}-predictor")
            except NotAllowed:
                return None

        return address_of(manifest, predictor)

    def _headers(self, manifest: Manifest) -> dict[str, str]:
        if not needs_token(manifest):
            return {}
        # who logged in with a certificate has no token; the workbench's own may do
        account = service_account_connection()
        token = self.project.connection.authorization() or (account.authorization() if account else None)
        return {"Authorization": token} if token else {}


def _model(manifest: Manifest) -> dict[str, Any]:
    predictor = (manifest.get("spec") or {}).get("predictor") or {}
    return dict(predictor.get("model") or {})
