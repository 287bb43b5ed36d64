"""Builds the extension into wheels and source distributions: the build function of hatch-jupyter-builder.

Whoever works on the Python side needs no Node: an editable install leaves the extension to `make labextension`, and
where npm is missing a wheel is built without it. Both say so.
"""

from __future__ import annotations

import logging
import shutil
import subprocess
from pathlib import Path

FOLDER = Path("labextension")
#: what goes to share/jupyter/labextensions
OUTPUT = FOLDER / "dist" / "odh-oci-widgets"
_log = logging.getLogger("odh-oci-widgets")


def build(_target: str, version: str) -> None:
    """Build, or say why not. `version` is `standard` or `editable`."""
    # Hatchling insists that what belongs into a wheel is there.
    OUTPUT.mkdir(parents=True, exist_ok=True)
    npm = shutil.which("npm")
    if version == "editable":
        _log.warning(
            "The JupyterLab extension is not built for an editable install: see `make labextension`."
        )
    elif npm is None:
        _log.warning("The JupyterLab extension is left out: npm is missing. Install Node.js 20 to have it.")
    else:
        # No package may run a script of its own while it is installed; none of ours needs to.
        subprocess.run([npm, "ci", "--ignore-scripts"], cwd=FOLDER, check=True)
        subprocess.run([npm, "run", "build"], cwd=FOLDER, check=True)
