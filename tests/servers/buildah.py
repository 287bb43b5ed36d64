"""Real builds of Containerfiles with `buildah`, as OpenShift's builder does them.

The default images cannot be pulled in tests: `downloader` is an image with nothing in it but the way to this machine's
own programs (shell, curl, sha256sum, and Python with the hub's client), which are mounted while a step runs.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

from .programs import require

DOWNLOADER = "localhost/downloader:1"


class Buildah:
    """Storage of its own in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._store = [
            require("buildah"),
            "--root",
            str(folder / "root"),
            "--runroot",
            str(folder / "run"),
            "--storage-driver",
            "vfs",
        ]
        self.processes: list[subprocess.Popen[str]] = []
        #: every command line, as another user of the machine would see it
        self.commands: list[list[str]] = []
        self._add_downloader()

    def bud(self, context: Path, tag: str, secrets: Path | None, told: Callable[[str], None]) -> int:
        """Build `context/Dockerfile`; exit status. `secrets` is mounted as a build's volume is."""
        volumes = [f"{folder}:{folder}:ro" for folder in _programs()]
        if secrets:
            volumes.append(f"{secrets}:/opt/odh-oci/secrets:ro")
        words = [
            "bud",
            "--isolation",
            "chroot",
            "--network",
            "host",
            "--tls-verify=false",
            "--no-cache",
            "-t",
            tag,
        ]
        for volume in volumes:
            words += ["--volume", volume]
        return self._call([*words, "-f", str(context / "Dockerfile"), str(context)], told)

    def push(
        self, tag: str, image: str, told: Callable[[str], None], authfile: Path | None = None
    ) -> tuple[int, str]:
        """Exit status and digest."""
        told(f"Pushing image {image} ...")
        digest = self.folder / "digest"
        words = ["push", "--tls-verify=false", "--format", "v2s2", "--digestfile", str(digest)]
        words += ["--authfile", str(authfile)] if authfile else []
        words += [tag, f"docker://{image}"]
        code = self._call(words, told)
        if code == 0:
            told(f"Successfully pushed {image}@{digest.read_text()}")
        return code, digest.read_text() if code == 0 else ""

    def stop(self) -> None:
        for process in self.processes:
            process.kill()

    def _call(self, words: list[str], told: Callable[[str], None]) -> int:
        command = [*self._store, *words]
        self.commands.append(command)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.processes.append(process)
        assert process.stdout is not None
        for line in process.stdout:
            told(line.rstrip("\n"))
        return process.wait(60)

    def _add_downloader(self) -> None:
        context = self.folder / "downloader"
        context.mkdir(parents=True)
        (context / "root.tar").write_bytes(_root())
        path = f"{Path(sys.prefix) / 'bin'}:/usr/bin:/bin"
        (context / "Dockerfile").write_text(
            f"FROM scratch\nADD root.tar /\nENV PATH={path} HOME=/tmp HF_HUB_DISABLE_XET=1\nUSER 1001\n"
        )
        told: list[str] = []
        assert self.bud(context, DOWNLOADER, None, told.append) == 0, "\n".join(told)


def _programs() -> Iterable[str]:
    """Folders with the programs of this machine; those of an environment name it by the path it was made at."""
    return dict.fromkeys(("/usr", sys.prefix, str(Path(sys.prefix).resolve()), sys.base_prefix))


def _root() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in ("usr", "etc", "tmp"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            tar.addfile(folder)
        for name in ("bin", "lib", "lib64", "sbin"):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, f"usr/{name}"
            tar.addfile(link)
    return buffer.getvalue()
