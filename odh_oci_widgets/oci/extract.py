"""Take the model out of an image: the content of `/models`, as a container would see it."""

from __future__ import annotations

import hashlib
import os
import posixpath
import shutil
import tarfile
import tempfile
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any, cast

from .credentials import Credentials
from .errors import LayoutError, OdhOciError, RegistryError
from .inspection import inspect
from .media import Descriptor
from .reference import LayoutReference, Reference
from .retry import Patience
from .reuse import FILES
from .store import Store, open_store
from .tuning import DEFAULT

_BLOCK = 2**20
_TRIES = 2


def pull_models(
    image: str | Reference | LayoutReference,
    folder: Path,
    *,
    credentials: Credentials | None = None,
    insecure: bool = False,
    cancel: Event | None = None,
) -> Path:
    """Write what stands in the image's `/models` into `folder` (new or empty), and return `folder`.

    `/models/1/model.onnx` becomes `folder/1/model.onnx`. Works on images of other tools too. The folder appears
    when it is complete. Raises ImageNotFound, RegistryError, LayoutError, Cancelled.

    >>> from odh_oci_widgets.oci import pull_models
    >>> from pathlib import Path
    >>> folder = pull_models("oci:iris-image", Path("pulled"))
    >>> sorted(str(path.relative_to(folder)) for path in folder.rglob("*.onnx"))
    ['1/iris.onnx']
    """
    folder = folder.absolute()
    stop = cancel or Event()
    store = open_store(image, credentials=credentials, insecure=insecure, cancel=stop)
    try:
        if folder.exists() and any(folder.iterdir()):
            raise LayoutError(f"`{folder}` is not empty.", hint="Choose a new folder.")
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        store.close()
        raise LayoutError(
            f"`{folder}` cannot be written: {error.strerror}.", hint="Choose another."
        ) from error
    try:
        _extract(store, temporary, Patience(DEFAULT, stop))
        with suppress(FileNotFoundError):
            folder.rmdir()
        temporary.rename(folder)
    except OSError as error:
        raise LayoutError(
            f"`{folder}` cannot be written: {error.strerror}.", hint="Make room there."
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        store.close()
    return folder


def _extract(store: Store, target: Path, patience: Patience) -> None:
    info = inspect(store)
    layers = list(info.layers)
    ours = [number for number, layer in enumerate(layers) if FILES in layer.get("annotations", {})]
    if ours:
        del layers[: ours[0]]  # the base image's: no model there
    for layer in layers:
        _layer(store, layer, target, patience)
    if not any(target.iterdir()):
        raise RegistryError(f"{store.reference} has no files in `/models`.", hint="Is it a model image?")
    target.chmod(0o755)


class _Hashed:
    """A layer as the file that tarfile reads, hashed on the way."""

    def __init__(self, store: Store, layer: Descriptor, patience: Patience) -> None:
        self._stream = store.stream(layer, 0, patience)
        self._left = layer["size"]
        self._hash = hashlib.new(layer["digest"].partition(":")[0])
        self.wanted = layer["digest"]

    def read(self, size: int) -> bytes:
        """Up to `size` bytes."""
        if not self._left:
            return b""
        chunk = bytes(self._stream.read(min(size, self._left)))
        self._left -= len(chunk)
        self._hash.update(chunk)
        return chunk

    def check(self) -> None:
        """Read to the end; raise where the bytes are not those of the digest."""
        while self.read(_BLOCK):
            pass
        if self._hash.hexdigest() != self.wanted.partition(":")[2]:
            raise RegistryError(f"The layer {self.wanted} came with wrong bytes.", hint="Try again.")

    def close(self) -> None:
        """Close the blob."""
        self._stream.close()


def _layer(store: Store, layer: Descriptor, target: Path, patience: Patience) -> None:
    if layer["mediaType"].endswith("+zstd"):
        raise RegistryError(
            "A layer of the image is compressed with zstd, which is not read here.",
            hint="Copy the image with `skopeo copy --dest-compress-format gzip` first.",
        )
    for last in range(_TRIES - 1, -1, -1):
        pipe = _Hashed(store, layer, patience)
        try:
            with tarfile.open(fileobj=cast("Any", pipe), mode="r|*", bufsize=_BLOCK) as tar:
                for member in tar:
                    patience.check()
                    _member(tar, member, target)
            pipe.check()
        except (tarfile.TarError, EOFError, RegistryError) as error:
            if last:
                continue
            if isinstance(error, OdhOciError):
                raise
            raise RegistryError(
                f"The layer {layer['digest']} cannot be read: {error}.", hint="Try again."
            ) from error
        else:
            return
        finally:
            pipe.close()


def _member(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    """Write one entry where it belongs to `/models`; nothing ever lands outside of `target`."""
    path = posixpath.normpath("/" + member.name).lstrip("/")
    if not path.startswith("models/"):
        return
    relative = path.removeprefix("models/")
    folder, name = posixpath.split(relative)
    parent = _folder(target, folder)
    if name == ".wh..wh..opq":
        for entry in parent.iterdir():
            _remove(entry)
        return
    if name.startswith(".wh."):
        _remove(parent / name.removeprefix(".wh."))
        return
    destination = parent / name
    if member.isdir():
        if destination.is_symlink() or (destination.exists() and not destination.is_dir()):
            _remove(destination)
        destination.mkdir(exist_ok=True)
        return
    _remove(destination)
    if member.isfile():
        source = tar.extractfile(member)
        with destination.open("xb") as out:
            if source is not None:
                shutil.copyfileobj(source, out, _BLOCK)
    elif member.issym() or member.islnk():
        _link(member, relative, target, destination)


def _link(member: tarfile.TarInfo, relative: str, target: Path, destination: Path) -> None:
    """A link stays a link to a file of the model, or is left out."""
    if member.islnk():
        leads = posixpath.normpath("/" + member.linkname).lstrip("/")
    else:
        leads = posixpath.normpath(
            posixpath.join("/models", posixpath.dirname(relative), member.linkname)
        ).lstrip("/")
    if not leads.startswith("models/"):
        return
    original = target / leads.removeprefix("models/")
    if member.issym():
        destination.symlink_to(os.path.relpath(original, destination.parent))
    elif original.is_file() and not original.is_symlink():
        os.link(original, destination)


def _folder(target: Path, relative: str) -> Path:
    """The folder below `target`, made where missing, with no link on the way."""
    folder = target
    for part in filter(None, relative.split("/")):
        folder = folder / part
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            _remove(folder)
        folder.mkdir(exist_ok=True)
    return folder


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
