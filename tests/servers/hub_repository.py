"""What the hub stand-in holds: repositories, their revisions and files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

#: endings that the hub keeps in LFS whatever their size, as its default .gitattributes does
LFS_ENDINGS = (
    ".safetensors",
    ".bin",
    ".onnx",
    ".onnx_data",
    ".gguf",
    ".pth",
    ".pt",
    ".h5",
    ".msgpack",
    ".joblib",
    ".pkl",
)
LFS_BYTES = 10 * 2**20


@dataclass(frozen=True)
class Sparse:
    """A file of `size` bytes that starts with `head` and is zero after it."""

    head: bytes
    size: int


Content = bytes | Path | Sparse


@dataclass(frozen=True)
class Blob:
    """A file as the hub knows it."""

    path: str
    content: Content

    @property
    def size(self) -> int:
        if isinstance(self.content, bytes):
            return len(self.content)
        return self.content.size if isinstance(self.content, Sparse) else self.content.stat().st_size

    @property
    def lfs(self) -> bool:
        return self.path.endswith(LFS_ENDINGS) or self.size >= LFS_BYTES

    def read(self, start: int, length: int) -> bytes:
        if isinstance(self.content, bytes):
            return self.content[start : start + length]
        if isinstance(self.content, Sparse):
            length = min(length, self.size - start)
            return self.content.head[start : start + length].ljust(length, b"\0")
        with self.content.open("rb") as file:
            file.seek(start)
            return file.read(length)

    @cached_property
    def sha256(self) -> str:
        """The real one, but for Sparse files, whose zeros nobody wants to hash."""
        if isinstance(self.content, Sparse):
            return hashlib.sha256(self.content.head + str(self.size).encode()).hexdigest()
        digest = hashlib.sha256()
        for start in range(0, self.size, 2**20):
            digest.update(self.read(start, 2**20))
        return digest.hexdigest()

    @cached_property
    def oid(self) -> str:
        """Git's blob id: of the file, or of its pointer when it is in LFS."""
        data = self.pointer if self.lfs else self.read(0, self.size)
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()

    @property
    def pointer(self) -> bytes:
        return b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n" % (
            self.sha256.encode(),
            self.size,
        )

    def entry(self, *, xet: bool) -> dict[str, Any]:
        """As `/tree` lists it."""
        entry: dict[str, Any] = {"type": "file", "oid": self.oid, "size": self.size, "path": self.path}
        if self.lfs:
            entry["lfs"] = {"oid": self.sha256, "size": self.size, "pointerSize": len(self.pointer)}
            if xet:
                entry["xetHash"] = hashlib.sha256(b"xet" + self.sha256.encode()).hexdigest()
        return entry


@dataclass
class Repo:
    """A model repository. `revisions` are further branches; `tags` names commits of `main` or of a branch."""

    files: Mapping[str, Content]
    revisions: Mapping[str, Mapping[str, Content]] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    #: "auto" or "manual" as on the hub
    gated: bool | str = False
    private: bool = False
    license: str | None = None
    library: str | None = None
    task: str | None = None
    downloads: int = 0
    likes: int = 0
    last_modified: str = "2026-01-01T00:00:00.000Z"
    #: parameters per dtype, as the hub tells it for safetensors models
    parameters: Mapping[str, int] = field(default_factory=dict)
    #: whether the LFS files are in Xet storage
    xet: bool = False

    def __post_init__(self) -> None:
        self.branches = {
            name: {path: Blob(path, content) for path, content in files.items()}
            for name, files in ({"main": self.files} | dict(self.revisions)).items()
        }
        self.commits = {self.commit(name): name for name in reversed(self.branches)}

    def commit(self, branch: str) -> str:
        listing = [(path, blob.oid) for path, blob in sorted(self.branches[branch].items())]
        return hashlib.sha1(repr(listing).encode()).hexdigest()

    def resolve(self, revision: str) -> str | None:
        """Branch, tag, commit or the beginning of one -> commit."""
        revision = self.tags.get(revision, revision)
        if revision in self.branches:
            return self.commit(revision)
        return next(
            (commit for commit in self.commits if len(revision) >= 7 and commit.startswith(revision)), None
        )

    def at(self, commit: str) -> dict[str, Blob]:
        return self.branches[self.commits[commit]]

    def info(self, name: str, commit: str, *, blobs: bool) -> dict[str, Any]:
        tags = ([f"license:{self.license}"] if self.license else []) + (
            [self.library] if self.library else []
        )
        siblings = []
        for path, blob in sorted(self.at(commit).items()):
            sibling: dict[str, Any] = {"rfilename": path}
            if blobs:
                sibling |= {"size": blob.size, "blobId": blob.oid}
                if blob.lfs:
                    sibling["lfs"] = {
                        "sha256": blob.sha256,
                        "size": blob.size,
                        "pointerSize": len(blob.pointer),
                    }
            siblings.append(sibling)
        return {
            "_id": commit[:24],
            "id": name,
            "modelId": name,
            "author": name.split("/", maxsplit=1)[0],
            "sha": commit,
            "private": self.private,
            "gated": self.gated,
            "disabled": False,
            "downloads": self.downloads,
            "likes": self.likes,
            "lastModified": self.last_modified,
            "createdAt": self.last_modified,
            "tags": tags,
            "siblings": siblings,
            "cardData": {"license": self.license} if self.license else {},
            **({"library_name": self.library} if self.library else {}),
            **({"pipeline_tag": self.task} if self.task else {}),
            **(
                {"safetensors": {"parameters": dict(self.parameters), "total": sum(self.parameters.values())}}
                if self.parameters
                else {}
            ),
            "usedStorage": sum(blob.size for blob in self.at(commit).values()),
        }
