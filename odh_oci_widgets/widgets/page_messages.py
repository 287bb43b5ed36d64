"""The messages between a kernel and the page that shows its widgets, as both ends read them: version 1.

Each is JSON `{"version": 1, "type": …}` with the fields below; none ever holds a secret.

From the page:

| type | fields | meaning |
|---|---|---|
| `hello` | `settings` | the page is there; again after each change of its settings, and after a reload |
| `open` | `view`, `name` | make a widget to show (`View`); `tester` and `logs` are of the service `name` |
| `code` | `name` | wanted: code that calls a service |
| `close` | `model_id` | nobody looks at that widget any more |
| `refresh` | | look at builds and services now |

To the page: `ready` (`package`), `view` (`view`, `name`, `model_id`, `title`), `insert` (`code`), `copy` (`text`),
`notify` (`level`, `text`, `key`), `status` (`running`, `percent`, `services`), `services` (`names`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

VERSION = 1
#: No name of ours is longer; a text that is, is none.
_LONGEST = 253


class View(StrEnum):
    """What the page may ask for."""

    PANEL = "panel"
    WIZARD = "wizard"
    ACCESS = "access"
    TESTER = "tester"
    LOGS = "logs"


class Level(StrEnum):
    """How a notification looks."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"


class OtherVersion(ValueError):
    """The page speaks another version: nothing it says can be trusted to mean what it seems to."""


class Unknown(ValueError):
    """A message that version 1 does not have."""


#: type -> field -> its type, and whether it may be missing
_FIELDS: Mapping[str, Mapping[str, tuple[type, bool]]] = {
    "hello": {"settings": (dict, True)},
    "open": {"view": (str, False), "name": (str, True)},
    "code": {"name": (str, False)},
    "close": {"model_id": (str, False)},
    "refresh": {},
}


def understand(data: Any) -> tuple[str, dict[str, Any]]:
    """Type and fields of a message from the page. Raises OtherVersion, Unknown.

    >>> understand({"version": 1, "type": "code", "name": "granite"})
    ('code', {'name': 'granite'})
    """
    if not isinstance(data, dict):
        raise Unknown("no object")
    if data.get("version") != VERSION:
        raise OtherVersion(f"version {data.get('version')!r}, not {VERSION}")
    kind = data.get("type")
    wanted = _FIELDS.get(kind) if isinstance(kind, str) else None
    if wanted is None:
        raise Unknown(f"type {str(kind)[:_LONGEST]!r}")
    found = {}
    for name, (type_, optional) in wanted.items():
        value = data.get(name)
        if optional and value in (None, ""):
            continue
        if not isinstance(value, type_) or (isinstance(value, str) and not 0 < len(value) <= _LONGEST):
            raise Unknown(f"`{kind}` without a proper `{name}`")
        found[name] = value
    if kind == "open" and found["view"] not in set(View):
        raise Unknown(f"view {found['view']!r}")
    if kind == "open" and found["view"] in {View.TESTER, View.LOGS} and "name" not in found:
        raise Unknown(f"view {found['view']!r} without a name")
    return str(kind), found


def message(kind: str, **fields: Any) -> dict[str, Any]:
    """A message to the page."""
    return {"version": VERSION, "type": kind, **fields}
