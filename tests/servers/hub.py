"""A stand-in for the Hugging Face hub that speaks the hub's HTTP API to the real `huggingface_hub` client.

    with Hub({"acme/tiny": {"config.json": b"{}", "model.safetensors": b"..."}}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        open_model("hf://acme/tiny")

Two real servers run on the loopback interface, because the hub is two hosts: `hub.url` (API, small files) and
`hub.cdn` (what LFS files redirect to; another host, so that a token must not arrive there).

- A repository is a dict of files, or a `Repo` with revisions, gating, licence, counts.
- A file is `bytes`, a `Path` (streamed from disk) or a `Sparse` (a head, then zeros up to any size: a 140 GB
  shard costs nothing, and its header is real).
- `hub.token` may read everything; `hub.outsider` is a valid token without access to gated or private models.
- As on the real hub, information and file list of a *gated* model are public; only its bytes are refused.
- `hub.requests` records every request (`Seen`); `hub.tokens_seen` says which hosts saw an Authorization header.
- `hub.break_next("model.safetensors", status=503, times=2)` and friends break answers (see `Fault`).

The `hub` fixture is one Hub for the whole session: `hub.add("mytest/model", {...})` and use names of your own.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping
from fnmatch import fnmatchcase
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from .hub_http import Api, Cdn, Fault, Handler, Seen
from .hub_repository import Blob, Content, Repo, Sparse

__all__ = ["Blob", "Content", "Fault", "Hub", "Repo", "Seen", "Sparse"]


class Hub:
    """See the module's docstring. `page`: files on one page of a tree; `tls`: certificate and key, for https.

    `linked` is the address in links to a next page, which a mirror may leave as the mirrored hub wrote it.
    """

    token = "hf_readerOfEverything"
    outsider = "hf_validButWithoutAccess"

    def __init__(
        self,
        repositories: Mapping[str, Repo | Mapping[str, Content]] | None = None,
        *,
        page: int = 1000,
        tls: tuple[Path, Path] | None = None,
    ) -> None:
        self.page = page
        self.repositories: dict[str, Repo] = {}
        for name, repo in (repositories or {}).items():
            self.add(name, repo)
        self.requests: list[Seen] = []
        self.faults: list[Fault] = []
        # Another host: only Linux answers on all of 127/8 without being asked, and certificates have names.
        other = "127.0.0.2" if Path("/proc").is_dir() and not tls else "localhost"
        self._servers = [_serve("127.0.0.1", self, Api, tls), _serve(other, self, Cdn, tls)]
        scheme = "https" if tls else "http"
        self.linked = self.url = f"{scheme}://127.0.0.1:{self._servers[0].server_port}"
        self.cdn = f"{scheme}://{other}:{self._servers[1].server_port}"

    def add(self, name: str, repo: Repo | Mapping[str, Content]) -> Repo:
        """Put a repository there, or replace it."""
        self.repositories[name] = repo if isinstance(repo, Repo) else Repo(repo)
        return self.repositories[name]

    def break_next(self, path: str, **what: Any) -> Fault:
        """Break answers for paths that match the glob (`*/model.safetensors`); see `Fault`."""
        fault = Fault(path, **what)
        self.faults.append(fault)
        return fault

    @property
    def tokens_seen(self) -> dict[str, set[str]]:
        """host:port -> Authorization headers it saw."""
        seen: dict[str, set[str]] = {}
        for request in list(self.requests):
            if request.authorization:
                seen.setdefault(request.host, set()).add(request.authorization)
        return seen

    def count(self, path: str, *, method: str | None = None) -> int:
        """How many requests had a path that matches the glob."""
        return sum(fnmatchcase(r.path, path) and method in {None, r.method} for r in list(self.requests))

    def stop(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _serve(host: str, hub: Hub, handler: type[Handler], tls: tuple[Path, Path] | None) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer((host, 0), type(handler.__name__, (handler,), {"hub": hub}))
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        # Hands are shaken in the thread of the connection, where a stranger holds up nobody else.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server
