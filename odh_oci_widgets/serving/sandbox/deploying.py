"""From an image to a model server process on this machine."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import odh_oci_widgets
from odh_oci_widgets.serving.errors import OptionInvalid, ServiceNotFound
from odh_oci_widgets.serving.names import check_name

from . import process
from .model_folder import find_model, server_for
from .record import (
    LOG,
    MAKING,
    MODELS,
    PORT,
    Record,
    locked,
    read,
    remove,
    remove_abandoned,
    sandbox_folder,
    write,
    write_text,
)
from .service import SandboxService, dispose

if TYPE_CHECKING:
    from odh_oci_widgets.oci.credentials import Credentials

#: What the builders write on an image (a `ModelFormat`)
FORMAT_ANNOTATION = "org.odh-oci.model-format"


def deploy(
    image: str,
    name: str,
    *,
    format: str | None = None,  # noqa: A002 - the option's name everywhere
    args: Sequence[str] = (),
    insecure: bool = False,
    credentials: Credentials | None = None,
    cancel: Event | None = None,
) -> SandboxService:
    """Copy the model out of an image and start a model server for it; a service of the same name is replaced.

    `image` is `registry/repo:tag` or `oci:PATH[:TAG]`. Returns when the model is here and the server starts:
    `wait()` for the rest. Until then a service of that name that runs already goes on.

    Raises ServiceNameInvalid, SandboxUnavailable, OptionInvalid, Cancelled, and the RegistryErrors of `oci`.
    Nothing is left behind then.
    """
    from odh_oci_widgets.oci import inspect_image, pull_models

    check_name(name)
    if format is None:
        # before gigabytes are pulled for nothing
        info = inspect_image(image, credentials=credentials, insecure=insecure)
        format = info.annotations.get(FORMAT_ANNOTATION)  # noqa: A001
        format = None if format in {None, "unknown"} else format  # noqa: A001
    if format is not None:
        server_for(format)
    remove_abandoned()
    folder = Path(tempfile.mkdtemp(prefix=f"{MAKING}{os.getpid()}-", dir=sandbox_folder()))
    try:
        (folder / MODELS).mkdir()
        pull_models(image, folder / MODELS, credentials=credentials, insecure=insecure, cancel=cancel)
        model_format, model = find_model(folder / MODELS, format)
        server = server_for(model_format)
        if args and server == "onnx":
            raise OptionInvalid(
                "The sandbox's model server for ONNX takes no arguments.",
                hint="Leave them out, or deploy to the project.",
            )
        record = Record(
            name=name,
            image=image,
            format=model_format,
            server=server,
            model=model,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            args=tuple(args),
        )
        return _start(folder, record)
    finally:
        remove(folder)


def find(name: str) -> SandboxService:
    """The service of that name. Raises ServiceNotFound."""
    record = read(sandbox_folder() / check_name(name))
    if record is None:
        raise ServiceNotFound(
            f"There is no service `{name}` in the sandbox.", hint="See `odh-oci list` for those there are."
        )
    return SandboxService(record)


def list_services() -> list[SandboxService]:
    """All services of the sandbox, by name."""
    records = (
        read(folder) for folder in sorted(sandbox_folder().iterdir()) if not folder.name.startswith(".")
    )
    return [SandboxService(record) for record in records if record is not None]


def _start(made: Path, record: Record) -> SandboxService:
    """Put the folder in its place, with the process in it; the process never stays without a record."""
    with locked() as sandbox:
        folder = sandbox / record.name
        before = read(folder)
        if before is not None:
            dispose(folder, before)
        remove(folder)
        made.rename(folder)
        try:
            pid, started = process.start(
                _command(folder, record), log=folder / LOG, folder=folder, environ=_environ()
            )
        except BaseException:
            remove(folder)
            raise
        record = replace(record, pid=pid, started=started)
        try:
            write(folder, record)
        except BaseException:
            dispose(folder, record)
            raise
    return SandboxService(record)


def _command(folder: Path, record: Record) -> list[str]:
    if record.server == "onnx":
        return [
            # what FastAPI deprecates in kserve is no news for the reader of a log
            *(sys.executable, "-W", "ignore", "-m", "odh_oci_widgets.serving.sandbox.server"),
            str(folder),
            record.name,
            record.model,
        ]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    write_text(folder / PORT, str(port))
    return [
        *(sys.executable, "-m", "vllm.entrypoints.openai.api_server"),
        *("--model", str(folder / MODELS / record.model)),
        *("--served-model-name", record.name),
        *("--host", "127.0.0.1", "--port", str(port)),
        *record.args,
    ]


#: A model server on this machine reports to nobody, unless the user's environment says otherwise.
_QUIET = {"ORT_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}


def _environ() -> dict[str, str]:
    """The environment of this process, in which a checkout of this package is found too."""
    source = str(Path(odh_oci_widgets.__file__).parents[1])
    path = os.environ.get("PYTHONPATH")
    return {
        **_QUIET,
        **os.environ,
        "PYTHONPATH": f"{source}{os.pathsep}{path}" if path else source,
        "PYTHONUNBUFFERED": "1",
    }
