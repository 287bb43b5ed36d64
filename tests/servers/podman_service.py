"""A real Podman service on a socket, with storage of its own and builds that need no privileges of the machine."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

from .programs import require

DOWNLOADER = "localhost/downloader:1"
#: What the steps of a download need of busybox.
COMMANDS = ("sh", "mkdir", "nc", "dirname", "sha256sum", "chmod", "rm", "cat", "ls", "ln", "sleep", "echo")
#: The hub's client as far as a Containerfile uses it: the real one does not fit into a test image.
#: The token goes through a pipe: on the command line of a `wget --header` everybody on the machine could read it.
_HF = r"""#!/bin/sh
fetch() {
  address=${1#http://}
  host=${address%%/*}
  {
    printf 'GET /%s HTTP/1.0\r\nHost: %s\r\n' "${address#*/}" "$host"
    case "$1" in "$HF_ENDPOINT"/*) printf 'Authorization: Bearer %s\r\n' "$HF_TOKEN" ;; esac
    printf '\r\n'
  } | nc "${host%:*}" "${host#*:}" | {
    read -r _ status _
    while read -r name value && [ "${#name}" -gt 1 ]; do
      case "$name" in [Ll]ocation:) location=${value%?} ;; esac
    done
    case "$status" in 200) cat > "$2" ;; 30?) fetch "$location" "$2" ;; *) exit 1 ;; esac
  }
}
shift
while :; do case "$1" in
  --quiet) shift ;; --revision) revision=$2; shift 2 ;; --local-dir) folder=$2; shift 2 ;; *) break ;;
esac; done
repository=$1; shift
for file in "$@"; do
  mkdir -p "$folder/$(dirname "$file")"
  fetch "$HF_ENDPOINT/$repository/resolve/$revision/$file" "$folder/$file" || exit 1
done
"""


class PodmanService:
    """`url` is its address; `base` an image to build the downloader from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._runroot = tempfile.TemporaryDirectory(
            prefix="pod-"
        )  # podman takes no longer path than 50 characters
        self._podman = [
            require("podman"),
            "--root",
            str(folder / "root"),
            "--runroot",
            self._runroot.name,
            "--storage-driver",
            "vfs",
            "--runtime",
            require("runc"),
            "--cgroup-manager",
            "cgroupfs",
        ]
        folder.mkdir(parents=True)
        socket = Path(self._runroot.name) / "api.sock"
        self.url = f"unix://{socket}"
        self.log = folder / "service.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*self._podman, "system", "service", "--time", "0", self.url],
                env=self._environ,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + 30
        while not socket.exists():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, "the service does not start"
            time.sleep(0.05)

    @property
    def _environ(self) -> dict[str, str]:
        return {**os.environ, "BUILDAH_ISOLATION": "chroot"}

    def call(self, *words: str) -> str:
        """What the podman command says, on the same storage."""
        done = subprocess.run(
            [*self._podman, *words],
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def add_downloader(self, base: str) -> None:
        """The image of the stage that downloads: busybox, with a client of the hub in a few lines."""
        context = self.folder / "downloader"
        context.mkdir()
        (context / "hf").write_text(_HF)
        (context / "pip").write_text("#!/bin/sh\n# nothing to install\n")
        for name in ("hf", "pip"):
            (context / name).chmod(0o755)
        (context / "Dockerfile").write_text(f"FROM {base}\nCOPY hf pip /bin/\n")
        self.call("build", "--tls-verify=false", "-t", DOWNLOADER, str(context))

    def images(self) -> set[str]:
        """Names of the images that the service has."""
        return set(self.call("images", "--format", "{{.Repository}}:{{.Tag}}").split())

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)
        self._runroot.cleanup()
