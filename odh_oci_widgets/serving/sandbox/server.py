"""The process of a sandbox service for ONNX: `python -m odh_oci_widgets.serving.sandbox.server FOLDER NAME MODEL`.

The `kserve` model server, one worker, on a free port of the loopback interface only. It says its port in
FOLDER/port once the model is loaded, or why it could not start in FOLDER/failure.json.
"""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

from odh_oci_widgets.serving.cases.sandbox import MODEL_UNLOADABLE, SERVER_UNSTARTABLE
from odh_oci_widgets.serving.sandbox.record import FAILURE, MODELS, PORT, read, write_text

LOGGER = logging.getLogger(__name__)
WATCH_SECONDS = 2.0


def main(folder: Path, name: str, path: str) -> int:
    """Serve until the process is told to end; 1 when the model at `path` cannot be loaded."""
    faulthandler.enable()
    # kserve reads the command line of whoever imports it
    sys.argv = sys.argv[:1]
    try:
        from odh_oci_widgets.serving.sandbox.onnx_model import OnnxModel

        model = OnnxModel(name, folder / MODELS / path)
        model.load()
    except Exception as error:
        LOGGER.exception("The model cannot be loaded.")
        if isinstance(error, ImportError):
            failure = {"code": SERVER_UNSTARTABLE.code, "facts": {"words": str(error)}}
        else:
            words = " ".join(str(error).split())[:400]
            failure = {"code": MODEL_UNLOADABLE.code, "facts": {"path": path, "words": words}}
        write_text(folder / FAILURE, json.dumps(failure))
        return 1
    if not _is_on_record(folder):
        LOGGER.error("Whoever started this process died before it was on record; nobody would find it.")
        return 1
    threading.Thread(target=_end_with_record, args=(folder,), daemon=True).start()
    _serve(model, folder)
    return 0


def _is_on_record(folder: Path) -> bool:
    record = read(folder)
    return record is not None and record.pid == os.getpid()


def _end_with_record(folder: Path) -> None:
    """End this process when its folder is gone: somebody cleared the state folder, and nobody would find it again."""
    while _is_on_record(folder):
        time.sleep(WATCH_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


def _serve(model: object, folder: Path) -> None:
    from kserve import ModelServer
    from kserve.protocol.rest.server import RESTServer

    server = ModelServer(enable_grpc=False, workers=1, enable_latency_logging=False)
    server.register_model(model)
    # lines for each call would fill the disk
    for talkative in ("uvicorn.access", "kserve.trace"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        port = listener.getsockname()[1]
        rest = RESTServer(
            "kserve.model_server:app", server.dataplane, server.model_repository_extension, http_port=port
        )
        write_text(folder / PORT, str(port))
        # not ModelServer.start: it listens on every interface, and on a port that it cannot choose
        rest.run(sockets=[listener])


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), *sys.argv[2:4]))
