"""One repository of a registry: requests with login and retries, manifests, blobs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from threading import Event, Lock
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import urllib3

from .auth import Authenticator
from .credentials import Credential
from .errors import ImageNotFound, OdhOciError, RegistryError
from .headers import parse_link
from .http import http_pool
from .media import ACCEPT, sha256
from .reference import Reference
from .refusals import refusal
from .retry import TRANSIENT, ConnectionTrouble, Notify, Patience, ignore, retry_after
from .transport import explain, hopeless, speaks_plain_http, spoken_scheme
from .tuning import DEFAULT, Tuning

#: Redirects of a blob to a registry's storage.
_MAX_REDIRECTS = 5
#: 401 answers to one request before the registry is believed: tokens run out while several streams share them.
_MAX_LOGINS = 4
#: Tries before a registry that never answered is taken for unreachable.
FIRST_CONTACT_TRIES = 3


@dataclass(frozen=True)
class Manifest:
    """A manifest as its registry holds it: the exact bytes, what they are, and their digest."""

    data: bytes
    media_type: str
    digest: str

    @property
    def document(self) -> dict[str, Any]:
        """The JSON. Raises RegistryError where it is none."""
        try:
            document = json.loads(self.data)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise RegistryError(f"The manifest {self.digest} is not JSON.", hint="Is this an image registry?")
        return document


class Repository:
    """A repository and how to talk to its registry; safe between threads.

    `insecure` tries HTTPS with any certificate first and plain HTTP where the registry does not speak TLS.
    `writes` asks for the right to push from the start: one login serves for everything.
    """

    def __init__(
        self,
        reference: Reference,
        *,
        credential: Credential | None = None,
        insecure: bool = False,
        writes: bool = False,
        tuning: Tuning = DEFAULT,
        cancel: Event | None = None,
        notify: Notify = ignore,
    ) -> None:
        self.reference = reference
        self.name = reference.repository
        self.tuning = tuning
        self.insecure = insecure
        #: whether it ever did: what never answered is a wrong name or network rather than a passing fault
        self._answered = False
        self._actions = "pull,push" if writes else "pull"
        self.cancel = cancel or Event()
        self.http = http_pool(insecure=insecure, read=tuning.stall)
        self.auth = Authenticator(reference.registry, credential, http=self.http, insecure=insecure)
        self._notify = notify
        self._scheme: str | None = None
        self._lock = Lock()

    def patience(self, notify: Notify | None = None) -> Patience:
        """A fresh count of tries."""
        return Patience(self.tuning, self.cancel, notify or self._notify)

    # -- requests ---------------------------------------------------------------------------------------------

    @property
    def scheme(self) -> str:
        """`https`, or `http` where that was found to be spoken and is allowed."""
        with self._lock:
            if self._scheme is None:
                self._scheme = self._find_scheme()
            return self._scheme

    def _find_scheme(self) -> str:
        if not self.insecure:
            return "https"
        patience = self.patience()
        while True:
            try:
                return spoken_scheme(self.http, self.reference.api_host)
            except ConnectionTrouble as error:
                trouble = explain(error, self.reference.registry)
                if patience.failures >= FIRST_CONTACT_TRIES - 1:
                    raise trouble from error
                patience.wait("no connection", trouble)

    def url(self, path: str) -> str:
        """The URL of `path` below this repository (`blobs/…`)."""
        return f"{self.scheme}://{self.reference.api_host}/v2/{self.name}/{path}"

    def locate(self, location: str, asked: str) -> str:
        """The URL that a `Location` header means: relative or absolute, and at the registry's own scheme and port.

        Registries behind proxies often name themselves by `http://` or without their port.
        """
        url = urljoin(asked, location)
        parts, own = urlsplit(url), urlsplit(asked)
        if parts.hostname == own.hostname:
            url = parts._replace(scheme=own.scheme, netloc=own.netloc).geturl()
        return url

    def scope(self, actions: str | None = None) -> str:
        """The token scope for `actions` (default: all that this repository is used for)."""
        return f"repository:{self.name}:{actions or self._actions}"

    def send(
        self,
        method: str,
        url: str,
        *,
        scope: str,
        patience: Patience,
        body: bytes | Iterable[Any] | None = None,
        headers: Mapping[str, str] | None = None,
        read: float | None = None,
        stream: bool = False,
    ) -> tuple[urllib3.BaseHTTPResponse, str | None]:
        """One try. Returns the answer and the Authorization that was used."""
        patience.check()
        sent = dict(headers or {})
        authorization = None
        if urlsplit(url).netloc == self.reference.api_host:
            authorization = self.auth.header(scope, patience)
            if authorization:
                sent["Authorization"] = authorization
        try:
            response = self.http.request(method, url, body=body, headers=sent, read=read, stream=stream)
        except ConnectionTrouble:
            patience.check()  # broken because the user cancelled
            raise
        self._answered = True
        return response, authorization

    def request(
        self,
        method: str,
        url: str,
        *,
        scope: str | None = None,
        ok: Iterable[int] = (200,),
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        read: float | None = None,
        stream: bool = False,
        patience: Patience | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """A request that may be repeated: with login, and again after faults that may pass.

        Answers outside `ok` are raised as the RegistryError type that fits.
        """
        patience = patience or self.patience()
        scope = scope or self.scope()
        logins = 0
        what = f"{method} {urlsplit(url).path}"
        while True:
            try:
                response, used = self.send(
                    method,
                    url,
                    scope=scope,
                    patience=patience,
                    body=body,
                    headers=headers,
                    read=read,
                    stream=stream,
                )
            except ConnectionTrouble as error:
                trouble = self.explain(error)
                if not self._answered and (hopeless(error) or patience.failures >= FIRST_CONTACT_TRIES - 1):
                    raise trouble from error
                patience.wait(trouble.message, trouble)
                continue
            if response.status in ok:
                return response
            if stream:
                response.drain_conn()
            if response.status == 401 and logins < _MAX_LOGINS:
                logins += 1
                if self.auth.answer(response, scope, used, patience):
                    continue
                if "WWW-Authenticate" not in response.headers:  # not the registry, but something before it
                    patience.wait("the registry answered 401", self.refusal(response, scope, what))
                    continue
            if response.status in TRANSIENT:
                patience.wait(
                    f"the registry answered {response.status}",
                    self.refusal(response, scope, what),
                    retry_after=retry_after(response.headers),
                )
                continue
            raise self.refusal(response, scope, what)

    def explain(self, error: Exception) -> RegistryError:
        """What a broken connection means; looks whether the registry speaks plain HTTP where TLS failed."""
        plain = not self.insecure and speaks_plain_http(error)
        return explain(error, self.reference.registry, plain=plain)

    def refusal(self, response: urllib3.BaseHTTPResponse, scope: str, what: str = "") -> RegistryError:
        """The typed error of an answer."""
        return refusal(response, self.reference, self.auth, pushing="push" in scope, what=what)

    # -- manifests --------------------------------------------------------------------------------------------

    def manifest(self, identifier: str | None = None) -> Manifest:
        """A manifest by tag or digest. Raises ImageNotFound."""
        identifier = identifier or self.reference.identifier
        response = self.request("GET", self.url(f"manifests/{identifier}"), headers={"Accept": ACCEPT})
        data = response.data
        digest = sha256(data)
        if identifier.startswith("sha256:") and identifier != digest:
            raise RegistryError(
                f"{self.reference.registry} sent something else than {identifier}.", hint="Try again."
            )
        media_type = response.headers.get("Content-Type", "").partition(";")[0].strip()
        return Manifest(data, media_type, digest)

    def find_manifest(self, identifier: str | None = None) -> Manifest | None:
        """The same, None where there is none (a repository that does not exist yet, too)."""
        try:
            return self.manifest(identifier)
        except ImageNotFound:
            return None

    def put_manifest(self, data: bytes, media_type: str, identifier: str) -> None:
        """Store a manifest under a tag or its digest. Raises RegistryError (400 where a blob is missing)."""
        response = self.request(
            "PUT",
            self.url(f"manifests/{identifier}"),
            ok=(200, 201, 202, 204),
            body=data,
            headers={"Content-Type": media_type},
            read=self.tuning.stall * 3,
        )
        stored = response.headers.get("Docker-Content-Digest")
        if not stored:  # perhaps not the registry, but the login page of a network before it
            found = self.find_manifest(identifier)
            if found is None or found.digest != sha256(data):
                raise RegistryError(
                    f"{self.reference.registry} took the manifest and does not have it.",
                    hint="Something between here and it answers in its place: open it in a browser, and try again.",
                    status=400,
                )
        elif stored != sha256(data):
            self.delete_manifest(stored)
            raise RegistryError(
                f"{self.reference.registry} stored {stored} instead of {sha256(data)}.",
                hint="It, or something between here and it, changes manifests: use another registry.",
                status=400,
            )

    def delete_manifest(self, digest: str) -> bool:
        """Remove a manifest where that is allowed; says whether it was. One try a right, no error."""
        url = self.url(f"manifests/{digest}")
        # Quay deletes by the right to push, and gives no token to who asks for a right that it does not know.
        for scope in (self.scope(), self.scope("delete")):
            try:
                response, _ = self.send(
                    "DELETE", url, scope=scope, patience=Patience(Tuning(attempts=1), self.cancel)
                )
            except (OdhOciError, *ConnectionTrouble):
                return False
            if response.status not in {401, 403}:
                return response.status in {200, 202, 204, 404}
        return False

    def tags(self) -> list[str]:
        """The repository's tags; empty where it does not exist or does not tell."""
        url, found = self.url("tags/list?n=1000"), list[str]()
        for _ in range(10):
            try:
                response = self.request("GET", url)
                found += json.loads(response.data).get("tags") or []
            except (RegistryError, ValueError, AttributeError):
                break
            following = parse_link(response.headers.get("Link")).get("next")
            if not following:
                break
            url = self.locate(following, url)
        return [tag for tag in found if isinstance(tag, str)]

    # -- blobs ------------------------------------------------------------------------------------------------

    def blob_size(self, digest: str, patience: Patience | None = None) -> int | None:
        """Bytes of a blob, None where the repository does not hold it."""
        try:
            response = self.request(
                "HEAD", self.url(f"blobs/{digest}"), ok=(200, 307, 302), patience=patience
            )
        except ImageNotFound:
            return None
        if response.status != 200:
            return -1
        return int(response.headers.get("Content-Length") or -1)

    def has_blob(self, digest: str, size: int) -> bool:
        """Whether the repository holds that blob."""
        found = self.blob_size(digest)
        return found is not None and found in {-1, size}

    def open_blob(
        self, digest: str, offset: int = 0, patience: Patience | None = None, *, end: int | None = None
    ) -> urllib3.BaseHTTPResponse:
        """The bytes of a blob from `offset` on (up to `end`), as a stream; the caller closes it.

        Follows redirects to the registry's storage without the login. The answer may be 200 with everything where
        a Range was asked: the caller looks at `status`.
        """
        headers = {"Accept-Encoding": "identity"}
        if offset or end is not None:
            headers["Range"] = f"bytes={offset}-" + ("" if end is None else str(end - 1))
        url = self.url(f"blobs/{digest}")
        for _ in range(_MAX_REDIRECTS):
            response = self.request(
                "GET",
                url,
                ok=(200, 206, 301, 302, 303, 307, 308),
                headers=headers,
                stream=True,
                patience=patience,
            )
            if response.status in {200, 206}:
                return response
            response.drain_conn()
            url = urljoin(url, response.headers.get("Location", ""))
        raise RegistryError(
            f"{self.reference.registry} redirects {digest} too often.", hint="Try again later."
        )

    def read_blob(self, digest: str, limit: int = 2**22) -> bytes:
        """A small blob (a config). Raises RegistryError where its bytes are not what the digest says."""
        patience = self.patience()
        while True:
            try:
                response = self.open_blob(digest, patience=patience)
                data = response.read(limit + 1)
                response.close()
            except ConnectionTrouble as error:
                patience.wait("the connection broke", self.explain(error))
                continue
            if sha256(data) == digest:
                return data
            wrong = RegistryError(
                f"{self.reference.registry} sent wrong bytes for {digest}.", hint="Try again."
            )
            patience.wait("wrong bytes", wrong)

    def mount_blob(self, digest: str, source: str) -> bool:
        """Take a blob over from another repository of the same registry; False where that is not possible."""
        url = self.url(f"blobs/uploads/?mount={quote(digest, safe=':')}&from={quote(source, safe='/')}")
        try:
            response = self.request(
                "POST",
                url,
                scope=f"{self.scope()} repository:{source}:pull",
                ok=(201, 202),
                headers={"Content-Length": "0"},
            )
        except RegistryError:
            return False
        if response.status == 201:
            return True
        location = response.headers.get("Location")
        if location:  # the registry began an upload instead, which nobody wants
            self.cancel_upload(self.locate(location, url))
        return False

    def cancel_upload(self, url: str) -> None:
        """Tell the registry to forget an upload; one short try."""
        try:
            patience = Patience(Tuning(attempts=1), Event())
            authorization = self.auth.header(self.scope(), patience)
            own = urlsplit(url).netloc == self.reference.api_host
            headers = {"Authorization": authorization} if authorization and own else {}
            self.http.request("DELETE", url, headers=headers, read=1.0)
        except (RegistryError, *ConnectionTrouble):
            return

    def close(self) -> None:
        """Close connections."""
        self.http.close()
