"""Hugging Face's Xet storage: its own ordered stream, where `hf_xet` is installed.

It fetches chunks in parallel and puts them together; its buffers are capped here, because it would take gigabytes.
Whatever does not work falls back to plain HTTPS.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from .content import Buffer
from .errors import SourceError
from .plan import PlanFile
from .retry import Patience

#: `https://hub/owner/name/resolve/REVISION/path`, with `datasets/` or `spaces/` in front for other kinds.
_RESOLVE = re.compile(
    r"^(?P<base>.*?)/(?P<kind>datasets/|spaces/)?(?P<repo>[^/]+/[^/]+)/resolve/(?P<rev>[^/]+)/"
)
_MIB = 2**20
#: Values of hf_xet's configuration; names that an installed version does not know are left out.
_CAPS = {
    "reconstruction.download_buffer_size": 16 * _MIB,
    "reconstruction.download_buffer_perfile_size": 8 * _MIB,
    "reconstruction.download_buffer_limit": 32 * _MIB,
    "reconstruction.min_prefetch_buffer": 16 * _MIB,
    "reconstruction.min_reconstruction_fetch_size": 16 * _MIB,
    "reconstruction.max_reconstruction_fetch_size": 64 * _MIB,
    "client.ac_max_download_concurrency": 16,
    "client.retry_max_attempts": 2,
    "client.retry_base_delay": "1s",
    "client.connect_timeout": "10s",
    "client.read_timeout": "60s",
    "telemetry.enabled": False,
}

_lock = Lock()
_session: Any = None


def refresh_url(url: str) -> str | None:
    """Where the hub gives tokens for its storage, for a file's URL.

    >>> refresh_url("https://huggingface.co/me/model/resolve/abc/model.safetensors")
    'https://huggingface.co/api/models/me/model/xet-read-token/abc'
    """
    parts = urlsplit(url)
    match = _RESOLVE.match(parts.path)
    if not match:
        return None
    kind = (match["kind"] or "models/").rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{match['base']}/api/{kind}/{match['repo']}/xet-read-token/{match['rev']}"


def available(file: PlanFile) -> bool:
    """Whether the file can come from Xet storage here."""
    if not file.source.xet_hash or os.environ.get("HF_HUB_DISABLE_XET", "").lower() in {
        "1",
        "true",
        "on",
        "yes",
    }:
        return False
    return refresh_url(file.source.url or "") is not None and _connect() is not None


def _connect() -> Any:
    """The process's one session, None where `hf_xet` is missing or too old."""
    global _session  # noqa: PLW0603 - it holds threads and connections: one is enough
    with _lock:
        if _session is None:
            try:
                import hf_xet
            except ImportError:
                return None
            if not hasattr(hf_xet, "XetSession"):
                return None
            config = hf_xet.XetConfig()
            for name, value in _CAPS.items():
                with suppress(Exception):  # an option of another version
                    config = config.with_config(name, value)
            _session = hf_xet.XetSession(config)
        return _session


class XetFailed(Exception):
    """Use plain HTTPS instead."""


class XetStream:
    """A file of Xet storage from an offset on."""

    def __init__(self, file: PlanFile, offset: int, token: str | None, patience: Patience) -> None:
        self._file = file
        self._patience = patience
        self._rest = memoryview(b"")
        self._stream: Any = None
        self._chunks: Iterator[bytes]
        try:
            import hf_xet

            group = _connect().new_download_stream_group(
                token_refresh_url=refresh_url(file.source.url or ""),
                token_refresh_headers={"Authorization": f"Bearer {token}"} if token else {},
            )
            info = hf_xet.XetFileInfo(file.source.xet_hash, file.size)
            self._stream = group.download_stream(info, start=offset or None)
            self._chunks = iter(self._stream)
        except Exception as error:
            raise XetFailed(str(error)) from error

    def read(self, size: int) -> Buffer:
        """As `Stream` says. Raises XetFailed."""
        self._patience.check()
        while not self._rest:
            try:
                self._rest = memoryview(next(self._chunks))
            except StopIteration:
                raise XetFailed("the stream ended early") from None
            except SourceError:
                raise
            except Exception as error:
                raise XetFailed(str(error)) from error
        chunk, self._rest = self._rest[:size], self._rest[size:]
        return chunk

    def close(self) -> None:
        """Stop the transfer."""
        stream, self._stream = self._stream, None
        if stream is not None:
            with suppress(Exception):
                stream.cancel()
