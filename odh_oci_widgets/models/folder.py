"""Models on this disk: a folder, a file, or a snapshot in the hub's cache."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from odh_oci_widgets.oci.plan import Source

from .errors import ModelEmpty, ModelError, ModelNotFound, PathLeavesFolder
from .formats import detect_format
from .license import folder_license
from .model import Model, ModelFile
from .naming import service_name
from .selection import left_out
from .web import refuse_impostor

_CACHED = re.compile(r"models--(?P<name>[^/]+)/snapshots/(?P<commit>[0-9a-f]{40})$")


def open_folder(path: Path) -> Model:
    """The model in a folder, or the one file `path`."""
    if path.is_file():
        return _one_file(path)
    if not path.is_dir():
        # What stands below a model's name on the hub is often typed without the scheme.
        name = str(path) if re.fullmatch(r"[\w.-]+/[\w.-]+", str(path)) else "owner/name"
        raise ModelNotFound(
            f"There is no folder or file `{path}`.",
            hint=f"For a model of the Hugging Face hub write hf://{name}.",
        )
    root = _snapshot_of_cache(path)
    cached = _CACHED.search(root.resolve().as_posix())
    scan = _Scan(root.resolve(), root.resolve().parents[1] / "blobs" if cached else None)
    try:
        files = [_model_file(scan, item) for item in scan.files(root, "")]
    except OSError as error:
        raise _unreadable(error, path) from error
    if not files:
        raise ModelEmpty(f"The folder `{path}` is empty.", hint="Choose a folder that holds a model.")
    paths = [file.path for file in files]
    model_format = detect_format(paths)
    reasons = left_out(paths, model_format)
    name = cached["name"].split("--")[-1] if cached else root.resolve().name
    return Model(
        reference=str(path),
        name=service_name(name),
        files=tuple(file for file in files if file.path not in reasons),
        left_out=tuple((file, reasons[file.path]) for file in files if file.path in reasons),
        format=model_format,
        revision=cached["commit"] if cached else None,
        license=folder_license(root),
    )


def _unreadable(error: OSError, path: object) -> ModelError:
    return ModelError(
        f"`{error.filename or path}` cannot be read: {error.strerror}.", hint="Check its permissions."
    )


def refuse_pointers(files: Iterable[ModelFile]) -> None:
    """Raise NotAModel for what a clone without `git lfs pull` has in place of a file: some 130 bytes that name it."""
    for file in files:
        if file.source.path is None or file.size >= 1024:
            continue
        try:
            head = Path(file.source.path).read_bytes()
        except OSError as error:
            raise _unreadable(error, file.path) from error
        if head.startswith(b"version https://git-lfs"):
            refuse_impostor(file.path, head, shown=file.path)


def _one_file(path: Path) -> Model:
    real = path.resolve()
    size = real.stat().st_size
    if not size:
        raise ModelEmpty(f"`{path}` is empty.", hint="Choose a file that holds a model.")
    with real.open("rb") as file:
        refuse_impostor(path.name, file.read(64), shown=f"`{path}`")
    return Model(
        reference=str(path),
        name=service_name(path.stem),
        files=(ModelFile(path=path.name, size=size, source=Source(path=str(real))),),
        format=detect_format([path.name]),
    )


def _snapshot_of_cache(path: Path) -> Path:
    """`models--owner--name` in the hub's cache stands for its newest snapshot."""
    main = path / "refs" / "main"
    if path.name.startswith("models--") and main.is_file():
        return path / "snapshots" / main.read_text().strip()
    return path


@dataclass(frozen=True)
class _Found:
    path: str
    real: Path


@dataclass(frozen=True)
class _Scan:
    """A walk that leaves `root` only for `blobs`, where the hub's cache keeps what its snapshots link to."""

    root: Path
    blobs: Path | None

    def files(self, folder: Path, prefix: str) -> Iterator[_Found]:
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
            # Hidden files are tools' own: .git, .cache of downloads, .ipynb_checkpoints.
            if entry.name.startswith(".") or entry.name == "__pycache__":
                continue
            # realpath and not resolve: the latter raises for a link to itself.
            path, real = prefix + entry.name, Path(os.path.realpath(entry))
            if not real.exists():
                raise ModelNotFound(
                    f"`{path}` is a link to nothing ({entry.readlink()}).",
                    hint="Remove it or bring back its target.",
                )
            if not real.is_relative_to(self.root) and not (self.blobs and real.is_relative_to(self.blobs)):
                raise PathLeavesFolder(
                    f"`{path}` is a link that leaves the folder, to `{real}`.",
                    hint="Copy the file into the folder, or remove the link.",
                )
            if real.is_dir():
                if entry.is_symlink() and folder.resolve().is_relative_to(real):
                    raise PathLeavesFolder(
                        f"`{path}` is a link to a folder around it.", hint="Remove the link."
                    )
                yield from self.files(entry, path + "/")
            elif real.is_file():
                yield _Found(path, real)


def _model_file(scan: _Scan, found: _Found) -> ModelFile:
    size = found.real.stat().st_size
    # The cache names a blob by its hash: sha256 for LFS files, git's blob id for small ones.
    digest = found.real.name if scan.blobs and found.real.is_relative_to(scan.blobs) else ""
    return ModelFile(
        path=found.path,
        size=size,
        source=Source(path=str(found.real)),
        sha256=digest if re.fullmatch(r"[0-9a-f]{64}", digest) else None,
        git_oid=digest if re.fullmatch(r"[0-9a-f]{40}", digest) else None,
    )
