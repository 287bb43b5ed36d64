"""Create, change and delete objects: the part of a server between the path and the store."""

from __future__ import annotations

import copy
import json
import uuid
from pathlib import Path
from typing import Any

import yaml

from . import kinds, names, ownership, patches, schemas
from .admission import Admission
from .documents import as_version, check_fields, check_kind, decode, load
from .resources import Catalogue, Resource
from .server import Request
from .shapes import shape_of
from .status import (
    ApiError,
    FieldError,
    already_exists,
    bad_request,
    conflict,
    forbidden,
    invalid,
    not_found,
    required,
)
from .store import Key, Store, key_of, now
from .users import User

Object = dict[str, Any]

_SERVER_SIDE = ("uid", "resourceVersion", "creationTimestamp", "generation", "selfLink", "managedFields",
                "deletionTimestamp", "deletionGracePeriodSeconds")  # fmt: skip


class Objects:
    def __init__(
        self, store: Store, catalogue: Catalogue, admission: Admission, schemas_folder: Path | None
    ) -> None:
        self.store = store
        self._schemas = schemas_folder
        self.catalogue = catalogue
        self.admission = admission

    def _shape(self, resource: Resource) -> Object | None:
        return shape_of(resource, self._schemas)

    # -- reading ---------------------------------------------------------------------------------------------------

    def key(self, resource: Resource, namespace: str, name: str) -> Key:
        return resource.group, resource.plural, namespace if resource.namespaced else "", name

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        found = self.store.get(self.key(resource, namespace, name))
        if found is None:
            raise not_found(resource.plural, resource.group, name)
        return as_version(resource, found)

    # -- creating --------------------------------------------------------------------------------------------------

    def create(
        self,
        resource: Resource,
        namespace: str,
        obj: Object,
        user: User,
        request: Request,
        warnings: list[str],
    ) -> Object:
        check_kind(resource, obj)
        check_fields(resource, self._shape(resource), obj, request, warnings)
        obj = copy.deepcopy(obj)
        meta = obj["metadata"]
        self._check_namespace(resource, namespace, meta)
        for name in _SERVER_SIDE:
            meta.pop(name, None)
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = names.generated(meta["generateName"])
        meta |= {"uid": str(uuid.uuid4()), "creationTimestamp": now()}
        if resource.generation or resource.custom:
            meta["generation"] = 1
        if resource.custom and "status" in resource.subresources:
            obj.pop("status", None)
        dry = _dry_run(request)
        with self.store.lock:
            self._check_namespace_exists(resource, namespace, meta.get("name", ""))
            if meta.get("name") and self.store.get(key_of(resource, obj)):
                raise already_exists(resource.plural, resource.group, meta["name"])
            obj = self.admission.mutate(resource, obj, None, namespace, warnings)
            self._settle(resource, obj, None, namespace)
            if not resource.custom and (status := kinds.initial_status(resource)) is not None:
                obj["status"] = status
            self.admission.validate(resource, obj, None, namespace, user)
            ownership.note_update(resource, None, obj, _manager(request))
            if dry:
                return obj
            return self.store.put(key_of(resource, obj), obj)

    def _check_namespace(self, resource: Resource, namespace: str, meta: Object) -> None:
        if not resource.namespaced:
            meta.pop("namespace", None)
            return
        if not namespace:
            raise ApiError(
                405, "MethodNotAllowed", "the server does not allow this method on the requested resource"
            )
        if meta.get("namespace") not in (None, "", namespace):
            raise bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        meta["namespace"] = namespace

    def _check_namespace_exists(self, resource: Resource, namespace: str, name: str) -> None:
        if not resource.namespaced:
            return
        found = self.store.get(("", "namespaces", "", namespace))
        if found is None:
            raise not_found("namespaces", "", namespace)
        if found["metadata"].get("deletionTimestamp"):
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            cause = {
                "reason": "NamespaceTerminating",
                "message": f"namespace {namespace} is being terminated",
                "field": "metadata.namespace",
            }
            raise forbidden(resource.plural, resource.group, name, why, [cause])

    def _settle(self, resource: Resource, obj: Object, old: Object | None, namespace: str) -> None:
        """Defaults and checks, in the order of a server."""
        if resource.schema is not None:
            schemas.prune(obj, resource.schema)
            schemas.apply_defaults(obj, resource.schema)
        kinds.prepare(resource, obj, namespace)
        errors: list[FieldError] = names.check_metadata(resource, obj)
        if resource.schema is not None:
            errors += schemas.errors(obj, resource.schema)
        errors += kinds.check(resource, obj, old)
        if errors:
            raise invalid(resource.kind, resource.group, obj["metadata"].get("name", ""), errors)

    # -- changing --------------------------------------------------------------------------------------------------

    def update(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        sub: str,
        user: User,
        request: Request,
        warnings: list[str],
    ) -> Object:
        new = decode(request)
        check_kind(resource, new)
        check_fields(resource, self._shape(resource), new, request, warnings)
        if new["metadata"].get("name") != name:
            given = new["metadata"].get("name", "")
            raise bad_request(f"the name of the object ({given}) does not match the name on the URL ({name})")
        if resource.namespaced and new["metadata"].get("namespace") not in (None, "", namespace):
            raise bad_request("the namespace of the object does not match the namespace on the URL")
        with self.store.lock:
            old = self.get(resource, namespace, name)
            if resource.custom and not new["metadata"].get("resourceVersion"):
                field = FieldError(
                    "metadata.resourceVersion", "Invalid value: 0x0: must be specified for an update"
                )
                raise invalid(resource.kind, resource.group, name, [field])
            return self._change(resource, old, new, sub, user, request, warnings, _manager(request))

    def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        sub: str,
        user: User,
        request: Request,
        warnings: list[str],
    ) -> tuple[Object, bool]:
        """The object after a patch, and whether a server-side apply made it."""
        kind = request.headers.get("content-type", "").split(";")[0].strip()
        if kind in ("application/apply-patch+yaml", "application/apply-patch+cbor"):
            return self._apply(resource, namespace, name, sub, user, request, warnings)
        if kind == "application/strategic-merge-patch+json" and not resource.custom:
            merge = patches.strategic_merge
        elif kind == "application/merge-patch+json":
            merge = patches.json_merge
        elif kind == "application/json-patch+json":
            merge = patches.json_patch
        else:
            accepted = [
                "application/json-patch+json",
                "application/merge-patch+json",
                "application/apply-patch+yaml",
            ]
            if not resource.custom:
                accepted.insert(2, "application/strategic-merge-patch+json")
            raise ApiError(
                415,
                "UnsupportedMediaType",
                "the body of the request was in an unknown format - accepted media types include: "
                + ", ".join(accepted),
            )
        change = load(request.body)
        with self.store.lock:
            old = self.get(resource, namespace, name)
            new = merge(old, change)
            if new["metadata"].get("name") != name:
                raise bad_request(
                    f"the name of the object ({new['metadata'].get('name', '')}) does not match the name on the URL ({name})"
                )
            check_fields(resource, self._shape(resource), new, request, warnings)
            return self._change(resource, old, new, sub, user, request, warnings, _manager(request)), False

    def _change(
        self, resource: Resource, old: Object, new: Object, sub: str, user: User, request: Request,
        warnings: list[str], manager: str | None,
    ) -> Object:  # fmt: skip
        """Store a new state of an object; `manager` None when ownership is written already (apply)."""
        meta, was = new["metadata"], old["metadata"]
        self._check_preconditions(resource, meta, was)
        new = copy.deepcopy(new)
        meta = new["metadata"]
        for name in ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds",
                     "resourceVersion", "namespace", "selfLink"):  # fmt: skip
            meta.pop(name, None)
            if name in was:
                meta[name] = was[name]
        if manager is not None and meta.get("managedFields") != []:
            meta["managedFields"] = was.get("managedFields")
            if not meta["managedFields"]:
                del meta["managedFields"]
        if sub == "status":
            owners = meta.get("managedFields")
            new = {**copy.deepcopy(old), "status": new.get("status", {})}
            if manager is None and owners:
                new["metadata"]["managedFields"] = owners
        elif "status" in resource.subresources:
            new.pop("status", None)
            if "status" in old:
                new["status"] = old["status"]
        namespace = was.get("namespace", "")
        if sub != "status":
            new = self.admission.mutate(resource, new, old, namespace, warnings)
        self._settle(resource, new, old, namespace)
        if sub != "status":
            self.admission.validate(resource, new, old, namespace, user)
        if (resource.generation or resource.custom) and _content(resource, old) != _content(resource, new):
            new["metadata"]["generation"] = was.get("generation", 1) + 1
        if manager is not None:
            ownership.note_update(resource, old, new, manager, sub)
        return self._keep(resource, old, new, dry=_dry_run(request))

    def _keep(self, resource: Resource, old: Object, new: Object, *, dry: bool) -> Object:
        key = key_of(resource, old)
        if new == old:
            return old  # nothing changed: no new revision, as on a real server
        if dry:
            return new
        stored = self.store.put(key, new)
        if stored["metadata"].get("deletionTimestamp") and not stored["metadata"].get("finalizers"):
            return self.store.remove(key)
        return stored

    def _check_preconditions(self, resource: Resource, meta: Object, was: Object) -> None:
        name = was["name"]
        if meta.get("uid") and meta["uid"] != was["uid"]:
            why = f"Precondition failed: UID in precondition: {meta['uid']}, UID in object meta: {was['uid']}"
            raise conflict(resource.plural, resource.group, name, why)
        if meta.get("resourceVersion") and meta["resourceVersion"] != was["resourceVersion"]:
            raise conflict(resource.plural, resource.group, name)

    def _apply(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        sub: str,
        user: User,
        request: Request,
        warnings: list[str],
    ) -> tuple[Object, bool]:
        manager = request.query.get("fieldManager", "")
        if not manager:
            field = required("fieldManager", "is required for apply patch")
            raise invalid("PatchOptions", "meta.k8s.io", "", [field])
        try:
            config = yaml.load(request.body, Loader=yaml.CSafeLoader)
        except yaml.YAMLError as error:
            raise bad_request(f"error decoding YAML: {error}") from error
        check_kind(resource, config)
        if config["metadata"].get("managedFields"):
            raise bad_request("metadata.managedFields must be nil")
        if config["metadata"].setdefault("name", name) != name:
            raise bad_request(
                f"the name of the object ({config['metadata']['name']}) does not match the name on the URL ({name})"
            )
        unknown = schemas.unknown_fields(config, self._shape(resource) or resource.schema)
        if unknown:
            what = (
                f"{namespace + '/' if namespace else ''}{name}; {resource.api_version}, Kind={resource.kind}"
            )
            text = (
                f"failed to create typed patch object ({what}): .{unknown[0]}: field not declared in schema"
            )
            raise ApiError(500, "", text)
        if sub != "status" and "status" in resource.subresources:
            config.pop("status", None)
        with self.store.lock:
            old = self.store.get(self.key(resource, namespace, name))
            if old is None:
                if sub:
                    raise not_found(resource.plural, resource.group, name)
                return self._create_applied(
                    resource, namespace, config, manager, user, request, warnings
                ), True
            old = as_version(resource, old)
            self._check_preconditions(resource, config["metadata"], old["metadata"])
            kinds_config = copy.deepcopy(config)
            if resource.plural == "secrets":
                kinds.prepare(resource, kinds_config, namespace)
            new = ownership.apply(
                resource, old, kinds_config, manager, force=request.flag("force"), subresource=sub
            )
            return self._change(resource, old, new, sub, user, request, warnings, None), False

    def _create_applied(
        self, resource: Resource, namespace: str, config: Object, manager: str, user: User, request: Request,
        warnings: list[str],
    ) -> Object:  # fmt: skip
        created = self.create(resource, namespace, config, user, request, warnings)
        plain = {**config, "metadata": {k: v for k, v in config["metadata"].items() if k not in _SERVER_SIDE}}
        if resource.plural == "secrets":
            plain = copy.deepcopy(plain)
            kinds.prepare(resource, plain, namespace)
        owned = ownership.apply(resource, None, plain, manager, force=True)
        created = copy.deepcopy(created)
        created["metadata"]["managedFields"] = owned["metadata"].get("managedFields", [])
        if _dry_run(request):
            return created
        return self.store.amend(key_of(resource, created), created)


def _dry_run(request: Request) -> bool:
    value = request.query.get("dryRun")
    if value in (None, ""):
        return False
    if value != "All":
        kind = {"POST": "CreateOptions", "PUT": "UpdateOptions", "DELETE": "DeleteOptions"}.get(
            request.method, "PatchOptions"
        )
        field = FieldError(
            "dryRun", f'Unsupported value: "{value}": supported values: "All"', "FieldValueNotSupported"
        )
        raise invalid(kind, "meta.k8s.io", "", [field])
    return True


def _manager(request: Request) -> str:
    """The field manager: as given, else what the user agent starts with."""
    return request.query.get("fieldManager") or request.headers.get("user-agent", "unknown").split("/")[0]


def _content(resource: Resource, obj: Object) -> str:
    without = {"metadata"} | (
        {"status"} if "status" in resource.subresources or not resource.custom else set()
    )
    return json.dumps({k: v for k, v in obj.items() if k not in without}, sort_keys=True)
