"""A real JupyterLab on the loopback interface, with a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat

from .registry import free_port

#: Extensions that reach for the internet or put dialogs into the page.
_DISABLED = {"@jupyterlab/apputils-extension:announcements": True}
#: Variables of who runs the tests that a kernel must not see.
FOREIGN = ("JUPYTER", "XDG_", "HF_", "KUBE", "REGISTRY_", "DOCKER_", "ODH_OCI_", "NB_")


class Lab:
    """`url` is the server with its base URL, `root` the folder it shows. Stop it, and its kernels end with it.

    `python` is that of the environment whose JupyterLab it is; `labextensions` is a folder of extensions that are
    not installed there.
    """

    def __init__(
        self,
        folder: Path,
        *,
        environ: dict[str, str] | None = None,
        base_url: str = "",
        labextensions: Path | None = None,
        python: str = sys.executable,
    ) -> None:
        self.root = folder / "root"
        self.log = folder / "lab.log"
        home = folder / "home"
        settings = folder / "config" / "labconfig"
        for made in (self.root, home, settings):
            made.mkdir(parents=True, exist_ok=True)
        # A build of the extension may be installed beside the package, by an installation after `make labextension`.
        ours = {} if labextensions or python != sys.executable else {"odh-oci-widgets": True}
        (settings / "page_config.json").write_text(json.dumps({"disabledExtensions": _DISABLED | ours}))
        self.token = "test"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}{base_url}"
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)},
            "HOME": str(home),
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_DATA_DIR": str(folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "IPYTHONDIR": str(folder / "ipython"),
            **(environ or {}),
        }
        # An environment of its own has our package installed.
        paths = [str(Path(__file__).resolve().parents[2])] if python == sys.executable else []
        self.environ["PYTHONPATH"] = os.pathsep.join(
            [*paths, *filter(None, [(environ or {}).get("PYTHONPATH")])]
        )
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    python,
                    "-m",
                    "jupyterlab",
                    "--no-browser",
                    "--allow-root",
                    "--LabApp.expose_app_in_browser=True",
                    "--ServerApp.ip=127.0.0.1",
                    f"--ServerApp.port={self.port}",
                    "--ServerApp.port_retries=0",
                    f"--IdentityProvider.token={self.token}",
                    f"--ServerApp.root_dir={self.root}",
                    f"--ServerApp.base_url={base_url or '/'}",
                    *([f"--LabApp.extra_labextensions_path={labextensions}"] if labextensions else []),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environ,
            )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 180  # a busy machine takes its time
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/api?token={self.token}", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"JupyterLab did not start:\n{self.log.read_text()[-2000:]}")

    def notebook(self, name: str, *cells: str) -> str:
        """Write a notebook; its URL in the single-document mode of JupyterLab."""
        book = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        )
        (self.root / name).write_text(nbformat.writes(book))
        return f"{self.url}/doc/tree/{name}?token={self.token}&reset"

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(20)
