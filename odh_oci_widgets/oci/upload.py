"""Send one blob to a repository, whatever happens on the way.

Up to `Tuning.chunk` bytes go in one PATCH; more go in chunks. After a fault the registry is asked how far it got,
and the rest follows from there; the hash state at the last border spares everything before it. Where the registry
has dropped the upload (docker-registry does when a chunk is cut in its middle) or its chunks land on different
backends, the blob starts again in one PATCH.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NoReturn
from urllib.parse import urlsplit

import urllib3

from .content import Buffer, LayerReader
from .errors import LayerTooLarge, RegistryError
from .headers import parse_range
from .refusals import what_it_said
from .registry import Repository
from .retry import TRANSIENT, ConnectionTrouble, Patience, retry_after

_OK = frozenset({200, 201, 202, 204})
#: Tries to find a committed blob again after the answer to the commit got lost.
_COMMIT_LOOKS = 4
#: What a gateway says that did not wait for the end of a commit.
_GATEWAY = frozenset({504, 524})
#: Logins in a row that did not help.
_MAX_LOGINS = 10

Report = Callable[[int], None]


class SessionLost(Exception):
    """The registry does not know the upload any more, or its state is not ours."""


class Upload:
    """One blob on its way. `report(sent)` hears the position after each block."""

    def __init__(
        self, repository: Repository, reader: LayerReader, patience: Patience, report: Report
    ) -> None:
        self._repository = repository
        self._reader = reader
        self._patience = patience
        self._report = report
        self._scope = repository.scope()
        self._location = ""
        self._chunk = repository.tuning.chunk
        self._logins = 0

    def run(self) -> str:
        """Send it all; the digest. Raises RegistryError, SourceError, Cancelled, with the upload cancelled."""
        whole = self._reader.size <= self._chunk
        # Each start moves bytes, so progress must not make this count begin again.
        starts = Patience(self._repository.tuning, self._patience.cancel, self._patience.notify)
        try:
            while True:
                try:
                    return self._session(whole)
                except SessionLost as lost:
                    whole = True
                    self._forget()
                    starts.wait(f"{lost}; this layer starts again", self._gave_up(str(lost)))
                    self._reader.rewind(0)
        except BaseException:
            self._forget()
            raise
        finally:
            self._reader.close()

    def _session(self, whole: bool) -> str:
        self._start()
        size = self._reader.size
        while (position := self._reader.position) < size:
            end = size if whole else min(size, position + self._chunk)
            try:
                self._patch(position, end)
            except _Fault as fault:
                if fault.login:
                    # Refused before a byte was looked at: the upload stands where it stood.
                    self._log_in_again(fault)
                    self._reader.rewind(position)
                    continue
                self._patience.wait(str(fault), fault.error, retry_after=fault.retry_after)
                self._resume(end)
                # What counts is what the registry kept, not what was sent.
                if self._reader.position > position:
                    self._patience.progressed()
            else:
                self._logins = 0
                self._patience.progressed()
        digest = self._reader.digest
        self._commit(digest)
        self._location = ""
        return digest

    def _start(self) -> None:
        url = self._repository.url("blobs/uploads/")
        while True:
            response = self._repository.request(
                "POST", url, ok=(202,), headers={"Content-Length": "0"}, patience=self._patience
            )
            location = response.headers.get("Location")
            if location:
                break
            nowhere = RegistryError(
                f"{self._repository.reference.registry} began an upload without saying where.",
                hint="Is this an image registry? Something between here and it may cut its answers.",
            )
            self._patience.wait("the answer was cut", nowhere)
        self._location = self._repository.locate(location, url)
        minimum = response.headers.get("OCI-Chunk-Min-Length", "")
        if minimum.isdigit():
            self._chunk = max(self._chunk, int(minimum))

    def _patch(self, start: int, end: int) -> None:
        tuning = self._repository.tuning
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(end - start),
            "Content-Range": f"{start}-{end - 1}",
        }
        try:
            response, used = self._repository.send(
                "PATCH",
                self._location,
                scope=self._scope,
                patience=self._patience,
                body=self._body(end),
                headers=headers,
                # the registry may bring all of it to its disk before it answers
                read=tuning.stall + tuning.commit_per_byte * (end - start),
            )
        except ConnectionTrouble as error:
            trouble = self._repository.explain(error)
            raise _Fault(trouble.message, trouble) from error
        if response.status not in _OK:
            self._judge(response, used)
        self._follow(response)
        reached = _reached(response, end)
        if reached is not None and reached != end:
            raise _Fault(f"the registry has {reached} of {end} bytes", self._gave_up("bytes got lost"))

    def _body(self, end: int) -> Iterator[Buffer]:
        for block in self._reader.blocks(end):
            self._patience.check()
            yield block
            self._report(self._reader.position)

    def _judge(self, response: urllib3.BaseHTTPResponse, used: str | None) -> NoReturn:
        """Raise what a refused request means: a fault that may pass, a lost session, or the end."""
        status = response.status
        refusal = self._repository.refusal(response, self._scope, f"{response.status}")
        if status == 401:
            self._repository.auth.answer(response, self._scope, used, self._patience)
            raise _Fault("the login ran out", refusal, login=True)
        if status == 403 or isinstance(refusal, LayerTooLarge):
            raise refusal
        if status in TRANSIENT or status == 416:
            raise _Fault(f"the registry answered {status}", refusal, retry_after(response.headers))
        raise SessionLost(f"the registry answered {status}{what_it_said(response)}")

    def _log_in_again(self, fault: _Fault) -> None:
        """Go on with the new login; not for ever."""
        self._logins += 1
        self._patience.notify(str(fault), self._logins, 0.0)
        if self._logins > _MAX_LOGINS:
            raise fault.error

    def _follow(self, response: urllib3.BaseHTTPResponse) -> None:
        location = response.headers.get("Location")
        if location:
            self._location = self._repository.locate(location, self._location)

    def _resume(self, end: int) -> None:
        """Ask how far the registry got, and go on from there."""
        while True:
            try:
                response, used = self._repository.send(
                    "GET", self._location, scope=self._scope, patience=self._patience
                )
            except ConnectionTrouble as error:
                trouble = self._repository.explain(error)
                self._patience.wait(trouble.message, trouble)
                continue
            if response.status in _OK:
                break
            try:
                self._judge(response, used)
            except _Fault as fault:
                if response.status == 416:
                    raise SessionLost("the registry answered 416") from fault
                if fault.login:
                    self._log_in_again(fault)
                    continue
                self._patience.wait(str(fault), fault.error, retry_after=fault.retry_after)
        self._follow(response)
        offset = _reached(response, None)
        if offset is None or offset > end:
            raise SessionLost("the registry does not say how far it got")
        self._reader.rewind(offset)
        self._report(offset)

    def _commit(self, digest: str) -> None:
        """Close the upload. A commit may work although its answer gets lost: then the blob is there."""
        looks = 0
        until = time.monotonic() + self._repository.tuning.commit_per_byte * self._reader.size
        at_work = False
        while True:
            try:
                fault = self._close(digest)
            except SessionLost:
                if at_work and self._appears(digest, until):
                    return
                raise
            if fault is None:
                return
            if fault.login:
                self._log_in_again(fault)
                continue
            looks += 1
            at_work = at_work or fault.error.status in _GATEWAY
            if looks > _COMMIT_LOOKS:
                if at_work and self._appears(digest, until):
                    return
                raise SessionLost(f"the commit did not work: {fault}")
            self._patience.wait(str(fault), fault.error, retry_after=fault.retry_after)
            if self._repository.has_blob(digest, self._reader.size):
                return

    def _appears(self, digest: str, until: float) -> bool:
        """Whether a commit that went on behind a gateway ends by `until`: waiting costs less than sending it all."""
        tuning = self._repository.tuning
        wait = tuning.backoff
        while time.monotonic() < until:
            self._patience.cancel.wait(wait)
            self._patience.check()
            if self._repository.has_blob(digest, self._reader.size):
                return True
            wait = min(2 * wait, tuning.max_backoff)
        return False

    def _close(self, digest: str) -> _Fault | None:
        """One try; None when it worked. Raises SessionLost and what cannot pass."""
        tuning = self._repository.tuning
        url = f"{self._location}{'&' if urlsplit(self._location).query else '?'}digest={digest}"
        try:
            response, used = self._repository.send(
                "PUT",
                url,
                scope=self._scope,
                patience=self._patience,
                headers={"Content-Length": "0", "Content-Type": "application/octet-stream"},
                read=tuning.commit + tuning.commit_per_byte * self._reader.size,
            )
        except ConnectionTrouble as error:
            trouble = self._repository.explain(error)
            return _Fault(trouble.message, trouble)
        if response.status in _OK:
            stored = response.headers.get("Docker-Content-Digest", digest)
            if stored != digest:
                raise SessionLost(f"the registry stored {stored}")
            return None
        try:
            self._judge(response, used)
        except _Fault as fault:
            return fault
        except SessionLost:
            # Perhaps an earlier try went through and only its answer got lost.
            if self._repository.has_blob(digest, self._reader.size):
                return None
            raise

    def _forget(self) -> None:
        location, self._location = self._location, ""
        if location:
            self._repository.cancel_upload(location)

    def _gave_up(self, why: str) -> RegistryError:
        return RegistryError(
            f"{self._repository.reference.registry} did not take a layer after several tries: {why}.",
            hint="Its limit for a layer may be too low, or something between here and it cuts connections: "
            "try again later, what was sent already is reused.",
        )


class _Fault(Exception):
    """Something that may be better the next time; `error` is what to raise when it is not."""

    def __init__(
        self, reason: str, error: RegistryError, retry_after: float | None = None, *, login: bool = False
    ) -> None:
        super().__init__(reason)
        self.error = error
        self.login = login
        self.retry_after = retry_after


def _reached(response: urllib3.BaseHTTPResponse, expected: int | None) -> int | None:
    """How many bytes the registry has, by its Range header.

    The specification says `0-N` with N the last byte; Quay says `bytes=0-N` with N the number of bytes when asked
    for the state, but the last byte after a PATCH; docker-registry says `0-0` for an empty upload.
    """
    given = parse_range(response.headers.get("Range"))
    if given is None:
        return None
    last = given[1]
    if expected is not None and last in {expected, expected - 1}:
        return expected
    if last == 0:
        return 0
    return last if response.headers.get("Range", "").strip().lower().startswith("bytes") else last + 1
