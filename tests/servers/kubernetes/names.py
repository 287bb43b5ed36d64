"""Names, labels and annotations as a server checks them."""

from __future__ import annotations

import re
import secrets
from typing import Any

from .resources import Resource
from .status import FieldError, required

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = f"({_QUALIFIED})?"
_DNS_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"

SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    f"and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)
_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    f"with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
_DNS_1035_TEXT = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    f"and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '{_DNS_1035}')"
)
_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation "
    f"is '({_QUALIFIED})?')"
)
_NAME_PART_TEXT = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    f"character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_QUALIFIED}')"
)


def generated(prefix: str) -> str:
    """What generateName makes of a prefix: five characters without vowels."""
    return prefix[:58] + "".join(secrets.choice("bcdfghjklmnpqrstvwxz2456789") for _ in range(5))


def check_metadata(resource: Resource, obj: dict[str, Any]) -> list[FieldError]:
    """Everything wrong with the metadata of an object."""
    meta = obj["metadata"]
    errors = _check_name(resource, meta.get("name") or "")
    for where in ("labels", "annotations"):
        for key, value in (meta.get(where) or {}).items():
            errors += _check_key(f"metadata.{where}", key)
            if where == "labels":
                errors += _check_label_value(value)
    return errors


def _check_name(resource: Resource, name: str) -> list[FieldError]:
    if not name:
        return [required("metadata.name", "name or generateName is required")]
    if resource.group == "rbac.authorization.k8s.io":
        bad = {"%", "/"} & set(name)
        return (
            [FieldError("metadata.name", f"Invalid value: \"{name}\": may not contain '{bad.pop()}'")]
            if bad
            else []
        )
    form, text, limit = _SUBDOMAIN, SUBDOMAIN_TEXT, 253
    if resource.plural in ("namespaces", "projects", "projectrequests"):
        form, text, limit = _LABEL, _LABEL_TEXT, 63
    elif resource.plural == "services":
        form, text, limit = _DNS_1035, _DNS_1035_TEXT, 63
    errors = []
    if len(name) > limit:
        errors.append(
            FieldError("metadata.name", f'Invalid value: "{name}": must be no more than {limit} bytes')
        )
    if not re.fullmatch(form, name):
        errors.append(FieldError("metadata.name", f'Invalid value: "{name}": {text}'))
    return errors


def _check_key(field: str, key: str) -> list[FieldError]:
    prefix, _, name = key.rpartition("/")
    if prefix and not re.fullmatch(_SUBDOMAIN, prefix):
        return [FieldError(field, f'Invalid value: "{key}": prefix part {SUBDOMAIN_TEXT}')]
    if len(name) > 63:
        return [FieldError(field, f'Invalid value: "{key}": name part must be no more than 63 bytes')]
    if not re.fullmatch(_QUALIFIED, name):
        return [FieldError(field, f'Invalid value: "{key}": {_NAME_PART_TEXT}')]
    return []


def _check_label_value(value: Any) -> list[FieldError]:
    if len(value) > 63:
        return [FieldError("metadata.labels", f'Invalid value: "{value}": must be no more than 63 bytes')]
    if not re.fullmatch(_LABEL_VALUE, value):
        return [FieldError("metadata.labels", f'Invalid value: "{value}": {_VALUE_TEXT}')]
    return []
