"""Names of the fake cluster for a whole Python process.

`*.svc`, `*.svc.cluster.local` and `*.apps.example.test` are looked up in the JSON file that `ODH_OCI_TEST_HOSTS` names:
`{"host:port": real port on 127.0.0.1}`. A name that is not in it does not exist; a port that is not is closed.
Python imports this by itself when the folder is on PYTHONPATH; within a test `install()` does.
"""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

_DOMAINS = (".svc", ".svc.cluster.local", ".apps.example.test")
_CLOSED_PORT = 1
_original = socket.getaddrinfo


def _resolve(host: Any, port: Any, *args: Any, **more: Any) -> Any:
    name = host.decode() if isinstance(host, bytes) else host
    if not isinstance(name, str) or not name.rstrip(".").endswith(_DOMAINS):
        return _original(host, port, *args, **more)
    path = os.environ.get("ODH_OCI_TEST_HOSTS", "")
    table: dict[str, int] = json.loads(Path(path).read_text()) if path and Path(path).exists() else {}
    name = name.rstrip(".")
    if not any(entry.rpartition(":")[0] == name for entry in table):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return _original("127.0.0.1", table.get(f"{name}:{port}", _CLOSED_PORT), *args, **more)


def install() -> None:
    socket.getaddrinfo = _resolve


def uninstall() -> None:
    socket.getaddrinfo = _original


if os.environ.get("ODH_OCI_TEST_HOSTS"):
    install()
