"""A base image with a shell, made of busybox: the default one's registry cannot be reached from tests."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .programs import require

COMMANDS = ("sh", "ls", "ln", "sleep", "cat", "find", "stat", "id", "mkdir")


def write_base_image(
    folder: Path,
    *,
    commands: Sequence[str] = COMMANDS,
    config: dict[str, Any] | None = None,
    platforms: Sequence[str] = ("linux/amd64",),
    docker: bool = False,
) -> Path:
    """An OCI layout with the tag `1` in `folder`. `docker` uses Docker's media types instead of OCI's."""
    layer = gzip.compress(_tar(commands), 1, mtime=0)
    diff_id = f"sha256:{hashlib.sha256(gzip.decompress(layer)).hexdigest()}"
    vendor = "vnd.docker.distribution.manifest" if docker else "vnd.oci.image"
    layer_type = (
        "application/vnd.docker.image.rootfs.diff.tar.gzip"
        if docker
        else "application/vnd.oci.image.layer.v1.tar+gzip"
    )
    config_type = (
        "application/vnd.docker.container.image.v1+json"
        if docker
        else "application/vnd.oci.image.config.v1+json"
    )
    manifest_type = f"application/{vendor}.v2+json" if docker else f"application/{vendor}.manifest.v1+json"
    manifests = []
    for platform in platforms:
        os_name, architecture = platform.split("/")
        image = {
            "architecture": architecture,
            "os": os_name,
            "config": {"Cmd": ["sh"], "Env": ["PATH=/bin"], "Labels": {"base": "busybox"}, **(config or {})},
            "rootfs": {"type": "layers", "diff_ids": [diff_id]},
            "history": [{"created_by": "busybox"}],
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": manifest_type,
            "config": _blob(folder, json.dumps(image).encode(), config_type),
            "layers": [_blob(folder, layer, layer_type)],
        }
        described = _blob(folder, json.dumps(manifest).encode(), manifest_type)
        manifests.append({**described, "platform": {"os": os_name, "architecture": architecture}})
    if len(manifests) > 1:
        kind = "application/vnd.oci.image.index.v1+json"
        index = {"schemaVersion": 2, "mediaType": kind, "manifests": manifests}
        manifests = [_blob(folder, json.dumps(index).encode(), kind)]
    top = {**manifests[0], "annotations": {"org.opencontainers.image.ref.name": "1"}}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [top]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return folder


def push_base_image(folder: Path, image: str, **options: Any) -> str:
    """Write a base image and push it, not with our engine; the image."""
    layout = write_base_image(folder, **options)
    subprocess.run(
        [
            require("skopeo"),
            "copy",
            "-q",
            "--all",
            "--dest-tls-verify=false",
            f"oci:{layout}:1",
            f"docker://{image}",
        ],
        check=True,
        timeout=60,
    )
    return image


def _tar(commands: Sequence[str]) -> bytes:
    busybox = Path(require("busybox")).read_bytes()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        folder = tarfile.TarInfo("bin")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(folder)
        program = tarfile.TarInfo("bin/busybox")
        program.size, program.mode = len(busybox), 0o755
        tar.addfile(program, io.BytesIO(busybox))
        for command in commands:
            link = tarfile.TarInfo(f"bin/{command}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    return buffer.getvalue()


def _blob(folder: Path, data: bytes, media_type: str) -> dict[str, Any]:
    digest = hashlib.sha256(data).hexdigest()
    path = folder / "blobs" / "sha256" / digest
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}
