"""The controller that plays OpenShift's builds: `instantiate` answers, then a recording follows."""

from __future__ import annotations

import copy
import re
import threading
import uuid
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from .cluster import KubernetesApi
from .likeness import each_string, parsed_time, shown_time
from .patches import json_merge
from .playing import wait_for
from .recording import Recording, Step, load
from .server import Request, Response
from .status import ApiError, bad_request, not_found
from .targets import Target
from .users import User

Object = dict[str, Any]
_GROUP = "build.openshift.io"
_API = f"{_GROUP}/v1"
_REGISTRY = "image-registry.openshift-image-registry.svc:5000"
_UID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class BuildPlay:
    """One build's life, step by step."""

    def __init__(self, api: KubernetesApi, build: Object, recording: Recording) -> None:
        self._api = api
        self.name = build["metadata"]["name"]
        self.namespace = build["metadata"]["namespace"]
        self.recording = recording
        self._uids = {recording.uid: build["metadata"]["uid"]}
        self._image = image_of(build)
        self._lock = threading.RLock()
        self._steps: deque[Step] = deque()
        #: called when the build pod runs: may do the work and give the image's digest
        self.work: Callable[[Object], str | None] | None = None
        self.begin("create")

    def begin(self, act: str) -> None:
        """What follows on the user's act: `create` or `cancel`."""
        with self._lock:
            source = self.recording if act in self.recording.segments else load("build-cancelled")
            self._playing = source
            self._steps = deque(step for step in source.segments[act] if not _is_the_users(step))

    @property
    def build(self) -> Object | None:
        return self._api.get("builds", self.name, self.namespace, _GROUP)

    @property
    def left(self) -> int:
        return len(self._steps)

    def advance(self) -> Step | None:
        """The next step; None when there is none left."""
        with self._lock:
            if not self._steps:
                return None
            step = self._steps.popleft()
            with self._api.store.lock:
                self._do(step)
        if self.work and step.resource == "builds" and self._phase() == "Running":
            work, self.work = self.work, None
            self._finish_work(work)
        return step

    def finish(self) -> None:
        """All steps up to the user's next act."""
        while self.advance():
            pass

    def log(self, *lines: str) -> None:
        """Let the build print."""
        self._api.logs(self.namespace, f"{self.name}-build", "docker-build", *lines)

    def _phase(self) -> str:
        return str(((self.build or {}).get("status") or {}).get("phase", ""))

    def _finish_work(self, work: Callable[[Object], str | None]) -> None:
        build = self.build
        digest = work(build) if build else None
        live = self.build
        if digest and live:
            live["status"]["output"] = {"to": {"imageDigest": digest}}
            self._api.put(live)

    def _do(self, step: Step) -> None:
        name = self._like(step.name, step.at)
        group = _GROUP if step.resource == "builds" else ""
        live = self._api.get(step.resource, name, self.namespace, group)
        if step.type == "ADDED":
            self._api.put(self._like(step.object, step.at))
        elif step.type == "DELETED" and live:
            self._api.remove(step.resource, name, self.namespace, group)
        elif live:
            patch = self._like(step.patch, step.at)
            patch.get("metadata", {}).pop("generation", None)
            self._api.put(json_merge(live, patch))

    def _like(self, value: Any, at: float) -> Any:
        then = parsed_time(self._playing.origin) + timedelta(seconds=at)
        by = datetime.now(UTC) - then
        config = self.name.rpartition("-")[0] or self.name

        def change(text: str) -> str:
            text = _UID.sub(lambda found: self._uids.setdefault(found[0], str(uuid.uuid4())), text)
            text = _TIME.sub(lambda found: shown_time(parsed_time(found[0]) + by), text)
            text = text.replace("quay.io/org/model:1", "\0image").replace(
                "127.0.0.1:5000/demo-project/model:1", "\0image"
            )
            text = text.replace("demo-project", "\0project").replace(
                "builder-dockercfg-mvm48", "builder-dockercfg-x7k2p"
            )
            text = re.sub(r"\bmodel-1\b", "\0build", text)
            text = re.sub(r"\bmodel\b", config, text)
            return (
                text.replace("\0image", self._image)
                .replace("\0project", self.namespace)
                .replace("\0build", self.name)
            )

        self._uids.setdefault(self._playing.uid, self._uids[self.recording.uid])
        return each_string(value, change)


