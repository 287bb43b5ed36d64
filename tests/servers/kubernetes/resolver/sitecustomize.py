"""Names of the fake cluster for a whole Python process.

Names are looked up in the JSON file that `ODH_OCI_TEST_HOSTS` names: `{"host:port": real port on 127.0.0.1}`. A port
that is not in it is closed, and a name of the cluster (`*.svc`, `*.svc.cluster.local`, `*.apps.example.test`) that is
not in it does not exist; other names are what they are elsewhere.
Python imports this by itself when the folder is on PYTHONPATH; within a test `install()` does. A Python that takes no
notice of PYTHONPATH (`-I -S`) runs a program as `python sitecustomize.py PROGRAM ARGUMENTS`.
"""

from __future__ import annotations

import json
import os
import runpy
import socket
import sys
from pathlib import Path
from typing import Any

_DOMAINS = (".svc", ".svc.cluster.local", ".apps.example.test")
_CLOSED_PORT = 1
_original = socket.getaddrinfo


def _resolve(host: Any, port: Any, *args: Any, **more: Any) -> Any:
    name = host.decode() if isinstance(host, bytes) else host
    if not isinstance(name, str):
        return _original(host, port, *args, **more)
    path = os.environ.get("ODH_OCI_TEST_HOSTS", "")
    table: dict[str, int] = json.loads(Path(path).read_text()) if path and Path(path).exists() else {}
    name = name.rstrip(".")
    if not any(entry.rpartition(":")[0] == name for entry in table):
        if not name.endswith(_DOMAINS):
            return _original(host, port, *args, **more)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return _original("127.0.0.1", table.get(f"{name}:{port}", _CLOSED_PORT), *args, **more)


def install() -> None:
    socket.getaddrinfo = _resolve


def uninstall() -> None:
    socket.getaddrinfo = _original


if os.environ.get("ODH_OCI_TEST_HOSTS"):
    install()

if __name__ == "__main__":
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")
