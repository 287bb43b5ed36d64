"""What KServe needs of an image, as findings: sentences on what is wrong, what to do, and what is good to know."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .tree import Entry, EntryKind, Tree

MODELS = "models"
#: What KServe's modelcar runs in the image.
COMMANDS = ("sh", "ln", "sleep", "ls")
#: The entrypoint that does the same without a shell, given the arguments KServe passes.
MODELCAR_ENTRYPOINT = "/bin/link-model-and-wait"
#: A container runtime stops here.
MAX_LAYERS = 127
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_WEIGHTS = (
    ".safetensors",
    ".onnx",
    ".bin",
    ".gguf",
    ".pt",
    ".pth",
    ".h5",
    ".pb",
    ".tflite",
    ".joblib",
    ".pkl",
    ".ubj",
)
#: A Git LFS pointer has about 130 bytes; no weights are that small.
_POINTER_BYTES = range(100, 200)
_SHOWN = 3
_OTHERS_READ, _OTHERS_ENTER = 0o4, 0o5


class Level(StrEnum):
    """How much a finding matters.

    >>> from odh_oci_widgets import verify_image
    >>> from odh_oci_widgets.oci import Level
    >>> verification = verify_image("oci:iris-image")
    >>> any(finding.level is Level.ERROR for finding in verification.findings)
    False
    """

    #: KServe could not serve this image
    ERROR = "error"
    #: it works in some places and not in others, or could not be looked at
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One thing about an image: `code` for machines, a sentence and what to do for people.

    >>> from odh_oci_widgets import verify_image
    >>> for finding in verify_image("oci:iris-image").findings:
    ...     print(finding.code, finding.level)
    lfs-pointer warning
    models note
    layout note
    platform note
    """

    level: Level
    code: str
    sentence: str
    hint: str = ""


def check_models(tree: Tree, *, complete: bool) -> Iterator[Finding]:
    """/models: there, not empty, readable by any user of group 0, links inside. `complete`: all layers are known."""
    root = tree.get(MODELS)
    if root and root.kind is not EntryKind.FOLDER:
        yield Finding(
            Level.ERROR,
            "models-not-a-folder",
            f"/models is a {root.kind}, not a folder.",
            "The model server enters it from another container, where such a link leads elsewhere: use a folder.",
        )
        return
    entries = [entry for entry in (root, *tree.below(MODELS)) if entry]
    if all(entry.kind is EntryKind.FOLDER for entry in entries):
        if not complete:
            yield Finding(
                Level.ERROR,
                "models-unseen",
                "No file in /models was found in what can be read without pulling the image.",
                "Run `podman run --rm IMAGE ls -lR /models` to be sure, or build the image again with `odh-oci build`.",
            )
            return
        what = "holds folders only" if tree.names(MODELS) else "is empty" if root else "does not exist"
        hint = "Put the model's files there, e.g. build the image with `odh-oci build`."
        yield Finding(Level.ERROR, "models-missing", f"/models {what}.", hint)
        return
    files = [entry for entry in entries if entry.kind is EntryKind.FILE]
    yield Finding(
        Level.NOTE,
        "models",
        f"/models holds {len(files)} files, {sum(entry.size for entry in files):,} bytes.",
    )
    # a layer may carry the image's root: behind one that nobody may enter nothing can be read
    yield from _check_modes([entry for entry in (tree.get(""), *entries) if entry])
    yield from _check_links(tree, entries)
    yield from _check_sizes(files)
    others = [entry.path for entry in entries if entry.kind is EntryKind.OTHER]
    if others:
        yield Finding(
            Level.WARNING, "special-files", f"{_some(others)} under /models: neither file nor folder."
        )


def _needs(entry: Entry) -> int:
    return _OTHERS_ENTER if entry.kind is EntryKind.FOLDER else _OTHERS_READ


def _check_modes(entries: Iterable[Entry]) -> Iterator[Finding]:
    real = [entry for entry in entries if entry.kind in {EntryKind.FILE, EntryKind.FOLDER}]
    closed = [entry for entry in real if not entry.allows(_needs(entry))]
    if closed:
        yield Finding(
            Level.ERROR,
            "unreadable",
            f"{_some(_described(closed))} cannot be read by an arbitrary user of group 0.",
            "Containers run as such a user: `chmod -R a=rX /models` when the image is built.",
        )
    group_only = [e for e in real if e.allows(_needs(e)) and e.mode & _needs(e) != _needs(e)]
    if group_only:
        yield Finding(
            Level.WARNING,
            "group-only",
            f"{_some(_described(group_only))} can be read by group 0 only.",
            "That suffices on OpenShift; elsewhere `chmod -R a=rX /models` when the image is built.",
        )


def _described(entries: Iterable[Entry]) -> list[str]:
    return [
        f"{entry.path or '/'} (mode {entry.mode:04o}, owner {entry.uid}:{entry.gid})" for entry in entries
    ]


def _check_links(tree: Tree, entries: Iterable[Entry]) -> Iterator[Finding]:
    outside, dangling = list[str](), list[str]()
    for entry in entries:
        if entry.kind is EntryKind.LINK:
            shown = f"{entry.path} -> {entry.target}"
            if _leaves(entry):
                outside.append(shown)
            elif tree.resolve(entry.path) is None:
                dangling.append(shown)
        elif entry.kind is EntryKind.HARD_LINK and tree.resolve(entry.path) is None:
            dangling.append(f"{entry.path} = {entry.target}")
    if outside:
        yield Finding(
            Level.ERROR,
            "link-outside",
            f"{_some(outside)}: a link that leaves /models.",
            "The model server sees /models at another place, as /mnt/models: use relative links inside it, or copies.",
        )
    if dangling:
        yield Finding(
            Level.ERROR, "link-dangling", f"{_some(dangling)}: a link to nothing.", "Copy the file itself."
        )


