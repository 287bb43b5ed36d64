"""A Podman service on another machine: its socket, brought to this one by the program `ssh`.

The `podman` package would do that itself, but with `StrictHostKeyChecking no`: any host would be believed, and given
the context of the build, its secrets and the credentials of the registry. Here the host's key must be known.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from odh_oci_widgets.builders.errors import PodmanUnavailable

#: Seconds for the connection to stand.
_CONNECT_SECONDS = 30
#: Seconds for `ssh` to end when it is told to.
_END_SECONDS = 5


class Tunnel:
    """Stands from the start on. `url` is `unix://…`; `close()` ends it, and so does the end of this process.

    `identity` is the file of a private key; without, `ssh` takes what its agent and its configuration have. Host keys
    are those of `known_hosts`; nothing is asked. Raises PodmanUnavailable.
    """

    def __init__(self, url: str, identity: str | None, environ: Mapping[str, str]) -> None:
        address = urlsplit(url)
        if not address.hostname or not address.path:
            raise PodmanUnavailable(
                f"`{url}` does not say where the service's socket is.",
                hint="Write it behind the host: `ssh://me@host/run/user/1000/podman/podman.sock`.",
            )
        self._shown = f"{address.username}@{address.hostname}" if address.username else str(address.hostname)
        self._folder = Path(tempfile.mkdtemp(prefix="odh-oci-ssh-"))
        socket = self._folder / "podman.sock"
        self.url = f"unix://{socket}"
        said = self._folder / "said"
        try:
            with said.open("wb") as errors:
                process = subprocess.Popen(
                    _command(address, socket, identity, environ),
                    env=dict(environ),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    start_new_session=True,  # Ctrl-C is for us: what was begun there is ended in order
                )
        except OSError as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise PodmanUnavailable(
                f"The Podman service of {self._shown} is reached with the program `ssh`, which is not here.",
                hint="Install OpenSSH's client, or use a service at unix:// or tcp://.",
            ) from error
        self._end = weakref.finalize(self, _end, process, self._folder)
        try:
            self._wait(process, socket, said)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End it; twice is once."""
        self._end()

    def _wait(self, process: subprocess.Popen[bytes], socket: Path, said: Path) -> None:
        deadline = time.monotonic() + _CONNECT_SECONDS
        while not socket.exists():
            if process.poll() is not None:
                raise self._trouble(said.read_text(errors="replace"))
            if time.monotonic() > deadline:
                raise self._trouble(f"no answer within {_CONNECT_SECONDS} seconds")
            time.sleep(0.02)

    def _trouble(self, said: str) -> PodmanUnavailable:
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        if "Host key verification failed." in lines:
            return PodmanUnavailable(
                f"The SSH host {self._shown} does not show a key that is known here"
                f"{', but another' if 'CHANGED' in said else ''}: nothing was sent to it.",
                hint=f"Connect once in a terminal (`ssh {self._shown}`), compare the key with what its administrator"
                " says, and let it be kept in ~/.ssh/known_hosts.",
            )
        if "Permission denied" in said:
            return PodmanUnavailable(
                f"The SSH host {self._shown} does not let us in: {lines[-1].rstrip('.')}.",
                hint="Name a key (CONTAINER_SSHKEY, or `--identity` of `podman system connection add`); one with a"
                " passphrase goes into `ssh-agent`.",
            )
        why = lines[-1].rstrip(".") if lines else "ssh ended"
        return PodmanUnavailable(
            f"The SSH host {self._shown} cannot be reached: {why}.",
            hint=f"Try `ssh {self._shown}` in a terminal.",
        )


def _command(
    address: SplitResult, socket: Path, identity: str | None, environ: Mapping[str, str]
) -> list[str]:
    options = {
        "BatchMode": "yes",
        "StrictHostKeyChecking": "yes",
        "ExitOnForwardFailure": "yes",
        "ConnectTimeout": str(_CONNECT_SECONDS // 2),
        "ServerAliveInterval": "15",
        "ControlPath": "none",
    }
    home = environ.get("HOME")
    with suppress(KeyError):
        # `ssh` looks into the home of the account, whatever HOME says; podman, and whoever sets it, mean HOME.
        if home and Path(home) != Path(pwd.getpwuid(os.getuid()).pw_dir):
            options["UserKnownHostsFile"] = f'"{home}/.ssh/known_hosts"'
    if identity:
        options["IdentitiesOnly"] = "yes"
    words = ["ssh", "-N", "-T", *(f"-o{name}={value}" for name, value in options.items())]
    words += ["-i", str(_expanded(identity, home))] if identity else []
    words += ["-p", str(address.port)] if address.port else []
    words += ["-l", address.username] if address.username else []
    return [*words, "-L", f"{socket}:{address.path}", "--", str(address.hostname)]


def _expanded(path: str, home: str | None) -> Path:
    return Path(home, path[2:]) if home and path.startswith("~/") else Path(path).expanduser()


def _end(process: subprocess.Popen[bytes], folder: Path) -> None:
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    shutil.rmtree(folder, ignore_errors=True)
