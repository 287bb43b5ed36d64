"""Field ownership: `metadata.managedFields`, server-side apply and its conflicts.

A field set is a set of paths; a path is a tuple of steps as they stand in `fieldsV1`: `f:name` (a field),
`k:{"name":"x"}` (an item of a list that is a map by a key), `v:"x"` (a member of a list that is a set).
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import Any

from .patches import merge_key
from .resources import Resource
from .status import ApiError
from .store import now

Object = dict[str, Any]
Path = tuple[str, ...]
Fields = set[Path]

#: never owned by anybody
_UNOWNED = {"apiVersion", "kind"}
_UNOWNED_META = {
    "name", "namespace", "generateName", "uid", "resourceVersion", "creationTimestamp", "generation", "selfLink",
    "managedFields", "deletionTimestamp", "deletionGracePeriodSeconds",
}  # fmt: skip


def _list_kind(field: str, items: list[Any], schema: dict[str, Any] | None) -> tuple[str, list[str]]:
    """`atomic`, `set` or `map` with its keys; from the schema of a custom resource, else what core kinds do."""
    if schema and "x-kubernetes-list-type" in schema:
        return schema["x-kubernetes-list-type"], schema.get("x-kubernetes-list-map-keys", [])
    if field == "finalizers":
        return "set", []
    if field == "ownerReferences":
        return "map", ["uid"]
    if schema is not None:
        return "atomic", []
    if field == "ports":
        return "map", [merge_key(field, items) or "port", "protocol"]
    key = merge_key(field, items)
    return ("map", [key]) if key else ("atomic", [])


def _child(schema: dict[str, Any] | None, name: str) -> dict[str, Any] | None:
    if schema is None or name == "metadata":
        return None
    extra = schema.get("additionalProperties")
    return schema.get("properties", {}).get(name) or (extra if isinstance(extra, dict) else {})


def _item_key(item: Any, keys: list[str]) -> str:
    values = {key: item.get(key, "TCP" if key == "protocol" else None) for key in keys}
    return "k:" + json.dumps(
        {k: v for k, v in values.items() if v is not None}, separators=(",", ":"), sort_keys=True
    )


def _is_map_of(items: list[Any], keys: list[str]) -> bool:
    return all(isinstance(item, dict) and keys[0] in item for item in items)


def leaves(value: Any, schema: dict[str, Any] | None, field: str = "", path: Path = ()) -> dict[Path, Any]:
    """Every owned path of a value, with what stands there."""
    if isinstance(value, dict) and value and (schema or {}).get("x-kubernetes-map-type") != "atomic":
        found: dict[Path, Any] = {}
        for name, part in value.items():
            if (not path and name in _UNOWNED) or (path == ("f:metadata",) and name in _UNOWNED_META):
                continue
            found |= leaves(part, _child(schema, name), name, (*path, f"f:{name}"))
        return found
    if isinstance(value, list) and value:
        kind, keys = _list_kind(field, value, schema)
        items = (schema or {}).get("items") if schema is not None else None
        if kind == "set":
            return {(*path, f"v:{json.dumps(item)}"): item for item in value}
        if kind == "map" and _is_map_of(value, keys):
            found = {}
            for item in value:
                at = (*path, _item_key(item, keys))
                found[(*at, ".")] = True
                found |= leaves(item, items, "", at)
            return found
    return {path: value} if path else {}


def _encode(fields: Fields) -> Object:
    tree: Object = {}
    for path in sorted(fields):
        node = tree
        for step in path:
            node = node.setdefault(step, {})
    return tree


def _decode(tree: Object, path: Path = ()) -> Fields:
    if not tree:
        return {path} if path else set()
    found: Fields = set()
    for step, below in tree.items():
        found |= _decode(below, (*path, step))
    return found


@dataclass(frozen=True)
class Manager:
    name: str
    operation: str
    api_version: str
    subresource: str = ""

    def __str__(self) -> str:
        text = f'"{self.name}"' + (f' with subresource "{self.subresource}"' if self.subresource else "")
        return f"{text} using {self.api_version}" if self.operation == "Update" else text


Owners = dict[Manager, tuple[Fields, str]]


def read_owners(obj: Object) -> Owners:
    owners: Owners = {}
    for entry in obj["metadata"].get("managedFields") or []:
        manager = Manager(
            entry.get("manager", ""), entry["operation"], entry["apiVersion"], entry.get("subresource", "")
        )
        owners[manager] = (_decode(entry.get("fieldsV1") or {}), entry.get("time", ""))
    return owners


def write_owners(obj: Object, owners: Owners) -> None:
    entries = [
        {
            "manager": manager.name,
            "operation": manager.operation,
            "apiVersion": manager.api_version,
            "time": time,
            "fieldsType": "FieldsV1",
            "fieldsV1": _encode(fields),
            **({"subresource": manager.subresource} if manager.subresource else {}),
        }
        for manager, (fields, time) in owners.items()
        if fields
    ]
    obj["metadata"].pop("managedFields", None)
    if entries:
        obj["metadata"]["managedFields"] = entries


def _shown(path: Path) -> str:
    text = ""
    for step in path:
        if step.startswith("f:"):
            text += f".{step[2:]}"
        elif step.startswith("k:"):
            text += "[" + ",".join(f"{k}={json.dumps(v)}" for k, v in json.loads(step[2:]).items()) + "]"
        elif step.startswith("v:"):
            text += f"[={step[2:]}]"
    return text


def note_update(
    resource: Resource, old: Object | None, new: Object, manager: str, subresource: str = ""
) -> None:
    """Ownership after a create, update or patch: what changed is now the manager's alone."""
    before = leaves(old, resource.schema) if old else {}
    after = leaves(new, resource.schema)
    changed = {path for path, value in after.items() if path not in before or before[path] != value}
    owners = {m: (fields & after.keys(), time) for m, (fields, time) in read_owners(old or new).items()}
    if changed:
        me = Manager(manager, "Update", resource.api_version, subresource)
        owners = {m: (fields - changed, time) for m, (fields, time) in owners.items()}
        mine = owners.get(me, (set(), ""))[0]
        owners[me] = (mine | changed, now())
    write_owners(new, owners)


