"""The three classic patches: JSON merge, strategic merge and JSON patch."""

from __future__ import annotations

import copy
from typing import Any

from .status import ApiError, bad_request

#: lists that a strategic merge joins by a key (of pods, service accounts, services, owners)
MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "imagePullSecrets": "name",
    "secrets": "name",
    "ownerReferences": "uid",
    "conditions": "type",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
}


def merge_key(field: str, items: list[Any]) -> str | None:
    if field == "ports":
        return "containerPort" if any(isinstance(i, dict) and "containerPort" in i for i in items) else "port"
    return MERGE_KEYS.get(field)


def json_merge(target: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = json_merge(result.get(name), value)
    return result


def strategic_merge(target: Any, patch: Any, field: str = "") -> Any:
    """Maps are merged, lists with a merge key joined by it; `$patch: delete|replace`, `$deleteFromPrimitiveList`."""
    if isinstance(patch, list):
        return _merge_lists(target, patch, field)
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    if patch.get("$patch") == "replace":
        return {name: copy.deepcopy(value) for name, value in patch.items() if name != "$patch"}
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if name.startswith("$deleteFromPrimitiveList/"):
            owner = name.split("/", 1)[1]
            result[owner] = [item for item in result.get(owner) or [] if item not in value]
        elif name.startswith(("$setElementOrder/", "$retainKeys", "$patch")):
            continue
        elif value is None or (isinstance(value, dict) and value.get("$patch") == "delete"):
            result.pop(name, None)
        else:
            result[name] = strategic_merge(result.get(name), value, name)
    return result


def _merge_lists(target: Any, patch: list[Any], field: str) -> list[Any]:
    key = merge_key(field, patch)
    if field == "finalizers":
        return list(dict.fromkeys([*(target or []), *patch]))
    if key is None or any(isinstance(item, dict) and item.get("$patch") == "replace" for item in patch):
        return [copy.deepcopy(item) for item in patch if not (isinstance(item, dict) and "$patch" in item)]
    result = [copy.deepcopy(item) for item in target or []]
    for item in patch:
        if not isinstance(item, dict) or key not in item:
            raise bad_request(f"map: {item} does not contain declared merge key: {key}")
        at = next((i for i, old in enumerate(result) if old.get(key) == item[key]), None)
        if item.get("$patch") == "delete":
            if at is not None:
                del result[at]
        elif at is None:
            result.append({name: copy.deepcopy(value) for name, value in item.items() if value is not None})
        else:
            result[at] = strategic_merge(result[at], item)
    return result


def json_patch(target: Any, operations: Any) -> Any:
    """RFC 6902."""
    if not isinstance(operations, list):
        raise bad_request("json: cannot unmarshal object into Go value of type jsonpatch.Patch")
    result = copy.deepcopy(target)
    for operation in operations:
        try:
            result = _apply(result, operation)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            if operation.get("op") == "test":
                raise _unprocessable(f"testing value {operation.get('path')} failed") from error
            raise _unprocessable(
                f"{operation.get('op')} operation does not apply: doc is missing path: "
                f"{operation.get('path')}: missing value"
            ) from error
    return result


def _unprocessable(message: str) -> ApiError:
    return ApiError(
        422,
        "Invalid",
        "the server rejected our request due to an error in our request",
        {"causes": [{"message": message}]},
    )


def _tokens(pointer: str) -> list[str]:
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def _walk(document: Any, tokens: list[str]) -> Any:
    for token in tokens:
        document = document[int(token)] if isinstance(document, list) else document[token]
    return document


def _apply(document: Any, operation: dict[str, Any]) -> Any:
    op, tokens = operation["op"], _tokens(operation["path"])
    if op in ("move", "copy"):
        value = copy.deepcopy(_walk(document, _tokens(operation["from"])))
        if op == "move":
            document = _apply(document, {"op": "remove", "path": operation["from"]})
        return _apply(document, {"op": "add", "path": operation["path"], "value": value})
    if op == "test":
        if _walk(document, tokens) != operation["value"]:
            raise ValueError
        return document
    if not tokens:
        return copy.deepcopy(operation["value"])
    parent, last = _walk(document, tokens[:-1]), tokens[-1]
    if isinstance(parent, list):
        at = len(parent) if last == "-" else int(last)
        if op == "add":
            if at > len(parent):
                raise IndexError
            parent.insert(at, copy.deepcopy(operation["value"]))
        elif op == "remove":
            del parent[at]
        else:
            parent[at] = copy.deepcopy(operation["value"])
    elif op == "add":
        parent[last] = copy.deepcopy(operation["value"])
    elif op == "remove":
        del parent[last]
    else:
        parent[last]  # a replace needs something to replace
        parent[last] = copy.deepcopy(operation["value"])
    return document
