"""Which way the bytes of a file come: from disk, from Xet storage, over one connection or several."""

from __future__ import annotations

from . import xet
from .ahead import SEGMENT, AheadStream, Budget
from .content import Buffer, Opener, Stream
from .plan import PlanFile
from .retry import Patience
from .sources import FileStream, Web, WebStream
from .tuning import Tuning


def opener(web: Web, patience: Patience, tuning: Tuning, budget: Budget) -> Opener:
    """Opens any source of a plan."""

    def over_http(file: PlanFile, offset: int) -> Stream:
        if file.size - offset > 2 * SEGMENT:
            return AheadStream(web, file, offset, patience, budget)
        return WebStream(web, file, offset, patience)

    def open_file(file: PlanFile, offset: int) -> Stream:
        if file.source.path is not None:
            return FileStream(file, offset, tuning.block)
        if web.xet and xet.available(file):
            return XetFirst(file, offset, web, patience, over_http)
        return over_http(file, offset)

    return open_file


class XetFirst:
    """Xet's stream, and plain HTTPS from where it failed on."""

    def __init__(self, file: PlanFile, offset: int, web: Web, patience: Patience, fallback: Opener) -> None:
        self._file = file
        self._at = offset
        self._web = web
        self._patience = patience
        self._fallback = fallback
        self._stream: Stream
        try:
            self._stream = xet.XetStream(file, offset, web.token(file), patience)
        except xet.XetFailed as error:
            self._fall_back(error)

    def read(self, size: int) -> Buffer:
        """As `Stream` says."""
        try:
            chunk = self._stream.read(size)
        except xet.XetFailed as error:
            self._fall_back(error)
            chunk = self._stream.read(size)
        self._at += len(chunk)
        return chunk

    def close(self) -> None:
        """Close it."""
        self._stream.close()

    def _fall_back(self, _error: Exception) -> None:
        self._web.xet = False  # the other files need not find out again
        # What the storage said may hold a signed URL: it is not repeated.
        self._patience.notify("Xet storage does not answer; going on over HTTPS", 1, 0.0)
        if hasattr(self, "_stream"):
            self._stream.close()
        self._stream = self._fallback(self._file, self._at)
