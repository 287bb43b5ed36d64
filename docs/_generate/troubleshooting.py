"""The pages about trouble: what may be said, why it comes to this, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from odh_oci_widgets.cluster import access_sentences
from odh_oci_widgets.cluster.sentence import Sentence
from odh_oci_widgets.oci.errors import OdhOciError
from odh_oci_widgets.serving.cases import GROUPS
from odh_oci_widgets.serving.cases.pulling import PullFailure

from .source import CLOSE, OPEN, Call, calls, findings
from .words import about, cell, page, table

#: title, folder of the package, file of the page, and what the page begins with
ROOMS = (
    (
        "Choosing a model",
        "models",
        "choosing",
        "What can go wrong until a model is chosen and its files are known.",
    ),
    (
        "Images and registries",
        "oci",
        "images",
        "What the engine says while it plans, builds, pushes and reads images.",
    ),
    ("Builds", "builders", "builds", "What can go wrong around a build, besides the engine's own errors."),
    ("The cluster", "cluster", "cluster", "What the cluster may answer, whatever it was asked."),
    (
        "Deploying",
        "serving",
        "deploying",
        "What can go wrong with a service, besides what its diagnosis tells.",
    ),
    ("Calling a model", "inference", "calling", "What can go wrong when a model is called."),
    ("Command and widgets", "", "command", "What the command and the widgets say themselves."),
)
#: what some names in sentences are for a person
_SHOWN = {
    "named": f"The image `{OPEN}image{CLOSE}`",
    "which": f"The serving runtime `{OPEN}runtime{CLOSE}`",
    "words": f"{OPEN}its words{CLOSE}",
    "who": f"The user `{OPEN}name{CLOSE}`",
    "pods": f"{OPEN}number{CLOSE} pods are",
    "spent": f" for {OPEN}time{CLOSE}",
}


def pages() -> dict[str, str]:
    """Path -> page."""
    made = {
        "troubleshooting/index.md": _index(),
        "troubleshooting/services.md": _services(),
        "troubleshooting/access.md": _access(),
    }
    for title, room, file, intro in ROOMS:
        made[f"troubleshooting/{file}.md"] = page(title, intro, *_errors(room))
    made["troubleshooting/images.md"] += "\n" + "\n\n".join(_engine())
    return made


def error_types() -> list[type[OdhOciError]]:
    """Every type of error, the base first and then by room and name."""
    import importlib
    import pkgutil

    import odh_oci_widgets

    for module in pkgutil.walk_packages(odh_oci_widgets.__path__, "odh_oci_widgets."):
        if not module.name.endswith(("__main__", ".sandbox.server", ".onnx_model")):
            importlib.import_module(module.name)
    found = [OdhOciError]
    for known in found:
        found += [
            one
            for one in known.__subclasses__()
            if one not in found and one.__module__.startswith("odh_oci_")
        ]
    return found


def spoken(room: str) -> dict[type[OdhOciError], list[Call]]:
    """The types of errors of a room, with every sentence of the package that one of them can bring."""
    types = error_types()
    said = sorted(calls(frozenset(one.__name__ for one in types)), key=lambda one: (one.module, one.said))
    return {
        kind: list(dict.fromkeys(one for one in said if one.name == kind.__name__))
        for kind in types
        if _room(kind) == room and not kind.__name__.startswith("_")
    }


def _room(kind: type) -> str:
    room = kind.__module__.split(".")[1]
    return room if room in {"models", "oci", "builders", "cluster", "serving", "inference"} else ""


def _errors(room: str) -> Iterator[str]:
    for kind, said in sorted(spoken(room).items(), key=lambda one: one[0].__name__):
        if kind is OdhOciError:
            continue
        yield f"## `{kind.__name__}` {{ #{kind.__name__} }}"
        yield about(kind)
        yield f"**What to do.** {kind.cure}"
        if said:
            yield table(
                ("it says", "what to do"), [(_text(one.said), _text(one.hint or kind.cure)) for one in said]
            )


def _services() -> str:
    parts = [
        (
            "What `service.diagnose()`, the service card and `odh-oci deploy` say of a service. "
            "`diagnosis.code` is the word in "
            "the heading."
        ),
    ]
    for title, cases in GROUPS.items():
        parts += [f"## {title}"]
        parts += [_entry(case, case.state.value) for case in cases]
    return page("Services", *parts)


def _access() -> str:
    parts = [
        "What `check(connect())`, `odh-oci check` and the first strip of the wizard say of what you may do.",
        *(_entry(one) for one in access_sentences.SENTENCES),
    ]
    return page("Access", *parts)


def _entry(one: Sentence, state: str = "") -> str:
    says = (
        one.says.replace("{words}", OPEN + "its words" + CLOSE) if isinstance(one, PullFailure) else one.says
    )
    parts = [
        f"### `{one.code}` {{ #{one.code} }}",
        f"> {_filled(says)}",
        f"**Cause.** {one.cause}",
        f"**Cure.** {_filled(one.cure)}" if one.cure else "**Cure.** None is needed.",
    ]
    if state:
        parts.insert(2, f"State: {state}")
    return "\n\n".join(parts)


def _filled(template: str) -> str:
    template = re.sub(r"(?<=[\w}])\{words\}", ": {words}", template)
    text = re.sub(r"\{(\w+)\}", lambda found: _SHOWN.get(found[1], f"{OPEN}{found[1]}{CLOSE}"), template)
    return text.replace("<", "&lt;")


def _text(text: str) -> str:
    return re.sub(r"<(?=\w)", "&lt;", cell(text).replace("\\|", "|"))


def _engine() -> Iterator[str]:
    yield "## On the way"
    yield "Lines that a build says without failing: in the widget's log, in `build.logs()`, and as events `retry` and `log`."
    lines = {
        _text(one.said) for one in [*calls(frozenset({"Log"})), *calls(frozenset({"Retry"}), said="reason")]
    }
    yield "\n".join(f"- {line}" for line in sorted(lines))
    yield "## What `odh-oci verify` finds"
    yield "`finding.code` for machines, a sentence and what to do for people."
    yield table(
        ("code", "it says", "what to do"),
        [(f"`{code}`", _text(says), _text(hint)) for code, says, hint in sorted(findings())],
    )


def _index() -> str:
    rows: list[tuple[str, str]] = [
        ("`service.diagnose()`, the service card", "[Services](services.md)"),
        ("`odh-oci check`, the wizard's first strip", "[Access](access.md)"),
    ]
    rows += [(title, f"[{title}]({file}.md)") for title, _, file, _ in ROOMS]
    return page(
        "Troubleshooting",
        "Every sentence that the wizard, the Python API and the command can say when something does "
        "not work, with cause and "
        f"cure. Copy a part of the sentence into the search above. Words in {OPEN}brackets{CLOSE} "
        f"stand for what is only "
        "known when it is said.",
        "An error is one sentence that says what failed and why (`str(error)`, and in the wizard), "
        "and a hint that says what to "
        "do (`error.hint`). In Python each has a type of its own, which the headings name; all derive"
        " from `OdhOciError`. With "
        "`--json` a failure of `odh-oci` is a JSON object with `error` (the type), `message` and `hint`.",
        table(("where you met it", "page"), rows),
        _all_types(),
    )


def _all_types() -> str:
    files = {room: file for _, room, file, _ in ROOMS}
    links: Iterable[str] = (
        f"[`{one.__name__}`]({files[_room(one)]}.md#{one.__name__})"
        for one in sorted(error_types(), key=lambda one: one.__name__)
        if one is not OdhOciError and not one.__name__.startswith("_")
    )
    return "## All types of errors\n\n" + " · ".join(links)