def _is_the_users(step: Step) -> bool:
    """Steps that the fake server does itself, or that a user did."""
    return step.resource in ("buildconfigs", "imagestreams") or (
        step.resource == "builds" and step.type == "ADDED"
    )


def image_of(build: Object) -> str:
    """Where a build pushes to."""
    to = ((build["spec"].get("output") or {}).get("to")) or {}
    if to.get("kind") == "ImageStreamTag":
        return f"{_REGISTRY}/{to.get('namespace') or build['metadata']['namespace']}/{to['name']}"
    return str(to.get("name", ""))


def choose(api: KubernetesApi, build: Object) -> str:
    """The recording that fits a build's output."""
    output = build["spec"].get("output") or {}
    to, secret = output.get("to") or {}, (output.get("pushSecret") or {}).get("name")
    namespace = build["metadata"]["namespace"]
    if to.get("kind") == "ImageStreamTag":
        stream = api.get("imagestreams", to["name"].split(":")[0], namespace, "image.openshift.io")
        return "build-imagestream" if stream else "build-imagestream-missing"
    if secret and api.get("secrets", secret, namespace, "") is None:
        return "build-missing-push-secret"
    return "build-complete"


class Builds:
    """Answers `instantiate` and `instantiatebinary` and plays each build; `automatic` ones go on by themselves.

    `work(build)` is called when a build runs (it may really build) and gives the image's digest.
    """

    def __init__(
        self,
        api: KubernetesApi,
        *,
        situation: str | Recording | None = None,
        automatic: bool = True,
        work: Callable[[Object], str | None] | None = None,
    ) -> None:
        self._api = api
        self.situation = situation
        self._automatic = automatic
        self._work = work
        self.plays: dict[tuple[str, str], BuildPlay] = {}
        #: what was sent to binary builds
        self.uploads: dict[tuple[str, str], bytes] = {}
        self._stop = threading.Event()
        self._seen = api.store.revision
        self._cancelled: set[tuple[str, str]] = set()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        extensions = self._api.api.extensions
        extensions["buildconfigs", "instantiate"] = self._instantiate
        extensions["buildconfigs", "instantiatebinary"] = self._instantiate
        extensions["builds", "log"] = self._log
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for key in (
            ("buildconfigs", "instantiate"),
            ("buildconfigs", "instantiatebinary"),
            ("builds", "log"),
        ):
            self._api.api.extensions.pop(key, None)
        self._stop.set()
        with self._api.store.changed:
            self._api.store.changed.notify_all()
        self._thread.join(10)

    def play(self, name: str, namespace: str) -> BuildPlay:
        """The play of a build; waits until there is one."""
        play: BuildPlay = wait_for(lambda: self.plays.get((namespace, name)), what=f"the build {name}")
        return play

    # -- requests ------------------------------------------------------------------------------------------------------

    def _instantiate(self, target: Target, request: Request, _: User) -> Response:
        config = self._api.get("buildconfigs", target.name, target.namespace, _GROUP)
        if config is None:
            raise not_found("buildconfigs", _GROUP, target.name)
        source = config["spec"].get("source") or {}
        binary = target.subresource == "instantiatebinary"
        if source.get("type") == "Binary" and not binary:
            why = f"build configuration {target.namespace}/{target.name} has no valid source inputs, if this is a binary build you must specify '--from-dir', '--from-repo', or '--from-file'"
            raise bad_request(why)
        if self._api.get("serviceaccounts", "builder", target.namespace, "") is None:
            account = f"{target.namespace}/builder"
            why = f'error getting push/pull secrets for service account {account}: serviceaccounts "builder" not found'
            raise ApiError(500, "InternalError", f"Internal error occurred: {why}")
        number = int((config.get("status") or {}).get("lastVersion", 0)) + 1
        config["status"] = {**(config.get("status") or {}), "lastVersion": number}
        config["metadata"]["generation"] = config["metadata"].get("generation", 1) + 1
        config = self._api.put(config)
        build = self._api.put(_build(config, number))
        key = target.namespace, build["metadata"]["name"]
        if binary:
            self.uploads[key] = request.body
        play = BuildPlay(self._api, build, load(self.situation or choose(self._api, build)))
        play.work = self._work
        self.plays[key] = play
        return Response(201, build)

    def _log(self, target: Target, request: Request, _: User) -> Response:
        build = self._api.get("builds", target.name, target.namespace, _GROUP)
        if build is None:
            raise not_found("builds", _GROUP, target.name)
        phase = build["status"].get("phase")
        if phase in ("Cancelled", "Error"):
            raise bad_request(
                f"build {target.namespace}/{target.name} is in {'a cancelled' if phase == 'Cancelled' else 'an error'} state. No logs are available."
            )
        pod = self._api.get("pods", f"{target.name}-build", target.namespace, "")
        if pod is None or phase in ("New", "Pending"):
            return Response(200, b"", {}, "text/plain")
        query = {**request.query, "container": "docker-build"}
        asked = Request(request.method, request.path, query, request.headers, b"")

        def alive(_: str) -> bool:
            live = self._api.get("builds", target.name, target.namespace, _GROUP)
            return bool(live) and (live or {})["status"].get("phase") == "Running" and not self._stop.is_set()

        return Response(200, self._api.api.logs.read(pod, asked, alive), {}, "text/plain")

    # -- playing -------------------------------------------------------------------------------------------------------

    def _follow(self) -> None:
        while not self._stop.is_set():
            for key, play in list(self.plays.items()):
                self._look_for_cancel(key, play)
                while self._automatic and play.left and not self._stop.is_set():
                    play.advance()
                    self._look_for_cancel(key, play)
            with self._api.store.changed:
                if self._seen == self._api.store.revision:
                    self._api.store.changed.wait(0.2)
                self._seen = self._api.store.revision

    def _look_for_cancel(self, key: tuple[str, str], play: BuildPlay) -> None:
        status = ((play.build or {}).get("status")) or {}
        if (
            status.get("cancelled")
            and status.get("phase") in ("New", "Pending", "Running")
            and key not in self._cancelled
        ):
            self._cancelled.add(key)
            play.begin("cancel")


