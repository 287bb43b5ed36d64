"""A real `sshd` on the loopback interface, with keys and homes of its own."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
import time
from contextlib import closing
from pathlib import Path

from .programs import require
from .registry import free_port


class SSHServer:
    """`home` is a home that knows the server's key, and `key` one that opens it; `host` is `user@127.0.0.1:port`."""

    def __init__(self, folder: Path) -> None:
        program = require("sshd")
        folder.mkdir(parents=True)
        self.folder = folder
        self.port = free_port()
        self.host = f"{pwd.getpwuid(os.getuid()).pw_name}@127.0.0.1:{self.port}"
        self.key, self.host_key = self.new_key("user"), self.new_key("host")
        authorized = folder / "authorized_keys"
        authorized.write_text(self.key.with_suffix(".pub").read_text())
        self.home = folder / "home"
        self.know(self.home, self.host_key)
        if os.getuid() == 0:  # what Debian's service makes at start
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        config = folder / "sshd_config"
        config.write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.host_key}\nPidFile none\n"
            f"AuthorizedKeysFile {authorized}\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
        )
        self.log = folder / "sshd.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen([program, "-D", "-e", "-f", str(config)], stderr=log)
        self._wait()

    def new_key(self, name: str) -> Path:
        """The file of a new private key."""
        path = self.folder / name
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)],
            check=True,
            timeout=30,
        )
        return path

    def know(self, home: Path, key: Path) -> Path:
        """A home whose `known_hosts` holds this key for the server."""
        kind, value, *_ = key.with_suffix(".pub").read_text().split()
        (home / ".ssh").mkdir(parents=True, exist_ok=True)
        (home / ".ssh" / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {kind} {value}\n")
        return home

    def _wait(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self._process.poll() is None:
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"sshd did not start:\n{self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)
