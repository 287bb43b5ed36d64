"""Programs the tests need, and what to install when one is missing."""

from __future__ import annotations

import os
import shutil

import pytest

#: program -> Debian package
PACKAGES = {
    "docker-registry": "docker-registry",
    "skopeo": "skopeo",
    "podman": "podman",
    "buildah": "buildah",
    "runc": "runc",
    "curl": "curl",
    "busybox": "busybox-static",
    "chromium": "chromium",
    "kubectl": "kubernetes-client",
    "tar": "tar",
    "ssh": "openssh-client",
    "sshd": "openssh-server",
}


def require(program: str) -> str:
    """Path of a program; without it the test is skipped with a line that says what to install (and fails in CI)."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin")
    if path:
        return path
    line = f"{program} is missing: install it, e.g. `apt-get install {PACKAGES[program]}`"
    if os.environ.get("CI") == "true":
        pytest.fail(line)
    pytest.skip(line)