def _build(config: Object, number: int) -> Object:
    """The Build that an instantiation makes, with the labels of a real one."""
    meta = config["metadata"]
    spec = copy.deepcopy(config["spec"])
    for name in ("runPolicy", "successfulBuildsHistoryLimit", "failedBuildsHistoryLimit", "triggers"):
        spec.pop(name, None)
    spec.setdefault("serviceAccount", "builder")
    spec["triggeredBy"] = [{"message": "Manually triggered"}]
    owner = {
        "apiVersion": _API,
        "kind": "BuildConfig",
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
    }
    return {
        "kind": "Build",
        "apiVersion": _API,
        "metadata": {
            "name": f"{meta['name']}-{number}",
            "namespace": meta["namespace"],
            "labels": {
                **(meta.get("labels") or {}),
                "buildconfig": meta["name"],
                "openshift.io/build-config.name": meta["name"],
                "openshift.io/build.start-policy": config["spec"].get("runPolicy", "Serial"),
            },
            "annotations": {
                "openshift.io/build-config.name": meta["name"],
                "openshift.io/build.number": str(number),
            },
            "ownerReferences": [owner],
        },
        "spec": spec,
        "status": {
            "phase": "New",
            "config": {"kind": "BuildConfig", "namespace": meta["namespace"], "name": meta["name"]},
            "output": {},
        },
    }
