"""Makes recorded objects those of a service at hand: names, uids, images, times, ports."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from .recording import Recording

Object = dict[str, Any]

_UID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_RECORDED_SERVICE = re.compile(r"\bdemo\b")
_RECORDED_PROJECT = "demo-project"
_RECORDED_IMAGE = "quay.io/org/model:1"


def each_string(value: Any, change: Callable[[str], str]) -> Any:
    """The same JSON value with every string changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [each_string(item, change) for item in value]
    if isinstance(value, dict):
        return {name: each_string(item, change) for name, item in value.items()}
    return value


def shift_times(value: Any, by: timedelta) -> Any:
    """The same JSON value with every time moved."""

    def moved(text: str) -> str:
        return (
            _TIME.sub(lambda found: shown_time(parsed_time(found[0]) + by), text)
            if _TIME.search(text)
            else text
        )

    return each_string(value, moved)


def parsed_time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def shown_time(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


class Likeness:
    """Replaces what is recorded by what is live, for one service."""

    def __init__(self, service: Object, runtime: Object | None) -> None:
        self.name = service["metadata"]["name"]
        self.namespace = service["metadata"]["namespace"]
        self._uid = service["metadata"]["uid"]
        self._uids: dict[str, str] = {}
        self.look_at(service, runtime)

    def look_at(self, service: Object, runtime: Object | None) -> None:
        """The service as it is now (its image, its runtime) is what the next steps show."""
        model = service["spec"]["predictor"].get("model") or {}
        self.service = service
        self.model = model
        self.image = (model.get("storageUri") or "").split("://", 1)[-1] or _RECORDED_IMAGE
        containers = ((runtime or {}).get("spec") or {}).get("containers") or [{}]
        self.container = next((c for c in containers if c.get("name") == "kserve-container"), containers[0])
        self.runtime_name = model.get("runtime") or (runtime or {"metadata": {}})["metadata"].get("name", "")
        ports = self.container.get("ports") or [{}]
        self.port = int(ports[0].get("containerPort") or 8080)
        notes = service["metadata"].get("annotations") or {}
        self.protected = notes.get("security.opendatahub.io/enable-auth") == "true"

    def adopt(self, recorded: str, live: str) -> None:
        """What a recording calls by this uid stands here under another."""
        self._uids[recorded] = live

    def of(self, recording: Recording, value: Any, at: float) -> Any:
        """A recorded value as it is for this service, at a step whose time is now."""
        self._uids.setdefault(recording.uid, self._uid)
        then = parsed_time(recording.origin) + timedelta(seconds=at)
        by = datetime.now(UTC) - then

        def change(text: str) -> str:
            text = _UID.sub(lambda found: self._uids.setdefault(found[0], str(uuid.uuid4())), text)
            if _TIME.search(text):
                text = _TIME.sub(lambda found: shown_time(parsed_time(found[0]) + by), text)
            if recording.runtime_image and self.container.get("image"):
                text = text.replace(recording.runtime_image, "\0runtime")
            repository, tag = _RECORDED_IMAGE.rsplit(":", 1)
            text = text.replace(_RECORDED_IMAGE, "\0image")
            text = text.replace(f"manifest {tag} in {repository}", "\0manifest").replace(
                repository, "\0repository"
            )
            text = text.replace(_RECORDED_PROJECT, "\0project")
            text = _RECORDED_SERVICE.sub(self.name, text)
            live, live_tag = _split(self.image)
            return (
                text.replace("\0runtime", self.container.get("image", ""))
                .replace("\0image", self.image)
                .replace("\0manifest", f"manifest {live_tag} in {live}")
                .replace("\0repository", live)
                .replace("\0project", self.namespace)
            )

        return each_string(value, change)

    def fit(self, resource: str, obj: Object) -> Object:
        """What depends on this service's own settings: its container, secrets, ports."""
        if resource == "pods":
            self._fit_pod(obj["spec"])
        elif resource in ("deployments", "replicasets"):
            self._fit_pod(obj["spec"]["template"]["spec"])
        elif resource == "services" and obj["metadata"]["name"].endswith("-predictor"):
            self._fit_service(obj["spec"])
        return obj

    def _fit_pod(self, spec: Object) -> None:
        predictor = self.service["spec"]["predictor"]
        for container in spec.get("containers") or []:
            if container["name"] == "kserve-container" and self.container.get("image"):
                args = [*(self.container.get("args") or []), *(self.model.get("args") or [])]
                container["image"] = self.container["image"]
                container["args"] = [arg.replace("{{.Name}}", self.name) for arg in args]
                container["ports"] = [{"containerPort": self.port, "protocol": "TCP"}]
                if self.model.get("resources"):
                    container["resources"] = self.model["resources"]
        spec.pop("imagePullSecrets", None)
        if predictor.get("imagePullSecrets"):
            spec["imagePullSecrets"] = predictor["imagePullSecrets"]
        if predictor.get("serviceAccountName"):
            spec["serviceAccountName"] = spec["serviceAccount"] = predictor["serviceAccountName"]

    def _fit_service(self, spec: Object) -> None:
        if self.protected:
            spec["ports"] = [{"name": "https", "protocol": "TCP", "port": 8443, "targetPort": "https"}]
        else:
            spec["ports"] = [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": self.port}]


def _split(image: str) -> tuple[str, str]:
    """Repository and tag or digest of an image."""
    if "@" in image:
        repository, digest = image.split("@", 1)
        return repository, digest
    repository, _, tag = image.rpartition(":")
    return (repository, tag) if repository and "/" not in tag else (image, "latest")