def _leaves(link: Entry) -> bool:
    if link.target.startswith("/"):
        return True
    reached = posixpath.normpath(posixpath.join(posixpath.dirname(link.path), link.target))
    return reached != MODELS and not reached.startswith(f"{MODELS}/")


def _check_sizes(files: Iterable[Entry]) -> Iterator[Finding]:
    weights = [entry for entry in files if entry.path.lower().endswith(_WEIGHTS)]
    empty = [entry.path for entry in weights if not entry.size]
    if empty:
        yield Finding(Level.WARNING, "empty-file", f"{_some(empty)} is empty.", "Was the download complete?")
    pointers = [entry.path for entry in weights if entry.size in _POINTER_BYTES]
    if pointers:
        yield Finding(
            Level.WARNING,
            "lfs-pointer",
            f"{_some(pointers)} is as small as a Git LFS pointer.",
            "Fetch the weights themselves (`git lfs pull`), or build from `hf://…`.",
        )


def check_config(config: Mapping[str, Any], tree: Tree, *, complete: bool) -> Iterator[Finding]:
    """Whether KServe's modelcar could run: no Entrypoint in its way, and its commands there."""
    running = config.get("config") or {}
    entrypoint = running.get("Entrypoint") or []
    hidden = [v for v in (running.get("Volumes") or {}) if f"{v.strip('/')}/".startswith(f"{MODELS}/")]
    if hidden:
        yield Finding(
            Level.WARNING,
            "volume",
            f"The image declares a volume at {hidden[0]}: some runtimes mount an empty folder there.",
            "Build it without VOLUME.",
        )
    if entrypoint == [MODELCAR_ENTRYPOINT]:
        return
    if entrypoint:
        yield Finding(
            Level.ERROR,
            "entrypoint",
            f"The image has the Entrypoint {' '.join(map(str, entrypoint))!r}.",
            "KServe passes its own command as arguments, which that would swallow: build with `ENTRYPOINT []`.",
        )
        return
    missing = missing_commands(tree, config)
    if not missing:
        return
    named = ", ".join(f"`{command}`" for command in missing)
    if complete:
        yield Finding(
            Level.ERROR,
            "no-shell",
            f"The image has no {named}, which KServe's default mode for oci:// runs in it.",
            "Build on ubi9/ubi-micro or `embedded`, or serve it with oci+native:// or oci+fetch://.",
        )
    else:
        yield Finding(
            Level.WARNING,
            "shell-unseen",
            f"{named} was not found in what can be read without pulling the image.",
            "Run `podman run --rm IMAGE sh -c 'ls /models'` to be sure.",
        )


def missing_commands(tree: Tree, config: Mapping[str, Any]) -> list[str]:
    """Which of the programs that KServe's modelcar runs are not in the image's search path."""
    path = _search_path((config.get("config") or {}).get("Env") or [])
    return [command for command in COMMANDS if not _is_there(tree, command, path)]


def _search_path(env: Iterable[str]) -> list[str]:
    values = dict(str(variable).partition("=")[::2] for variable in env)
    return [folder.strip("/") for folder in values.get("PATH", _DEFAULT_PATH).split(":")]


def _is_there(tree: Tree, command: str, path: Iterable[str]) -> bool:
    found = (tree.resolve(posixpath.join(folder, command)) for folder in path)
    return any(entry is not None and entry.kind is EntryKind.FILE and entry.allows(1) for entry in found)


def check_layout(tree: Tree, runtime: str | None) -> Iterator[Finding]:
    """Whether the files stand where the runtime looks: `models/1/` for OpenVINO, `models/` for the others."""
    names = tree.names(MODELS)
    if not names:
        return
    versions = sorted(
        (name for name in names if name.isdecimal() and tree.names(f"{MODELS}/{name}")),
        key=lambda name: (len(name), name),
    )
    at_top = any(
        entry is not None and entry.kind is not EntryKind.FOLDER
        for entry in (tree.resolve(f"{MODELS}/{name}") for name in names)
    )
    wants_versions = runtime is not None and any(word in runtime.lower() for word in ("ovms", "openvino"))
    if runtime is None:
        kinds = {
            (True, False): f"The layout is that of OpenVINO Model Server (models/{''.join(versions[:1])}/).",
            (False, True): "The layout is that of vLLM and MLServer (files directly in models/).",
        }
        sentence = kinds.get((bool(versions), at_top))
        if sentence:
            yield Finding(Level.NOTE, "layout", sentence)
    elif wants_versions and not versions:
        yield Finding(
            Level.ERROR,
            "layout",
            f"The runtime {runtime} looks for /models/1/, and /models has no such folder with files.",
            "It would report ready without a model: put the files into models/1/ (`odh-oci build` does for ONNX).",
        )
    elif not wants_versions and not at_top:
        yield Finding(
            Level.ERROR,
            "layout",
            f"The runtime {runtime} looks for files directly in /models, and there are only folders.",
            "Put the files into models/, or choose the runtime for OpenVINO.",
        )


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
