"""Plays a recording for one service on the fake API: each step when the test says so."""

from __future__ import annotations

import copy
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from .cluster import KubernetesApi
from .likeness import Likeness, shift_times
from .patches import json_merge
from .recording import Recording, Step, load

Object = dict[str, Any]

#: the group of each resource in a recording
_GROUPS = {
    "inferenceservices": "serving.kserve.io",
    "deployments": "apps",
    "replicasets": "apps",
    "horizontalpodautoscalers": "autoscaling",
    "routes": "route.openshift.io",
    "builds": "build.openshift.io",
    "buildconfigs": "build.openshift.io",
    "imagestreams": "image.openshift.io",
}
#: pauses in a recording that make objects older
_PAUSE = 1.5


class Play:
    """One service's life. `advance()` does the next step; `finish()` all up to the user's next act."""

    def __init__(
        self, api: KubernetesApi, service: Object, recording: Recording, *, headless: bool = False
    ) -> None:
        self._api = api
        self._headless = headless
        self._likeness = Likeness(service, runtime_of(api, service))
        self.name = self._likeness.name
        self.namespace = self._likeness.namespace
        self.recording = recording
        self._steps: deque[Step] = deque()
        self._playing = recording
        self._at = 0.0
        #: what was made, oldest first
        self._touched: dict[tuple[str, str], None] = {}
        self._lock = threading.RLock()
        #: called with the play after each step; raise nothing
        self.after_step: Callable[[Play, Step], None] | None = None
        self.begin("create")

    def begin(self, act: str, recording: Recording | None = None) -> None:
        """The user did something: what follows is what the controllers do then."""
        with self._lock:
            source = recording or self.recording
            if act not in source.segments:
                source = load({"stop": "stop-and-start", "start": "stop-and-start", "delete": "delete"}[act])
            live = self.service
            if live is not None:
                self._likeness.look_at(live, runtime_of(self._api, live))
            if act != "create":
                self._recognise(source)
            self._playing = source
            self._steps = deque(source.segments[act])
            self._at = self._steps[0].at if self._steps else 0.0

    def _recognise(self, source: Recording) -> None:
        """The Deployment that stands here is the one that the recording means, whichever recording made it.

        Without this, what comes next would belong to a Deployment that never was, and be collected as garbage.
        """
        for step in source.segments["create"]:
            if step.resource == "deployments" and step.object:
                name = self._likeness.of(source, step.name, step.at)
                if live := self._api.get("deployments", name, self.namespace, "apps"):
                    self._likeness.adopt(step.object["metadata"]["uid"], live["metadata"]["uid"])

    @property
    def service(self) -> Object | None:
        """The InferenceService as it is now."""
        return self._api.get("inferenceservices", self.name, self.namespace, "serving.kserve.io")

    @property
    def left(self) -> int:
        """Steps until the user's next act."""
        return len(self._steps)

    def advance(self, steps: int = 1) -> Step | None:
        """Do so many steps; the last one done, or None when there is none left."""
        done = None
        for _ in range(steps):
            with self._lock:
                if not self._steps:
                    return done
                done = self._steps.popleft()
                self._grow_older(done.at - self._at)
                self._at = done.at
                with self._api.store.lock:
                    self._do(done)
            if self.after_step:
                self.after_step(self, done)
        return done

    def until(self, met: Callable[[Play], bool]) -> bool:
        """Advance until a condition holds; False when the steps ran out before."""
        while not met(self):
            if self.advance() is None:
                return met(self)
        return True

    def until_time(self, seconds: float) -> None:
        """Advance through everything that was recorded up to a time after the creation."""
        while self._steps and self._steps[0].at <= seconds:
            self.advance()

    def finish(self) -> None:
        """All steps that are left."""
        while self.advance():
            pass

    # -- doing ---------------------------------------------------------------------------------------------------------

    def _do(self, step: Step) -> None:
        group = _GROUPS.get(step.resource, "")
        name = self._likeness.of(self._playing, step.name, step.at)
        if step.type != "ADDED":
            name = self._live_name(step.resource, name, group)
        live = self._api.get(step.resource, name, self.namespace, group)
        if step.resource == "inferenceservices":
            self._do_service(step, live)
        elif step.type == "ADDED":
            obj = self._likeness.of(self._playing, step.object, step.at)
            self._put(step.resource, self._fit(step.resource, obj))
        elif step.type == "MODIFIED" and live is not None:
            patch = self._likeness.of(self._playing, step.patch, step.at)
            self._put(step.resource, self._fit(step.resource, json_merge(live, patch)))
        elif step.type == "DELETED":
            self._remove(step.resource, name, group)

    def _fit(self, resource: str, obj: Object) -> Object:
        obj = self._likeness.fit(resource, obj)
        if self._headless and resource == "services" and obj["metadata"]["name"].endswith("-predictor"):
            obj["spec"] |= {"clusterIP": "None", "clusterIPs": ["None"]}
        return obj

    def _put(self, resource: str, obj: Object) -> None:
        self._touched[resource, obj["metadata"]["name"]] = None
        self._api.put(obj)

    def _do_service(self, step: Step, live: Object | None) -> None:
        """Of the service itself only finalizers and status are the controllers'."""
        if live is None:
            return
        if step.type == "DELETED":
            self._remove("inferenceservices", self.name, "serving.kserve.io")
            return
        patch = self._likeness.of(self._playing, step.patch or {}, step.at)
        meta = patch.get("metadata") or {}
        new = copy.deepcopy(live)
        if "finalizers" in meta:
            new["metadata"]["finalizers"] = meta["finalizers"] or []
            if not new["metadata"]["finalizers"]:
                del new["metadata"]["finalizers"]
        if "status" in patch:
            new["status"] = json_merge(live.get("status") or {}, patch["status"])
            self._fit_status(new)
        if new["metadata"].get("deletionTimestamp") and not new["metadata"].get("finalizers"):
            self._remove("inferenceservices", self.name, "serving.kserve.io")
        elif new != live:
            self._api.put(new)

    def _fit_status(self, service: Object) -> None:
        status = service["status"]
        if "observedGeneration" in status:
            status["observedGeneration"] = service["metadata"].get("generation", 1)
        if status.get("servingRuntimeName"):
            status["servingRuntimeName"] = self._likeness.runtime_name
        url = status.get("url") or ""
        if url.endswith(".svc.cluster.local") and self._likeness.protected:
            status["url"] = url.replace("http://", "https://") + ":8443"
            if "url" in (status.get("address") or {}):
                status["address"]["url"] = status["url"]

    def _remove(self, resource: str, name: str, group: str) -> None:
        self._touched.pop((resource, name), None)
        if self._api.get(resource, name, self.namespace, group):
            self._api.remove(resource, name, self.namespace, group)

    def _live_name(self, resource: str, name: str, group: str) -> str:
        """What another recording calls by another name is the oldest of its kind that is still there."""
        if resource not in ("pods", "replicasets") or self._api.get(resource, name, self.namespace, group):
            return name
        for made, other in self._touched:
            if made == resource and self._api.get(resource, other, self.namespace, group):
                return other
        return name

    def _grow_older(self, seconds: float) -> None:
        """A pause in the recording: what is there has that age now, silently, as time passes."""
        if seconds < _PAUSE:
            return
        by = -timedelta(seconds=seconds)
        for resource, name in [*self._touched, ("inferenceservices", self.name)]:
            key = _GROUPS.get(resource, ""), resource, self.namespace, name
            self._api.store.rewrite(key, lambda obj: shift_times(obj, by))

    # -- logs ----------------------------------------------------------------------------------------------------------

    @property
    def pod(self) -> str | None:
        """Name of the newest pod."""
        pods = [o for o in self._api.find("pods", self.namespace)
                if (o["metadata"].get("labels") or {}).get("serving.kserve.io/inferenceservice") == self.name]  # fmt: skip
        pods.sort(key=lambda o: int(o["metadata"]["resourceVersion"]))
        return pods[-1]["metadata"]["name"] if pods else None

    def log(self, *lines: str, container: str = "kserve-container", previous: bool = False) -> None:
        """Let a container of the service print."""
        if pod := self.pod:
            self._api.logs(self.namespace, pod, container, *lines, previous=previous)


def runtime_of(api: KubernetesApi, service: Object) -> Object | None:
    """The ServingRuntime a service names, in its project or of the cluster."""
    name = (service["spec"]["predictor"].get("model") or {}).get("runtime")
    if not name:
        return None
    found = api.get("servingruntimes", name, service["metadata"]["namespace"], "serving.kserve.io")
    return found or api.get("clusterservingruntimes", name, "", "serving.kserve.io")


def wait_for(met: Callable[[], Any], seconds: float = 10, what: str = "it") -> Any:
    """The first true value of a condition; waiting for other threads, never for a fixed time."""
    deadline = time.monotonic() + seconds
    while True:
        value = met()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {seconds} s")
        time.sleep(0.01)
