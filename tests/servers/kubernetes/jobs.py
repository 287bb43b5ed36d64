"""Plays Job controller and kubelet: each Job's pod runs as a real process, its volumes laid out as files.

What the process prints is the pod's log; its end is the pod's. Only the standard library and what the volumes bring
can be imported by a pod's `python3`, as in a bare Python container.
"""

from __future__ import annotations

import base64
import contextlib
import copy
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from .cluster import KubernetesApi
from .network import Network
from .resolver import sitecustomize
from .store import now

Object = dict[str, Any]

#: a file of every container, whose content is in the pod's status when it has ended
TERMINATION_LOG = "/dev/termination-log"


class JobRunner:
    """Run the Jobs of a namespace. `hold()` keeps pods from starting, `kill()` ends the running process as a node's
    trouble would, `refuse` is the message with which pods are not made (quota, policy), `waiting` a reason and message
    with which containers do not start. `network` gives pods the names of the fake cluster's network, `environment`
    further variables."""

    def __init__(
        self,
        api: KubernetesApi,
        namespace: str,
        folder: Path,
        *,
        network: Network | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.api = api
        self._network = network
        self._more = environment or {}
        self.namespace = namespace
        self.folder = folder
        self.refuse = ""
        self.waiting: tuple[str, str] | None = None
        self.unschedulable = ""
        self.commands: list[list[str]] = []
        self.environments: list[dict[str, str]] = []
        self._go = threading.Event()
        self._go.set()
        self._stop = threading.Event()
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._exit_reason = ""
        self._known: set[str] = set()
        self._begun: dict[str, float] = {}
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._go.set()
        for process in list(self._processes.values()):
            process.kill()
        self._thread.join(10)

    def hold(self) -> None:
        self._go.clear()

    def release(self) -> None:
        self._go.set()

    def kill(self, reason: str = "Error") -> None:
        """`kill -9` for what runs now; the container's state says `reason`."""
        self._exit_reason = reason
        for process in list(self._processes.values()):
            process.kill()

    def terminate(self) -> None:
        """What runs now is asked to end, as pods are that somebody deletes."""
        for process in list(self._processes.values()):
            process.terminate()

    def _loop(self) -> None:
        while not self._stop.is_set():
            for job in self.api.find("jobs", self.namespace):
                uid = job["metadata"]["uid"]
                if uid not in self._known and job["spec"].get("completions") != 0:
                    self._known.add(uid)
                    threading.Thread(target=self._run_job, args=(job,), daemon=True).start()
            with self.api.store.changed:
                self.api.store.changed.wait(0.2)

    def _alive(self, job: Object) -> bool:
        found = self.api.get("jobs", job["metadata"]["name"], self.namespace)
        return bool(found) and found["metadata"]["uid"] == job["metadata"]["uid"] and not self._stop.is_set()

    def _run_job(self, job: Object) -> None:
        spec = job["spec"]
        self._begun[job["metadata"]["uid"]] = time.monotonic()
        self._job_status(job, {"active": 1, "startTime": now()})
        attempts = spec.get("backoffLimit", 6) + 1
        for attempt in range(attempts):
            while self.refuse and self._alive(job):
                self._event(job["metadata"]["name"], "Job", "FailedCreate", f"Error creating: {self.refuse}")
                time.sleep(0.1)
            if not self._alive(job):
                return
            code = self._run_pod(job, attempt)
            if code is None:
                return
            if code and self._overdue(job):
                self._failed(job, "DeadlineExceeded")
                return
            if code == 0:
                condition = {"type": "Complete", "status": "True"}
                self._job_status(job, {"succeeded": 1, "conditions": [condition], "completionTime": now()})
                return
            if code in _fatal(spec):
                self._failed(job, "PodFailurePolicy")
                return
        self._failed(job, "BackoffLimitExceeded")

    def _overdue(self, job: Object) -> bool:
        seconds = job["spec"].get("activeDeadlineSeconds")
        begun = self._begun[job["metadata"]["uid"]]
        return seconds is not None and time.monotonic() - begun > seconds

    def _failed(self, job: Object, reason: str) -> None:
        condition = {"type": "Failed", "status": "True", "reason": reason}
        self._job_status(job, {"failed": 1, "conditions": [condition]})

    def _run_pod(self, job: Object, attempt: int) -> int | None:
        """Exit status of the process; None when the Job was deleted meanwhile."""
        template = job["spec"]["template"]
        name = f"{job['metadata']['name']}-{uuid.uuid4().hex[:5]}"
        owner = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "name": job["metadata"]["name"],
            "uid": job["metadata"]["uid"],
            "controller": True,
        }
        labels = {**template["metadata"].get("labels", {}), "job-name": job["metadata"]["name"]}
        meta = {"name": name, "namespace": self.namespace, "labels": labels, "ownerReferences": [owner]}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": copy.deepcopy(template["spec"])}
        self._pod_status(pod, "Pending", {"waiting": {"reason": "ContainerCreating"}})
        while self._alive(job) and (not self._go.is_set() or self.waiting or self.unschedulable):
            if self.unschedulable:
                condition = {
                    "type": "PodScheduled",
                    "status": "False",
                    "reason": "Unschedulable",
                    "message": self.unschedulable,
                }
                self._pod_status(pod, "Pending", None, conditions=[condition])
            elif self.waiting:
                reason, message = self.waiting
                self._pod_status(pod, "Pending", {"waiting": {"reason": reason, "message": message}})
            time.sleep(0.05)
        root = self.folder / name
        mounts = self._lay_out(job, pod, root)
        if mounts is None:
            return None
        mounts[TERMINATION_LOG] = str(root / "termination-log")
        container = pod["spec"]["containers"][0]
        command = [_inside(word, mounts) for word in container["command"] + container.get("args", [])]
        if command[0] == "python3":
            command[:1] = [sys.executable, "-I", "-S", *([sitecustomize.__file__] if self._network else [])]
        environment = self._environment(container, mounts)
        self.commands.append(command)
        self.environments.append(environment)
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, cwd=root
        )
        self._processes[name] = process
        self._pod_status(pod, "Running", {"running": {"startedAt": now()}})
        watcher = threading.Thread(target=self._end_with, args=(job, process), daemon=True)
        watcher.start()
        assert process.stdout is not None
        for line in process.stdout:
            self.api.logs(self.namespace, name, container["name"], line.rstrip("\n"))
        code = process.wait()
        self._processes.pop(name, None)
        if not self._alive(job):
            return None
        code = 128 - code if code < 0 else code
        reason = (self._exit_reason or "Error") if code else "Completed"
        self._exit_reason = ""
        terminated = {"exitCode": code, "reason": reason, "finishedAt": now()}
        if (left := Path(mounts[TERMINATION_LOG])).exists():
            terminated["message"] = left.read_text()[:4096]
        self._pod_status(pod, "Failed" if code else "Succeeded", {"terminated": terminated})
        return code

    def _end_with(self, job: Object, process: subprocess.Popen[str]) -> None:
        while process.poll() is None:
            if not self._alive(job):
                process.kill()
                return
            if self._overdue(job):
                process.terminate()
            with self.api.store.changed:
                self.api.store.changed.wait(0.2)

    def _lay_out(self, job: Object, pod: Object, root: Path) -> dict[str, str] | None:
        """Volumes as folders: mount path -> folder. Waits for what a volume names; None when the Job goes."""
        volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
        mounts: dict[str, str] = {}
        for mount in pod["spec"]["containers"][0].get("volumeMounts") or ():
            volume = volumes[mount["name"]]
            folder = root / mount["name"]
            folder.mkdir(parents=True, exist_ok=True)
            if "configMap" in volume or "secret" in volume:
                kind, name = (
                    ("configmaps", volume["configMap"]["name"])
                    if "configMap" in volume
                    else ("secrets", volume["secret"]["secretName"])
                )
                while (found := self.api.get(kind, name, self.namespace)) is None:
                    if not self._alive(job):
                        return None
                    time.sleep(0.05)
                _write(found, folder, (volume.get("configMap") or {}).get("items"))
                mounts[mount["mountPath"]] = str(folder)
        return mounts

    def _environment(self, container: Object, mounts: dict[str, str]) -> dict[str, str]:
        environment = {"PATH": "/usr/bin:/bin", **self._more}
        if self._network:
            environment["ODH_OCI_TEST_HOSTS"] = self._network.environment()["ODH_OCI_TEST_HOSTS"]
        for variable in container.get("env") or ():
            if "value" in variable:
                environment[variable["name"]] = _inside(variable["value"], mounts)
            else:
                wanted = variable["valueFrom"]["secretKeyRef"]
                secret = self.api.get("secrets", wanted["name"], self.namespace) or {}
                value = (secret.get("data") or {}).get(wanted["key"])
                if value is not None:
                    environment[variable["name"]] = base64.b64decode(value).decode()
        return environment

    def _pod_status(
        self, pod: Object, phase: str, state: Object | None, conditions: list[Object] | None = None
    ) -> None:
        container = pod["spec"]["containers"][0]
        status: Object = {"phase": phase, "conditions": conditions or []}
        if state is not None:
            status["containerStatuses"] = [
                {
                    "name": container["name"],
                    "image": container["image"],
                    "ready": "running" in state,
                    "restartCount": 0,
                    "state": state,
                }
            ]
        with self.api.store.lock:  # what was deleted meanwhile does not come back
            if phase == "Pending" or self.api.get("pods", pod["metadata"]["name"], self.namespace):
                self.api.put({**pod, "status": status})

    def _job_status(self, job: Object, status: Object) -> None:
        with self.api.store.lock, contextlib.suppress(LookupError):
            found = self.api.get("jobs", job["metadata"]["name"], self.namespace)
            if found:
                self.api.put({**found, "status": status})

    def _event(self, name: str, kind: str, reason: str, message: str) -> None:
        self.api.put(
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": f"{name}.{reason.lower()}", "namespace": self.namespace},
                "involvedObject": {"kind": kind, "name": name, "namespace": self.namespace},
                "reason": reason,
                "message": message,
                "type": "Warning",
            }
        )


def _fatal(spec: Object) -> set[int]:
    codes: set[int] = set()
    for rule in (spec.get("podFailurePolicy") or {}).get("rules") or ():
        if rule["action"] == "FailJob" and "onExitCodes" in rule:
            codes |= set(rule["onExitCodes"]["values"])
    return codes


def _write(found: Object, folder: Path, items: list[Object] | None) -> None:
    """Each entry as a file; with `items` only those, where they say."""
    secret = found["kind"] == "Secret"
    content = {
        name: base64.b64decode(value) if secret else value.encode()
        for name, value in (found.get("data") or {}).items()
    }
    content |= {name: base64.b64decode(value) for name, value in (found.get("binaryData") or {}).items()}
    paths = {item["key"]: item["path"] for item in items} if items else {name: name for name in content}
    for name, path in paths.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content[name])


def _inside(text: str, mounts: dict[str, str]) -> str:
    for path, folder in sorted(mounts.items(), reverse=True):
        if text == path or text.startswith(path + "/"):
            return folder + text[len(path) :]
    return text
