"""The file tree of an image: its layers' entries laid over each other, with whiteouts, and what its links mean.

>>> tree = Tree()
>>> tree.add([Entry("bin", EntryKind.LINK, target="usr/bin"), Entry("usr/bin/sh", EntryKind.FILE, mode=0o755)])
>>> tree.resolve("bin/sh").path
'usr/bin/sh'
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
#: As many links in a row as Linux follows.
_MAX_LINKS = 40


class EntryKind(StrEnum):
    """What an entry of a layer is."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "symbolic link"
    HARD_LINK = "hard link"
    OTHER = "device or pipe"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a layer's tar; `path` has no slash at its ends, `target` is what a link says."""

    path: str
    kind: EntryKind
    mode: int = 0
    uid: int = 0
    gid: int = 0
    size: int = 0
    target: str = ""

    def allows(self, bits: int) -> bool:
        """Whether any user of group 0 has the permission `bits` (4 read, 1 search or execute)."""
        return self.mode & bits == bits or (self.gid == 0 and self.mode >> 3 & bits == bits)


class Tree:
    """What a container sees; `add` the layers from the lowest on."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        #: names in each folder; a folder may have no entry of its own
        self._names: dict[str, set[str]] = {"": set()}

    def add(self, entries: Iterable[Entry]) -> None:
        """Lay one more layer over the tree."""
        entries = list(entries)
        for entry in entries:  # whiteouts hide what is below, wherever in the layer they stand
            folder, _, name = entry.path.rpartition("/")
            if name == _OPAQUE:
                for hidden in list(self._names.get(folder, ())):
                    self._remove(posixpath.join(folder, hidden))
            elif name.startswith(_WHITEOUT):
                self._remove(posixpath.join(folder, name.removeprefix(_WHITEOUT)))
        shown = [entry for entry in entries if not posixpath.basename(entry.path).startswith(_WHITEOUT)]
        for entry in shown:
            if entry.kind is not EntryKind.HARD_LINK:
                self._set(entry)
        for entry in shown:
            if entry.kind is EntryKind.HARD_LINK:
                self._set(self._linked(entry))

    def _linked(self, link: Entry) -> Entry:
        """What a hard link is: the file itself under one more name, which outlives the first one."""
        target = posixpath.normpath(f"/{link.target}").lstrip("/")
        original = self.get(target) or self.resolve(target)
        if original is None or original.kind is EntryKind.FOLDER:
            return link
        return replace(original, path=link.path)

    def _set(self, entry: Entry) -> None:
        if entry.kind is not EntryKind.FOLDER:
            self._remove(entry.path)
        self._entries[entry.path] = entry
        if entry.kind is EntryKind.FOLDER:
            self._names.setdefault(entry.path, set())
        path = entry.path
        while path:
            folder, _, name = path.rpartition("/")
            names = self._names.setdefault(folder, set())
            if name in names:
                break
            names.add(name)
            path = folder

    def _remove(self, path: str) -> None:
        for name in self._names.pop(path, ()):
            self._remove(f"{path}/{name}")
        self._entries.pop(path, None)
        folder, _, name = path.rpartition("/")
        self._names.get(folder, set()).discard(name)

    def get(self, path: str) -> Entry | None:
        """The entry at `path`, no link followed; a folder without an entry of its own is a 0755 one of root."""
        entry = self._entries.get(path)
        if entry is None and path in self._names:
            return Entry(path, EntryKind.FOLDER, mode=0o755)
        return entry

    def names(self, folder: str) -> frozenset[str]:
        """The names in a folder."""
        return frozenset(self._names.get(folder, ()))

    def below(self, folder: str) -> Iterator[Entry]:
        """Everything in a folder, at any depth, parents first."""
        for name in sorted(self.names(folder)):
            path = posixpath.join(folder, name)
            entry = self.get(path)
            if entry:
                yield entry
            if path in self._names:
                yield from self.below(path)

    def resolve(self, path: str) -> Entry | None:
        """What `path` leads to inside this image, symbolic and hard links followed; None where nothing is."""
        links = 0
        pending = [part for part in reversed(path.split("/")) if part]
        at = ""
        while pending:
            part = pending.pop()
            if part in {"", "."}:
                continue
            if part == "..":
                at = posixpath.dirname(at)
                continue
            at = posixpath.join(at, part)
            entry = self.get(at)
            if entry is None:
                return None
            if entry.kind in {EntryKind.LINK, EntryKind.HARD_LINK}:
                links += 1
                if links > _MAX_LINKS:
                    return None
                absolute = entry.kind is EntryKind.HARD_LINK or entry.target.startswith("/")
                pending += reversed(entry.target.split("/"))
                at = "" if absolute else posixpath.dirname(at)
        return self.get(at)