def apply(
    resource: Resource,
    live: Object | None,
    config: Object,
    manager: str,
    *,
    force: bool,
    subresource: str = "",
) -> Object:
    """The object after a server-side apply. Raises the 409 of a conflict."""
    me = Manager(manager, "Apply", resource.api_version, subresource)
    wanted = leaves(config, resource.schema)
    present = leaves(live, resource.schema) if live else {}
    owners = read_owners(live) if live else {}
    changed = {path for path, value in wanted.items() if path not in present or present[path] != value}
    # an empty map or list asked for is no change where there is something already
    inner = {path[:n] for path in present for n in range(len(path))}
    changed = {path for path in changed if wanted[path] not in ({}, []) or path not in inner}
    conflicts = [
        (other, path)
        for other, (fields, _) in owners.items()
        if other != me
        for path in sorted(fields & changed)
    ]
    if conflicts and not force:
        raise _conflict(conflicts)
    owners = {m: (fields - changed if m != me else fields, time) for m, (fields, time) in owners.items()}
    before, applied_at = owners.get(me, (set(), ""))
    kept_by_others: Fields = set()
    for other, (fields, _) in owners.items():
        if other != me:
            kept_by_others |= fields
    merged = copy.deepcopy(live) if live else {}
    _merge(merged, config, resource.schema)
    for path in sorted(before - wanted.keys() - kept_by_others, reverse=True):
        _remove(merged, path, kept_by_others | wanted.keys())
    same = before == set(wanted) and not changed
    owners[me] = (set(wanted), applied_at if same else now())
    write_owners(merged, owners)
    return merged


def _conflict(conflicts: list[tuple[Manager, Path]]) -> ApiError:
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f"conflict with {manager}",
            "field": _shown(path),
        }
        for manager, path in conflicts
    ]
    if len(conflicts) == 1:
        manager, path = conflicts[0]
        text = f"1 conflict: conflict with {manager}: {_shown(path)}"
    else:
        by_manager: dict[str, list[str]] = {}
        for manager, path in conflicts:
            by_manager.setdefault(str(manager), []).append(f"- {_shown(path)}")
        lines = [line for who in sorted(by_manager) for line in (f"conflicts with {who}:", *by_manager[who])]
        text = f"{len(conflicts)} conflicts: " + "\n".join(lines)
    return ApiError(409, "Conflict", f"Apply failed with {text}", {"causes": causes})


def _merge(target: Object, patch: Object, schema: dict[str, Any] | None) -> None:
    for name, value in patch.items():
        below = _child(schema, name)
        atomic = (below or {}).get("x-kubernetes-map-type") == "atomic"
        if isinstance(value, dict) and isinstance(target.get(name), dict) and not atomic:
            _merge(target[name], value, below)
        elif isinstance(value, list) and isinstance(target.get(name), list):
            target[name] = _merge_list(name, target[name], value, below)
        else:
            target[name] = copy.deepcopy(value)


def _merge_list(field: str, old: list[Any], new: list[Any], schema: dict[str, Any] | None) -> list[Any]:
    kind, keys = _list_kind(field, new, schema)
    if kind == "set":
        return [*old, *(item for item in new if item not in old)]
    if kind != "map" or not _is_map_of(new, keys):
        return copy.deepcopy(new)
    items = (schema or {}).get("items") if schema is not None else None
    merged = copy.deepcopy(old)
    for item in new:
        at = next((o for o in merged if _item_key(o, keys) == _item_key(item, keys)), None)
        if at is None:
            merged.append(copy.deepcopy(item))
        else:
            _merge(at, item, items)
    return merged


def _remove(value: Any, path: Path, kept: set[Path], at: Path = ()) -> None:
    """Take out a path; containers that become empty go with it unless somebody owns something in them."""
    step, rest = path[0], path[1:]
    here = (*at, step)
    if step.startswith("f:"):
        name = step[2:]
        if not isinstance(value, dict) or name not in value:
            return
        if rest:
            _remove(value[name], rest, kept, here)
            if value[name] not in ({}, []) or any(p[: len(here)] == here for p in kept):
                return
        del value[name]
    elif step.startswith("v:") and isinstance(value, list):
        item = json.loads(step[2:])
        if item in value:
            value.remove(item)
    elif step.startswith("k:") and isinstance(value, list):
        keys = json.loads(step[2:])
        for item in [
            i for i in value if isinstance(i, dict) and all(i.get(k, v) == v for k, v in keys.items())
        ]:
            if rest and rest != (".",):
                _remove(item, rest, kept, here)
            elif not any(p[: len(here)] == here for p in kept):
                value.remove(item)
