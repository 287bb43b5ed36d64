"""How hard the engine tries, and in which portions it works. Defaults are measured; tests make them small."""

from __future__ import annotations

from dataclasses import dataclass, replace

MIB = 2**20


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """Sizes in bytes, times in seconds."""

    #: A layer up to this size goes in one PATCH; a larger one in chunks of this size. It bounds what is sent again
    #: after a fault. docker-registry syncs its disk at the end of each chunk, so that small ones cost time.
    chunk: int = 256 * MIB
    #: Bytes read, hashed and sent at a time, at most: a slow line gets less. 4 MiB take a third less of the
    #: processor than 512 KiB; more than that saves nothing.
    block: int = 4 * MIB
    #: Bytes of all such blocks together.
    blocks: int = 12 * MIB
    #: Layers on their way at once: at first, and at most.
    streams: int = 3
    max_streams: int = 6
    #: Bytes of all sources together that may be read before they are needed.
    read_ahead: int = 16 * MIB
    #: Tries without any progress before a fault is final; the wait between them doubles from `backoff` on.
    attempts: int = 7
    backoff: float = 0.5
    max_backoff: float = 20.0
    #: How long a server's Retry-After is believed.
    max_retry_after: float = 120.0
    #: How long nothing may move on a connection.
    stall: float = 60.0
    #: How long a registry may take to commit a blob, and more for each byte of it (10 GB: 10 minutes).
    commit: float = 100.0
    commit_per_byte: float = 5e-8

    def shared_by(self, layers: int) -> Tuning:
        """The same with smaller blocks, where so many layers side by side would hold too much."""
        side_by_side = max(1, min(layers, self.max_streams))
        return replace(self, block=min(self.block, self.blocks // side_by_side))


DEFAULT = Tuning()
