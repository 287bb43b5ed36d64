"""Plays OpenShift's builds on the fake API: what a real cluster was recorded to do, or a real build with buildah."""

from __future__ import annotations

import base64
import copy
import io
import json
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.servers.buildah import Buildah

from .cluster import KubernetesApi
from .recording import FOLDER
from .server import Request, Response
from .status import bad_request
from .store import now
from .targets import Target
from .users import User

Object = dict[str, Any]

DIGEST = "sha256:" + "5" * 64
_RUNNERS: dict[tuple[int, str], BuildRunner] = {}


class BuildRunner:
    """Builds of a namespace. `recording` names what happens; `hold_at` a phase at which it stops until `release()`."""

    def __init__(self, api: KubernetesApi, namespace: str, folder: Path) -> None:
        self.api, self.namespace, self.folder = api, namespace, folder
        self.recording = "build-complete"
        self.hold_at = ""
        self.buildah: Buildah | None = None
        #: status fields that the recorded end has besides
        self.ending: Object = {"output": {"to": {"imageDigest": DIGEST}}}
        self.log = ["STEP 1/2: FROM scratch", "Pushing image"]
        self.uploads: list[dict[str, bytes]] = []
        self._go = threading.Event()
        self._lines: dict[str, list[str]] = {}
        self._over: set[str] = set()
        self._changed = threading.Condition()
        self._stopping = False
        _RUNNERS[id(api), namespace] = self
        for plural, subresource in (
            ("buildconfigs", "instantiate"),
            ("buildconfigs", "instantiatebinary"),
            ("builds", "log"),
        ):
            api.api.extensions[plural, subresource] = lambda t, r, u, a=api: _RUNNERS[
                id(a), t.namespace
            ].answer(t, r, u)

    def stop(self) -> None:
        self._stopping = True
        self._go.set()
        if self.buildah:
            self.buildah.stop()
        del _RUNNERS[id(self.api), self.namespace]

    def release(self) -> None:
        self._go.set()

    def answer(self, target: Target, request: Request, user: User) -> Response:
        if target.plural == "builds":
            return self._log(target)
        config = self.api.get("buildconfigs", target.name, self.namespace)
        if config is None:
            raise bad_request(f"no {target.name}")
        binary = target.subresource == "instantiatebinary"
        if not binary and "binary" in config["spec"]["source"]:
            raise bad_request(
                f"build configuration {self.namespace}/{target.name} has no valid source inputs"
            )
        build = self._create(config)
        context = self.folder / build["metadata"]["name"]
        context.mkdir(parents=True)
        if binary:
            with tarfile.open(fileobj=io.BytesIO(request.body)) as tar:
                tar.extractall(context, filter="tar")
                self.uploads.append(
                    {m.name: tar.extractfile(m).read() for m in tar.getmembers() if m.isfile()}
                )
        else:
            (context / "Dockerfile").write_text(config["spec"]["source"]["dockerfile"])
        threading.Thread(target=self._run, args=(build["metadata"]["name"], context), daemon=True).start()
        return Response(201, build)

    def _create(self, config: Object) -> Object:
        meta = config["metadata"]
        version = (config.get("status") or {}).get("lastVersion", 0) + 1
        self.api.put({**config, "status": {"lastVersion": version}})
        labels = {
            **meta.get("labels", {}),
            "buildconfig": meta["name"],
            "openshift.io/build-config.name": meta["name"],
        }
        owner = {
            "apiVersion": "build.openshift.io/v1",
            "kind": "BuildConfig",
            "name": meta["name"],
            "uid": meta["uid"],
            "controller": True,
        }
        spec = {k: v for k, v in config["spec"].items() if not k.endswith(("Limit", "Policy", "triggers"))}
        return self.api.put(
            {
                "apiVersion": "build.openshift.io/v1",
                "kind": "Build",
                "metadata": {
                    "name": f"{meta['name']}-{version}",
                    "namespace": self.namespace,
                    "labels": labels,
                    "annotations": {"openshift.io/build-config.name": meta["name"]},
                    "ownerReferences": [owner],
                },
                "spec": copy.deepcopy(spec),
                "status": {"phase": "New", "output": {}},
            }
        )

    # -- running -------------------------------------------------------------------------------------------------------

    def _run(self, name: str, context: Path) -> None:
        if self.buildah:
            self._build(name, context)
            return
        status: Object = {"phase": "New"}
        for recorded in self._recorded():
            status = dict(recorded)
            if status["phase"] == "Running":
                for line in self.log:
                    self._tell(name, line)
            if status["phase"] in ("Complete", "Failed"):
                status |= self.ending
            if not self._status(name, status):
                break
            if status["phase"] == self.hold_at:
                while not self._go.wait(0.05) and not self._cancelled(name):
                    if self._stopping:
                        return
            if self._cancelled(name):
                break
        # What a build waits for when a recording ends may never come, but it may still be cancelled.
        while status["phase"] in ("New", "Pending", "Running") and not self._stopping:
            if self._cancelled(name):
                self._status(name, {**status, "phase": "Cancelled", "reason": "CancelledBuild"})
                break
            time.sleep(0.05)
        self._close(name)

    def _recorded(self) -> Iterator[Object]:
        for line in (FOLDER / f"{self.recording}.jsonl").read_text().splitlines():
            change = json.loads(line)
            if change["resource"] == "builds" and change["type"] == "ADDED":
                status = change["object"]["status"]
                yield copy.deepcopy(status)
            elif change["resource"] == "builds" and "status" in (
                change.get("patch") or change.get("object") or {}
            ):
                status = status | (change.get("patch") or change["object"])["status"]
                if not status.get("cancelled"):
                    yield copy.deepcopy(status)

    def _build(self, name: str, context: Path) -> None:
        """As the builder's pod does: Containerfile, volumes, push."""
        assert self.buildah is not None
        build = self.api.get("builds", name, self.namespace)
        assert build is not None
        docker = build["spec"]["strategy"]["dockerStrategy"]
        folder = None
        for volume in docker.get("volumes", ()):
            folder = self.folder / f"{name}-secrets"
            folder.mkdir()
            secret = self.api.get("secrets", volume["source"]["secret"]["secretName"], self.namespace)
            for key, value in ((secret or {}).get("data") or {}).items():
                (folder / key).write_bytes(base64.b64decode(value))
                (folder / key).chmod(0o644)
        self._status(name, {"phase": "Running", "output": {}})
        tag = f"localhost/{name}"
        code = self.buildah.bud(context, tag, folder, lambda line: self._tell(name, line))
        reason, digest = "DockerBuildFailed", ""
        if code == 0:
            reason = "PushImageToRegistryFailed"
            image = build["spec"]["output"]["to"]["name"]
            authfile = self._authfile(name, build["spec"]["output"].get("pushSecret"))
            code, digest = self.buildah.push(tag, image, lambda line: self._tell(name, line), authfile)
        if self._cancelled(name):
            status = {"phase": "Cancelled", "reason": "CancelledBuild"}
        elif code:
            status = {"phase": "Failed", "reason": reason, "logSnippet": "\n".join(self._lines[name][-5:])}
        else:
            stages = [{"name": stage} for stage in ("FetchInputs", "PullImages", "Build", "PushImage")]
            output = {"to": {"imageDigest": digest}}
            status = {"phase": "Complete", "output": output, "stages": stages, "duration": 10**9}
        self._status(name, {**status, "completionTimestamp": now()})
        self._close(name)

    def _authfile(self, name: str, named: Object | None) -> Path | None:
        if named is None:
            return None
        secret = self.api.get("secrets", named["name"], self.namespace)
        assert secret is not None
        file = self.folder / f"{name}-auth.json"
        file.write_bytes(base64.b64decode(secret["data"][".dockerconfigjson"]))
        return file

    def _status(self, name: str, status: Object) -> bool:
        with self.api.store.lock:
            build = self.api.get("builds", name, self.namespace)
            if build is None:
                return False
            kept = {"cancelled": True} if build["status"].get("cancelled") else {}
            self.api.put({**build, "status": {"output": {}, **status, **kept}})
        return True

    def _cancelled(self, name: str) -> bool:
        build = self.api.get("builds", name, self.namespace)
        return build is None or bool(build["status"].get("cancelled"))

    # -- the log -------------------------------------------------------------------------------------------------------

    def _tell(self, name: str, line: str) -> None:
        with self._changed:
            self._lines.setdefault(name, []).append(line)
            self._changed.notify_all()

    def _close(self, name: str) -> None:
        with self._changed:
            self._over.add(name)
            self._changed.notify_all()

    def lines(self, name: str) -> list[str]:
        return list(self._lines.get(name, []))

    def _log(self, target: Target) -> Response:
        build = self.api.get("builds", target.name, self.namespace)
        phase = ((build or {}).get("status") or {}).get("phase")
        if phase in ("Cancelled", "Error"):
            raise bad_request(f"build {target.name} is in a {phase} state")
        return Response(200, self._pieces(target.name), {}, "text/plain")

    def _pieces(self, name: str) -> Iterator[bytes]:
        at = 0
        while True:
            with self._changed:
                lines = self._lines.get(name, [])[at:]
                over = name in self._over or self._stopping
                if not lines and not over:
                    self._changed.wait(0.2)
                    continue
            at += len(lines)
            yield "".join(f"{line}\n" for line in lines).encode()
            if over:
                return


def wait_for_phase(api: KubernetesApi, namespace: str, phase: str, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not any(one["status"]["phase"] == phase for one in api.find("builds", namespace)):
        assert time.monotonic() < deadline, f"no build is {phase}"
        time.sleep(0.05)
