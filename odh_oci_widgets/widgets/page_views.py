"""What the page may ask this kernel for: widgets to show in tabs of their own, and code that calls a service."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets

from odh_oci_widgets import serving

from . import html, snippets
from .access_strip import AccessStrip
from .job import Job
from .lookout import LOOKOUT
from .news import REPORTER
from .page import PAGE
from .page_messages import View
from .panel import ModelsPanel
from .parts import markup
from .service_card import ServiceCard
from .test_step import TestStep
from .wizard import Wizard

_lock = threading.Lock()
#: what is shown: a page that was reloaded asks for the same view again, and gets the widget as the user left it
_shown: dict[tuple[View, str], widgets.Widget] = {}


def receive(kind: str, fields: Mapping[str, Any]) -> None:
    """Answer a message, soon: the next one waits. Raises OdhOciError."""
    match kind:
        case "hello" if PAGE.home:
            REPORTER.begin()
        case "refresh":
            LOOKOUT.look()
        case "open":
            show(View(fields["view"]), fields.get("name", ""))
        case "code":
            name = fields["name"]
            Job(
                lambda _: snippets.client(serving.service(name)),
                done=PAGE.insert,
                failed=PAGE.fail,
                name="odh-oci-code",
            )
        case "close":
            close(fields["model_id"])


def show(view: View, name: str = "") -> None:
    """Let the page show a widget in a tab; the same one for the same name, until it is closed."""
    with _lock:
        made = _shown.get((view, name))
        if made is None:
            made = _shown[view, name] = _MAKERS[view](name)
    named = {"name": name} if name else {}
    PAGE.tell("view", view=str(view), model_id=made.model_id, title=_title(view, name), **named)


def close(model_id: str) -> None:
    """Nobody looks at that widget any more."""
    with _lock:
        key = next((key for key, one in _shown.items() if one.model_id == model_id), None)
        made = _shown.pop(key) if key is not None else None
    if made is not None:
        _close(made)


def _close(widget: widgets.Widget) -> None:
    parts = getattr(widget, "children", ())
    widget.close()
    for part in parts:
        _close(part)


def _title(view: View, name: str) -> str:
    return {
        View.PANEL: "Models",
        View.WIZARD: "Deploy a model",
        View.ACCESS: "Access",
        View.TESTER: f"Test {name}",
        View.LOGS: f"Logs of {name}",
    }[view]


def _access(_: str) -> widgets.Widget:
    strip = AccessStrip()
    strip.details.toggle()
    return _styled(strip)


def _tester(name: str) -> widgets.Widget:
    """The form, at once; its service is looked for in a thread."""
    step = TestStep()

    def found(service: serving.Service) -> None:
        step.kind.value = "completion" if service.generative else "classification"
        step.flow.service = service
        step.say("")

    step.run(f"Looking for {name}…", lambda _: serving.service(name), found)
    return step


def _logs(name: str) -> widgets.Widget:
    """The service's card with its log in view."""
    said = markup(html.status(f"Looking for {name}…", busy=True))
    card = ServiceCard(
        settled=lambda _: None,
        deleted=lambda: setattr(said, "value", html.status("The service is deleted.")),
    )

    def found(service: serving.Service) -> None:
        said.value = ""
        card.attach(service)
        card.show_logs()

    Job(
        lambda _: serving.service(name),
        done=found,
        failed=lambda error: setattr(said, "value", html.alert(error)),
        name="odh-oci-logs",
    )
    return _styled(said, card)


def _styled(*content: Any) -> widgets.Widget:
    box = widgets.VBox([markup(html.stylesheet()), *content])
    box.add_class("odh-oci-step")
    return box


_MAKERS: Mapping[View, Callable[[str], widgets.Widget]] = {
    View.PANEL: lambda _: ModelsPanel(),
    View.WIZARD: lambda _: Wizard(),
    View.ACCESS: _access,
    View.TESTER: _tester,
    View.LOGS: _logs,
}
