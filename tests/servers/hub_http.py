"""How the hub stand-in answers: the API with small files, and the host that LFS files are on."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, unquote, urlsplit

from .hub_repository import Blob, Repo

if TYPE_CHECKING:
    from .hub import Hub


@dataclass(frozen=True)
class Seen:
    """A request that arrived."""

    host: str
    method: str
    path: str
    range: str | None
    authorization: str | None
    status: int


@dataclass
class Fault:
    """What to do wrong the next `times` times a path matches the glob `path`.

    One of: answer `status`; `cut` the connection after that many body bytes; `stall` that many seconds first;
    `body` instead of the file; `ignore_range` (200 with everything).
    """

    path: str
    times: int = 1
    status: int | None = None
    cut: int | None = None
    stall: float = 0
    body: bytes | None = None
    ignore_range: bool = False


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    #: As every real server: otherwise each small answer waits 40 ms for the acknowledgement of its headers.
    disable_nagle_algorithm = True
    hub: Hub

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.route, self.query = unquote(url.path), parse_qs(url.query, keep_blank_values=True)
        self.fault = next(
            (f for f in self.hub.faults if f.times > 0 and fnmatchcase(self.route, f.path)), None
        )
        if self.fault:
            self.fault.times -= 1
            if self.fault.stall:
                threading.Event().wait(self.fault.stall)
            if self.fault.status:
                self.answer(self.fault.status, b'{"error":"out of order"}')
                return
        try:
            self.respond()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_HEAD = do_GET  # noqa: N815

    def respond(self) -> None:
        raise NotImplementedError

    def seen(self, status: int) -> None:
        host, port = self.server.server_address[:2]
        self.hub.requests.append(
            Seen(
                f"{host}:{port}",
                self.command,
                self.route,
                self.headers.get("Range"),
                self.headers.get("Authorization"),
                status,
            )
        )

    def answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.seen(status)
        self.send_response(status)
        for name, value in (
            {"Content-Type": "application/json", "Content-Length": str(len(body))} | dict(headers or {})
        ).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_blob(self, blob: Blob, headers: Mapping[str, str]) -> None:
        """The bytes, whole or a range; 416 for a range behind the end."""
        if self.fault and self.fault.body is not None:
            blob = Blob(blob.path, self.fault.body)
        size, start, end, status = blob.size, 0, blob.size - 1, 200
        wanted = self.headers.get("Range", "")
        if wanted.startswith("bytes=") and not (self.fault and self.fault.ignore_range):
            first, _, last = wanted[6:].partition("-")
            start = int(first) if first else max(0, size - int(last))
            end = min(int(last), size - 1) if first and last else size - 1
            status = 206
            if start >= size:
                self.answer(416, headers={"Content-Range": f"bytes */{size}"})
                return
        self.seen(status)
        self.send_response(status)
        extra = {"Content-Range": f"bytes {start}-{end}/{size}"} if status == 206 else {}
        base = {
            "Content-Type": "application/octet-stream",
            "Accept-Ranges": "bytes",
            "Content-Length": str(end - start + 1),
        }
        for name, value in (base | extra | dict(headers)).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        cut = self.fault.cut if self.fault else None
        position = start
        while position <= end:
            chunk = blob.read(position, min(2**18, end + 1 - position))
            if cut is not None and position - start + len(chunk) > cut:
                self.wfile.write(chunk[: cut - (position - start)])
                self.wfile.flush()
                self.close_connection = True
                self.connection.close()
                return
            self.wfile.write(chunk)
            position += len(chunk)


class Cdn(Handler):
    """LFS files under `/{repo}/{sha256}`."""

    def respond(self) -> None:
        *name, sha256 = self.route.strip("/").split("/")
        repo = self.hub.repositories.get("/".join(name))
        blobs = [b for files in (repo.branches.values() if repo else ()) for b in files.values() if b.lfs]
        blob = next((b for b in blobs if b.sha256 == sha256), None)
        if blob is None:
            self.answer(404)
        else:
            self.send_blob(blob, {"ETag": f'"{blob.sha256}"'})


class Api(Handler):
    """`/api/models…` and `/{repo}/resolve/{revision}/{path}`."""

    def respond(self) -> None:
        parts = self.route.strip("/").split("/")
        if parts[:2] == ["api", "models"] and len(parts) == 2:
            self.search()
        elif parts[:2] == ["api", "models"]:
            self.api(parts[2:])
        elif "resolve" in parts[1:3]:
            at = parts.index("resolve")
            self.file("/".join(parts[:at]), parts[at + 1 :])
        else:
            self.answer(404, b"<!doctype html><title>404</title>", {"Content-Type": "text/html"})

    # -- who asks ------------------------------------------------------------------------------------------------

    @property
    def bearer(self) -> str | None:
        return (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None

    def refuse(self, status: int, code: str, message: str) -> None:
        self.answer(
            status,
            json.dumps({"error": message}).encode(),
            {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {}),
        )

    def repo(self, name: str, *, bytes_wanted: bool) -> Repo | None:
        """The repository, or None after a refusal was sent, as the hub words it."""
        repo = self.hub.repositories.get(name)
        if self.bearer not in {None, self.hub.token, self.hub.outsider}:
            self.refuse(401, "", "Invalid credentials in Authorization header")
        elif repo is None or (repo.private and self.bearer != self.hub.token):
            # The hub does not tell a stranger whether a repository exists.
            self.refuse(404 if self.bearer else 401, "RepoNotFound", "Repository not found")
        elif repo.gated and bytes_wanted and self.bearer is None:
            self.refuse(
                401,
                "GatedRepo",
                f"Access to model {name} is restricted. You must have access to it and be authenticated to access it. Please log in.",
            )
        elif repo.gated and bytes_wanted and self.bearer != self.hub.token:
            self.refuse(
                403,
                "GatedRepo",
                f"Access to model {name} is restricted and you are not in the authorized list. Visit {self.hub.url}/{name} to ask for access.",
            )
        else:
            return repo
        return None

    # -- the API -------------------------------------------------------------------------------------------------

    def api(self, parts: list[str]) -> None:
        verbs: dict[str, Callable[[str, Repo, list[str]], None]] = {
            "revision": self.info,
            "tree": self.tree,
            "refs": self.refs,
            "auth-check": lambda _name, _repo, _rest: self.answer(200, b"{}"),
        }
        at = next((i for i, part in enumerate(parts) if i and part in verbs), len(parts))
        name, verb, rest = (
            "/".join(parts[:at]),
            (parts[at] if at < len(parts) else "revision"),
            parts[at + 1 :],
        )
        repo = self.repo(name, bytes_wanted=verb == "auth-check")
        if repo is not None:
            verbs[verb](name, repo, rest)

    def info(self, name: str, repo: Repo, rest: list[str]) -> None:
        commit = repo.resolve("/".join(rest) or "main")
        if commit is None:
            self.refuse(404, "RevisionNotFound", f"Invalid rev id: {'/'.join(rest)}")
            return
        self.answer(200, json.dumps(repo.info(name, commit, blobs="blobs" in self.query)).encode())

    def tree(self, name: str, repo: Repo, rest: list[str]) -> None:
        # A revision with a slash arrives as %2F, so that only the decoded route has more parts: try the longest.
        for end in range(len(rest), 0, -1):
            commit = repo.resolve("/".join(rest[:end]))
            if commit:
                break
        else:
            self.refuse(404, "RevisionNotFound", f"Invalid rev id: {'/'.join(rest)}")
            return
        folder = "".join(part + "/" for part in rest[end:])
        recursive = self.query.get("recursive", [""])[0].lower() == "true"
        entries = []
        for path, blob in sorted(repo.at(commit).items()):
            inside = path.removeprefix(folder)
            if not path.startswith(folder) or (not recursive and "/" in inside):
                continue
            entries.append(blob.entry(xet=repo.xet))
        folders = {"/".join(p.split("/")[:i]) for p in repo.at(commit) for i in range(1, p.count("/") + 1)}
        if recursive:
            entries += [
                {"type": "directory", "oid": "0" * 40, "size": 0, "path": path} for path in sorted(folders)
            ]
        start = int(self.query.get("cursor", ["0"])[0])
        page = 50 if self.query.get("expand", [""])[0].lower() == "true" else self.hub.page
        headers = {}
        if start + page < len(entries):
            after = f"{self.hub.linked}{quote(self.route)}?recursive={recursive}&cursor={start + page}"
            headers["Link"] = f'<{after}>; rel="next"'
        self.answer(200, json.dumps(entries[start : start + page]).encode(), headers)

    def refs(self, name: str, repo: Repo, rest: list[str]) -> None:
        def ref(kind: str, label: str, target: str) -> dict[str, str]:
            return {"name": label, "ref": f"refs/{kind}/{label}", "targetCommit": target}

        body = {
            "branches": [ref("heads", branch, repo.commit(branch)) for branch in repo.branches],
            "tags": [ref("tags", tag, repo.resolve(target) or "") for tag, target in repo.tags.items()],
            "converts": [],
        }
        self.answer(200, json.dumps(body).encode())

    def search(self) -> None:
        """`?search=…&author=…&filter=…&pipeline_tag=…&sort=downloads&limit=…`, most downloads first."""
        if self.bearer not in {None, self.hub.token, self.hub.outsider}:
            self.refuse(401, "", "Invalid credentials in Authorization header")
            return
        words = self.query.get("search", [""])[0].lower()
        author = self.query.get("author", [""])[0]
        task = self.query.get("pipeline_tag", [""])[0]
        filters = set(self.query.get("filter", []))
        found = []
        for name, repo in self.hub.repositories.items():
            info = repo.info(name, repo.commit("main"), blobs=False)
            tags = {*info["tags"], repo.task}
            if (
                all(word in name.lower() for word in words.split())
                and (not author or name.startswith(author + "/"))
                and (not task or repo.task == task)
                and filters <= tags
                and not repo.private
            ):
                found.append(info)
        found.sort(key=lambda info: -info["downloads"])
        start, limit = int(self.query.get("cursor", ["0"])[0]), int(self.query.get("limit", ["1000"])[0])
        headers = {}
        if start + limit < len(found):
            rest = self.path.split("&cursor=", maxsplit=1)[0]
            headers["Link"] = f'<{self.hub.linked}{rest}&cursor={start + limit}>; rel="next"'
        # As the real hub: with `expand` there is nothing but what was asked for.
        wanted = {"_id", "id", "modelId", *self.query["expand"]} if "expand" in self.query else None
        page = found[start : start + limit]
        answer = [{key: value for key, value in info.items() if not wanted or key in wanted} for info in page]
        self.answer(200, json.dumps(answer).encode(), headers)

    def file(self, name: str, rest: list[str]) -> None:
        repo = self.repo(name, bytes_wanted=True)
        if repo is None:
            return
        commit = repo.resolve(rest[0])
        if commit is None:
            self.refuse(404, "RevisionNotFound", f"Invalid rev id: {rest[0]}")
            return
        blob = repo.at(commit).get("/".join(rest[1:]))
        if blob is None:
            self.refuse(404, "EntryNotFound", "Entry not found")
            return
        headers = {"X-Repo-Commit": commit, "ETag": f'"{blob.oid}"'}
        if not blob.lfs:
            self.send_blob(blob, headers)
            return
        headers |= {"X-Linked-Etag": f'"{blob.sha256}"', "X-Linked-Size": str(blob.size)}
        self.answer(302, headers=headers | {"Location": f"{self.hub.cdn}/{name}/{blob.sha256}"})
