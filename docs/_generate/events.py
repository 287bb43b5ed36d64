"""The reference of events, with lines that a build really wrote."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, get_type_hints

from odh_oci_widgets.oci.events import KINDS, Event, LayerInfo, LayerState, to_json
from odh_oci_widgets.oci.plan import PlanFile, Source, make_plan

from .source import comments
from .words import about, fenced, page, table


def pages() -> dict[str, str]:
    """Path -> page."""
    lines = {type(event): to_json(event) for event in really_said()}
    parts = [
        (
            "What the engine says while it works: in Python the objects that `build.events()` and "
            "`run(plan)` yield; with "
            "`odh-oci build --json`, and in the log of a Job, one JSON object a line. The first event is "
            "`planned`, the last "
            "`done` or `failed`. The lines on this page were written by a build when the page was made."
        ),
    ]
    for kind, cls in KINDS.items():
        parts += [f"## `{kind}`", about(cls), _fields(cls), fenced(_pretty(lines[cls]), "json")]
    states = comments(LayerState)
    parts += ["## A layer in `planned`", about(LayerInfo), _fields(LayerInfo), "## States of a layer"]
    parts.append(
        table(("state", "means"), [(f"`{one.value}`", states.get(one.name, "")) for one in LayerState])
    )
    return {"reference/events.md": page("Events", *parts)}


def really_said() -> list[Event]:
    """Events of two builds: one whose source stumbles once, and one that fails."""
    from odh_oci_widgets.oci import run

    with tempfile.TemporaryDirectory() as folder, _stumbling_server() as address, _working_in(folder):
        Path("config.json").write_text('{"model_type": "granite"}')
        files = [
            PlanFile(path="models/config.json", size=25, source=Source(path="config.json")),
            PlanFile(
                path="models/model.safetensors", size=6, source=Source(url=f"{address}/model.safetensors")
            ),
        ]
        done = list(run(make_plan(files, "oci:granite", base="scratch")))
        Path("config.json").unlink()
        failed = list(run(make_plan(files[:1], "oci:granite-2", base="scratch")))
    return [*done, failed[-1]]


@contextlib.contextmanager
def _working_in(folder: str) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextlib.contextmanager
def _stumbling_server() -> Iterator[str]:
    """A web server that is busy the first time."""
    asked: list[str] = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(503 if len(asked) == 1 else 200)
            body = b"" if len(asked) == 1 else b"tensor"
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def _fields(cls: type) -> str:
    known, types = comments(cls), get_type_hints(cls)
    rows = [
        (f"`{one.name}`", _type(types[one.name]), known.get(one.name, "")) for one in dataclasses.fields(cls)
    ]
    return table(("field", "type", "is"), rows)


def _type(hint: Any) -> str:
    text = (
        getattr(hint, "__name__", "")
        if isinstance(hint, type) and not getattr(hint, "__args__", ())
        else str(hint)
    )
    for module in ("odh_oci_widgets.oci.events.", "builtins."):
        text = text.replace(module, "")
    return f"`{text}`"


def _pretty(line: str) -> str:
    """The line as it is where it is short, broken where it is long."""
    return line if len(line) < 110 else json.dumps(json.loads(line), indent=1)
