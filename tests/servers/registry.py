"""A real `docker-registry` process on the loopback interface."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

from .programs import require


def free_port() -> int:
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Registry:
    """`host` is `127.0.0.1:port`. `extra` is YAML appended to the configuration (e.g. an `auth:` block)."""

    def __init__(
        self,
        folder: Path,
        *,
        extra: str = "",
        tls: tuple[Path, Path] | None = None,
        upload_purging: bool = False,
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.scheme = "https" if tls else "http"
        self.log = folder / "registry.log"
        config = f"""
version: 0.1
log: {{level: info, accesslog: {{disabled: false}}}}
storage:
  filesystem: {{rootdirectory: {folder / "data"}}}
  delete: {{enabled: true}}
  maintenance: {{uploadpurging: {{enabled: {str(upload_purging).lower()}}}}}
http:
  addr: {self.host}
"""
        if tls:
            config += f"  tls: {{certificate: {tls[0]}, key: {tls[1]}}}\n"
        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "config.yml"
        self.config.write_text(config + extra)
        self._program = require("docker-registry")
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "serve", str(self.config)], stdout=log, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with closing(socket.socket()) as sock:
                if sock.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(f"docker-registry did not start:\n{self.log.read_text()[-2000:]}")

    def stop(self, *, kill: bool = False) -> None:
        self._process.kill() if kill else self._process.terminate()
        self._process.wait(20)

    def tags(self, repository: str) -> list[str]:
        try:
            with urllib.request.urlopen(f"{self.scheme}://{self.host}/v2/{repository}/tags/list") as answer:
                return sorted(json.load(answer)["tags"] or [])
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return []
            raise
