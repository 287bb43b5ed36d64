"""Look around on this disk for a model: what a file dialog shows."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from .errors import ModelNotFound, PathLeavesFolder
from .formats import detect_format
from .model import ModelFormat


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A folder or file. `format` is what it looks like, by names only: UNKNOWN for a folder that is no model.

    >>> from odh_oci_widgets.models import browse
    >>> [(entry.name, entry.format.value) for entry in browse("~") if entry.name.endswith(".onnx")]
    [('iris.onnx', 'onnx')]
    """

    name: str
    path: Path
    is_folder: bool
    #: bytes of a file; None for a folder, whose size takes long to know
    size: int | None
    format: ModelFormat


def browse(folder: str | os.PathLike[str] = "~", *, root: str | os.PathLike[str] = "~") -> list[Entry]:
    """What stands in a folder, folders first, hidden ones left out; nothing outside `root` is shown.

    Raises ModelNotFound where there is no such folder (or it cannot be read), PathLeavesFolder outside of `root`.

    >>> from odh_oci_widgets.models import browse
    >>> "iris-image" in [entry.name for entry in browse("~") if entry.is_folder]
    True
    """
    top, here = Path(root).expanduser().resolve(), Path(folder).expanduser().resolve()
    if not here.is_relative_to(top):
        raise PathLeavesFolder(f"`{here}` is not below `{top}`.", hint=f"Choose a folder below `{top}`.")
    try:
        names = sorted(entry for entry in here.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise ModelNotFound(
            f"The folder `{here}` cannot be read: {error.strerror}.", hint="Choose another."
        ) from error
    # A link may lead out; a dangling one leads nowhere.
    inside = [path for path in names if path.exists() and path.resolve().is_relative_to(top)]
    return sorted(
        (_entry(path) for path in inside), key=lambda entry: (not entry.is_folder, entry.name.lower())
    )


def _entry(path: Path) -> Entry:
    if not path.is_dir():
        size = path.stat().st_size
        return Entry(name=path.name, path=path, is_folder=False, size=size, format=detect_format([path.name]))
    try:
        names = os.listdir(path)  # noqa: PTH208 - names are enough, of thousands of files too
    except OSError:
        names = []
    # `1/model.onnx` is how OpenVINO Model Server wants it.
    versions = [name for name in names if name.isdigit()]
    if versions and (path / versions[0]).is_dir():
        names += [f"{versions[0]}/{name.name}" for name in (path / versions[0]).iterdir()]
    return Entry(name=path.name, path=path, is_folder=True, size=None, format=detect_format(names))
