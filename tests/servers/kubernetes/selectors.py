"""Label and field selectors of list and watch requests."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .status import bad_request

Object = dict[str, Any]
Match = Callable[[Object], bool]

_SET = re.compile(r"^\s*(?P<key>[^\s!=]+)\s+(?P<op>in|notin)\s+\((?P<values>[^)]*)\)\s*$")
_EQUALS = re.compile(r"^\s*(?P<key>[^\s!=]+)\s*(?P<op>==|=|!=)\s*(?P<value>[^\s=]*)\s*$")
_EXISTS = re.compile(r"^\s*(?P<no>!?)\s*(?P<key>[A-Za-z0-9][^\s!=,()]*)\s*$")


def _parts(text: str) -> list[str]:
    return re.split(r",(?![^(]*\))", text) if text.strip() else []


def label_selector(text: str) -> Match:
    """`a=b,c!=d,e in (f,g),h,!i`."""
    tests: list[Callable[[dict[str, str]], bool]] = []
    for part in _parts(text):
        if found := _SET.match(part):
            values = {value.strip() for value in found["values"].split(",")}
            wanted = found["op"] == "in"
            tests.append(
                lambda labels, key=found["key"], values=values, wanted=wanted: (
                    (labels.get(key) in values) == wanted
                )
            )
        elif found := _EQUALS.match(part):
            equal = found["op"] != "!="
            tests.append(
                lambda labels, key=found["key"], value=found["value"], equal=equal: (
                    (labels.get(key) == value) == equal
                )
            )
        elif found := _EXISTS.match(part):
            tests.append(lambda labels, key=found["key"], no=bool(found["no"]): (key in labels) != no)
        else:
            raise bad_request(f"unable to parse requirement: found '{part}', expected: identifier")
    return lambda obj: all(test(obj["metadata"].get("labels") or {}) for test in tests)


#: field selectors that are not `metadata.name` and `metadata.namespace`, by kind
_FIELDS = {
    "pods": {"spec.nodeName", "status.phase", "spec.serviceAccountName", "spec.restartPolicy", "status.podIP"},
    "events": {
        *(f"involvedObject.{part}" for part in ("kind", "namespace", "name", "uid", "apiVersion", "fieldPath")),
        "reason", "type", "source", "reportingComponent",
    },
    "secrets": {"type"},
    "namespaces": {"status.phase"},
    "jobs": {"status.successful"},
    "builds": {"status", "podName"},
}  # fmt: skip


def field_selector(text: str, plural: str) -> Match:
    """`metadata.name=x,status.phase!=Running`; a field the kind does not select on is refused, as a server does."""
    tests: list[Match] = []
    for part in _parts(text):
        found = _EQUALS.match(part)
        if not found:
            raise bad_request(f"invalid selector: '{part}'; can't understand '{part}'")
        field = found["key"]
        if field not in {"metadata.name", "metadata.namespace"} | _FIELDS.get(plural, set()):
            raise bad_request(
                f'Unable to find "{plural}" that match label selector "", field selector "{text}": '
                f"field label not supported: {field}"
            )
        equal = found["op"] != "!="
        tests.append(
            lambda obj, field=field, value=found["value"], equal=equal: (_value(obj, field) == value) == equal
        )
    return lambda obj: all(test(obj) for test in tests)


def _value(obj: Object, field: str) -> str:
    value: Any = obj
    for part in field.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return "" if value is None or isinstance(value, dict) else str(value)
