"""The reference of the Python API: the public names of each room, from their docstrings."""

from __future__ import annotations

import inspect
from importlib import import_module
from types import ModuleType

from odh_oci_widgets.oci.errors import OdhOciError

from .words import first_sentence, page, table

#: room -> what its page begins with
ROOMS = ("models", "oci", "builders", "cluster", "serving", "inference", "widgets", "demo")


def pages() -> dict[str, str]:
    """Path -> page."""
    made = {f"reference/api/{room}.md": _room(room) for room in ROOMS}
    return {"reference/api/index.md": _index(), **made}


def public(room: ModuleType) -> dict[str, object]:
    """Name -> what it names, without the version."""
    return {name: getattr(room, name) for name in room.__all__ if name != "__version__"}


def home(name: str) -> str:
    """The room where a name is explained: that of the module that defines it, if the room offers it too."""
    top = import_module("odh_oci_widgets")
    return str(top._HOME[name])  # noqa: SLF001 - our own table of public names


def _index() -> str:
    top = import_module("odh_oci_widgets")
    rows = [
        (f"[`{name}`][odh_oci_widgets.{home(name)}.{name}]", first_sentence(one))
        for name, one in public(top).items()
    ]
    rooms = [(f"[`odh_oci_widgets.{one}`]({one}.md)", first_sentence(_module(one))) for one in ROOMS]
    return page(
        "Python API",
        "What `odh_oci_widgets` offers. All of it is typed; every example on these pages is run by the tests.",
        "## The names of the package",
        table(("name", "is"), rows),
        "## The rooms",
        "Each room offers more than the package does, and the same names are in both.",
        table(("room", "holds"), rooms),
    )


def _room(room: str) -> str:
    names = public(_module(room))
    errors = [name for name, one in names.items() if inspect.isclass(one) and issubclass(one, OdhOciError)]
    others = sorted(
        (name for name in names if name not in errors), key=lambda name: (_rank(names[name]), name.lower())
    )
    parts = [inspect.getdoc(_module(room)).partition("\n>>>")[0]]  # type: ignore[union-attr]
    for title, chosen in (("Functions", 0), ("Classes", 1), ("Values", 2)):
        found = [name for name in others if _rank(names[name]) == chosen]
        if found:
            parts += [f"## {title}", *(_block(room, name) for name in found)]
    if errors:
        parts += [
            "## Errors",
            "[Troubleshooting](../../troubleshooting/index.md) has every sentence of them.",
        ]
        parts += [_block(room, name) for name in sorted(errors)]
    return page(f"odh_oci_widgets.{room}", *parts)


def _rank(one: object) -> int:
    return 1 if inspect.isclass(one) else 0 if callable(one) else 2


def _block(room: str, name: str) -> str:
    return f"::: odh_oci_widgets.{room}.{name}\n    options:\n      heading_level: 3"


def _module(room: str) -> ModuleType:
    return import_module(f"odh_oci_widgets.{room}")
