"""Deletion: preconditions, finalizers, grace, and who goes with what is deleted."""

from __future__ import annotations

import copy
from typing import Any

from .objects import Objects
from .resources import Resource
from .status import conflict
from .store import key_of, now

Object = dict[str, Any]


def delete(
    objects: Objects, resource: Resource, namespace: str, name: str, options: Object, *, dry: bool = False
) -> Object:
    """A Status when it is gone, the object when it waits for its finalizers."""
    with objects.store.lock:
        old = objects.get(resource, namespace, name)
        meta = old["metadata"]
        wanted = options.get("preconditions") or {}
        if wanted.get("uid") and wanted["uid"] != meta["uid"]:
            why = (
                f"the UID in the precondition ({wanted['uid']}) does not match the UID in record ({meta['uid']}). "
                "The object might have been deleted and then recreated"
            )
            raise conflict(resource.plural, resource.group, name, why)
        if wanted.get("resourceVersion") and wanted["resourceVersion"] != meta["resourceVersion"]:
            why = (
                f"the ResourceVersion in the precondition ({wanted['resourceVersion']}) does not match the "
                f"ResourceVersion in record ({meta['resourceVersion']}). The object might have been modified"
            )
            raise conflict(resource.plural, resource.group, name, why)
        gone = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": {
                k: v for k, v in (("name", name), ("group", resource.group), ("kind", resource.plural),
                                  ("uid", meta["uid"])) if v
            },
        }  # fmt: skip
        if dry:
            return gone
        key = key_of(resource, old)
        policy = options.get("propagationPolicy") or ("Orphan" if resource.plural == "jobs" else "Background")
        finalizers = list(meta.get("finalizers") or [])
        if policy == "Foreground":
            finalizers.append("foregroundDeletion")
        elif policy == "Orphan":
            finalizers.append("orphan")
        graceful = resource.plural == "pods" and (old.get("spec") or {}).get("nodeName")
        if resource.plural == "namespaces":
            graceful = True
        if not finalizers and not graceful:
            objects.store.remove(key)
            return gone
        if meta.get("deletionTimestamp"):
            return old
        new = copy.deepcopy(old)
        new["metadata"] |= {
            "deletionTimestamp": now(),
            "deletionGracePeriodSeconds": 30 if graceful else 0,
        }
        if finalizers:
            new["metadata"]["finalizers"] = list(dict.fromkeys(finalizers))
        if "generation" in new["metadata"]:
            new["metadata"]["generation"] += 1
        if resource.plural == "namespaces":
            new["status"] = {"phase": "Terminating"}
        return objects.store.put(key, new)
