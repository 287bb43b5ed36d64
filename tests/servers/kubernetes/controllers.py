"""What a cluster does by itself, a moment later: garbage, namespaces, accounts, token Secrets, quota status, Jobs that
are over."""

from __future__ import annotations

import base64
import contextlib
import copy
import threading
import time
from typing import Any

from .deleting import delete
from .objects import Objects
from .resources import Catalogue
from .status import ApiError
from .store import Change, Key, Store, now
from .users import Tokens

Object = dict[str, Any]


class Controllers:
    """One thread that follows the history, as the controllers of a cluster do."""

    def __init__(
        self,
        store: Store,
        objects: Objects,
        catalogue: Catalogue,
        tokens: Tokens,
        *,
        openshift: bool,
        authority: str,
    ) -> None:
        self._store = store
        self._objects = objects
        self._catalogue = catalogue
        self._tokens = tokens
        self._openshift = openshift
        self._authority = authority
        self._stop = threading.Event()
        self._seen = store.revision
        #: Jobs with a time to live that are over: key and uid -> when they go
        self._expiring: dict[tuple[Key, str], float] = {}
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        with self._store.changed:
            self._store.changed.notify_all()
        self._thread.join(5)

    def settle(self, seconds: float = 60) -> None:
        """Wait until everything that happened so far has been reacted to."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self._store.changed:
                if self._seen >= self._store.revision:
                    return
                self._store.changed.wait(0.05)
        raise TimeoutError("the controllers did not settle")

    def _follow(self) -> None:
        while not self._stop.is_set():
            with self._store.changed:
                revision = self._store.revision
                try:
                    changes = self._store.since(self._seen)
                except ApiError:
                    changes = []  # the history was dropped: go on from here
                if not changes:
                    self._seen = revision
                    self._store.changed.notify_all()
                    self._store.changed.wait(0.5)
                    self._expire()
                    continue
            for change in changes:
                with contextlib.suppress(ApiError):
                    self._react(change)
            self._seen = max(self._seen, changes[-1].revision)

    def _react(self, change: Change) -> None:
        plural = change.key[1]
        obj = change.object
        if change.type == "DELETED":
            self._collect(obj["metadata"]["uid"])
            if change.key[2]:
                self._try_namespace(change.key[2])
        elif obj["metadata"].get("deletionTimestamp"):
            self._finish(change.key, obj)
        if change.type == "ADDED":
            if plural == "namespaces":
                self._furnish(obj["metadata"]["name"])
            elif plural == "secrets" and obj.get("type") == "kubernetes.io/service-account-token":
                self._fill_token(change.key, obj)
            elif obj["metadata"].get("ownerReferences"):
                self._collect_orphan(change.key, obj)
        if plural == "jobs" and change.type != "DELETED":
            self._end_job(change.key, obj)
        if plural == "resourcequotas" and change.type != "DELETED":
            self._measure(change.key, obj)
        elif change.key[2] and change.type in ("ADDED", "DELETED"):
            for quota in self._store.list("", "resourcequotas", change.key[2]):
                self._measure(("", "resourcequotas", change.key[2], quota["metadata"]["name"]), quota)

    # -- garbage -----------------------------------------------------------------------------------------------------

    def _collect(self, uid: str) -> None:
        """Dependents of what is gone go too, unless another owner still lives."""
        for key, obj in self._store.all():
            refs = obj["metadata"].get("ownerReferences") or []
            if any(ref["uid"] == uid for ref in refs):
                self._collect_orphan(key, obj)

    def _collect_orphan(self, key: Key, obj: Object) -> None:
        alive = {o["metadata"]["uid"] for _, o in self._store.all()}
        refs = obj["metadata"].get("ownerReferences") or []
        if refs and not any(ref["uid"] in alive for ref in refs):
            self._delete(key)

    def _delete(self, key: Key) -> None:
        resource = self._catalogue.by_plural(key[1], key[0])
        if resource:
            with contextlib.suppress(ApiError):
                delete(self._objects, resource, key[2], key[3], {"propagationPolicy": "Background"})

    def _finish(self, key: Key, obj: Object) -> None:
        """What waits for deletion: pods end, namespaces are emptied, foreground owners outlive their dependents."""
        meta = obj["metadata"]
        finalizers = meta.get("finalizers") or []
        uid = meta["uid"]
        if "foregroundDeletion" in finalizers:
            self._collect_of(uid)
            self._drop_finalizer(key, "foregroundDeletion")
        elif "orphan" in finalizers:
            self._orphan(uid)
            self._drop_finalizer(key, "orphan")
        elif key[1] == "pods" and not finalizers:
            self._remove(key)
        elif key[1] == "namespaces":
            for other, _ in self._store.all():
                if other[2] == key[3]:
                    self._delete(other)
            with self._store.lock:
                if not any(other[2] == key[3] for other, _ in self._store.all()):
                    self._remove(key)
        if key[2]:
            self._try_namespace(key[2])

    def _try_namespace(self, name: str) -> None:
        found = self._store.get(("", "namespaces", "", name))
        if found and found["metadata"].get("deletionTimestamp"):
            self._finish(("", "namespaces", "", name), found)

    def _collect_of(self, uid: str) -> None:
        for key, obj in self._store.all():
            if any(ref["uid"] == uid for ref in obj["metadata"].get("ownerReferences") or []):
                self._delete(key)

    def _orphan(self, uid: str) -> None:
        for key, obj in self._store.all():
            refs = obj["metadata"].get("ownerReferences") or []
            if any(ref["uid"] == uid for ref in refs):
                new = copy.deepcopy(obj)
                new["metadata"]["ownerReferences"] = [ref for ref in refs if ref["uid"] != uid]
                self._store.put(key, new)

    def _drop_finalizer(self, key: Key, name: str) -> None:
        with self._store.lock:
            obj = self._store.get(key)
            if obj is None:
                return
            new = copy.deepcopy(obj)
            new["metadata"]["finalizers"] = [f for f in new["metadata"].get("finalizers") or [] if f != name]
            if not new["metadata"]["finalizers"]:
                del new["metadata"]["finalizers"]
                self._remove(key)
            else:
                self._store.put(key, new)

    def _remove(self, key: Key) -> None:
        with self._store.lock:
            if self._store.get(key):
                self._store.remove(key)

    # -- Jobs -------------------------------------------------------------------------------------------------------

    def _end_job(self, key: Key, job: Object) -> None:
        """A Job of which nothing is wanted is complete; one that is over goes after its time."""
        conditions = (job.get("status") or {}).get("conditions") or []
        over = any(c["type"] in ("Complete", "Failed") and c["status"] == "True" for c in conditions)
        if not over and job["spec"].get("completions") == 0:
            done = {"type": "Complete", "status": "True"}
            with self._store.lock:
                if found := self._store.get(key):
                    status = {"conditions": [done], "completionTime": now()}
                    self._store.put(key, {**found, "status": status})
        elif over and "ttlSecondsAfterFinished" in job["spec"]:
            due = time.monotonic() + job["spec"]["ttlSecondsAfterFinished"]
            self._expiring.setdefault((key, job["metadata"]["uid"]), due)

    def _expire(self) -> None:
        for (key, uid), due in list(self._expiring.items()):
            if time.monotonic() >= due:
                del self._expiring[key, uid]
                found = self._store.get(key)
                if found is not None and found["metadata"]["uid"] == uid:
                    self._delete(key)

    # -- furniture ---------------------------------------------------------------------------------------------------

    def _furnish(self, namespace: str) -> None:
        """Accounts and CA bundles that every namespace has."""
        bundles = {"kube-root-ca.crt": "ca.crt"}
        accounts = ["default"]
        if self._openshift:
            bundles["openshift-service-ca.crt"] = "service-ca.crt"
            accounts += ["builder", "deployer"]
        for name, entry in bundles.items():
            self._make("v1", "ConfigMap", namespace, name, {"data": {entry: self._authority}})
        for name in accounts:
            more: Object = {}
            if self._openshift:
                secret = f"{name}-dockercfg-x7k2p"
                more = {"secrets": [{"name": secret}], "imagePullSecrets": [{"name": secret}]}
                data = base64.b64encode(
                    b'{"image-registry.openshift-image-registry.svc:5000":{"auth":"dG9rZW46dA=="}}'
                )
                self._make("v1", "Secret", namespace, secret,
                           {"type": "kubernetes.io/dockercfg", "data": {".dockercfg": data.decode()}})  # fmt: skip
            self._make("v1", "ServiceAccount", namespace, name, more)

    def _make(self, api_version: str, kind: str, namespace: str, name: str, more: Object) -> None:
        resource = self._catalogue.of_kind(api_version, kind)
        if resource is None:
            return
        key = self._objects.key(resource, namespace, name)
        with self._store.lock:
            if self._store.get(key) is None and self._store.get(("", "namespaces", "", namespace)):
                meta = {"name": name, "namespace": namespace}
                self._store.put(key, {"kind": kind, "apiVersion": api_version, "metadata": meta, **more})

    def _fill_token(self, key: Key, obj: Object) -> None:
        account = (obj["metadata"].get("annotations") or {}).get("kubernetes.io/service-account.name", "")
        found = self._store.get(("", "serviceaccounts", key[2], account))
        if found is None:
            self._remove(key)  # a token of nobody is taken away
            return
        if (obj.get("data") or {}).get("token"):
            return
        new = copy.deepcopy(obj)
        token = self._tokens.issue_service_account(key[2], account, seconds=10**9).token
        new["metadata"]["annotations"]["kubernetes.io/service-account.uid"] = found["metadata"]["uid"]
        new["data"] = {
            **(new.get("data") or {}),
            "token": base64.b64encode(token.encode()).decode(),
            "ca.crt": base64.b64encode(self._authority.encode()).decode(),
            "namespace": base64.b64encode(key[2].encode()).decode(),
        }
        self._store.put(key, new)

    def _measure(self, key: Key, quota: Object) -> None:
        from .admission import _amount

        used = self._objects.admission.used(quota, key[2])
        status = {
            "hard": quota["spec"].get("hard") or {},
            "used": {name: _amount(name, value) for name, value in used.items()},
        }
        with self._store.lock:
            now = self._store.get(key)
            if now is not None and now.get("status") != status:
                self._store.put(key, {**now, "status": status})
