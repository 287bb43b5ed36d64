"""The finished layers of a build that is not done yet, named by a manifest of their own.

Registries delete blobs that no manifest names (Quay after an hour), and the next try, on whatever machine, finds
the layers by it. It is written beside the work, and removed at the end where the registry allows that.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Condition, Thread

from .errors import OdhOciError
from .media import OCI_CONFIG, OCI_MANIFEST, Descriptor, describe, dump, sha256
from .plan import OWN_LAYER_BYTES
from .reuse import record_tag
from .store import RegistryStore


class Record:
    """Call `finished` for each layer, then `remove` or `keep`.

    `layers`: how many will come; `standing`: those that are there already, which are not to be forgotten either;
    `earlier`: the digest of the record that the try before left.
    """

    def __init__(
        self, store: RegistryStore, layers: int, *, standing: Sequence[Descriptor], earlier: str | None
    ) -> None:
        self._store = store
        self._tag = record_tag(store.reference.identifier)
        self._layers = layers + len(standing)
        self._condition = Condition()
        self._done: list[Descriptor] = list(standing)
        self._unnamed = 0
        self._written = self._wanted = len(standing)
        self._digests: list[str] = []
        self._earlier = [earlier] if earlier else []
        self._ended = False
        self._thread: Thread | None = None

    def finished(self, layer: Descriptor) -> None:
        """A layer stands in the repository. Writing the record waits for enough to be worth it."""
        with self._condition:
            self._done.append(layer)
            self._unnamed += layer["size"]
            if self._unnamed < OWN_LAYER_BYTES or len(self._done) == self._layers:
                return
            self._unnamed = 0
            self._wanted = len(self._done)
            if self._thread is None:
                self._thread = Thread(target=self._work, daemon=True, name="odh-oci-record")
                self._thread.start()
            self._condition.notify_all()

    def remove(self) -> None:
        """The image stands: forget the record."""
        self._end()
        for digest in [*self._digests, *self._earlier]:
            if not self._store.delete_manifest(digest):
                break

    def keep(self) -> None:
        """The build failed: name everything that is finished, for the next try."""
        self._end()
        if len(self._done) > self._written:
            self._store = self._store.afresh()
            self._write(list(self._done))
            self._store.close()

    def _end(self) -> None:
        with self._condition:
            self._ended = True
            self._condition.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        while True:
            with self._condition:
                while not self._ended and self._wanted <= self._written:
                    self._condition.wait()
                if self._ended:
                    return
                done = list(self._done)
            if not self._write(done):
                return

    def _write(self, done: Sequence[Descriptor]) -> bool:
        config = dump(
            {
                "architecture": "unknown",
                "os": "unknown",
                "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in done]},
            }
        )
        manifest = dump(
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": describe(config, OCI_CONFIG),
                "layers": list(done),
            }
        )
        try:
            self._store.put_bytes(config)
            self._store.put_manifest(manifest, OCI_MANIFEST, self._tag)
        except OdhOciError:
            return False  # a convenience that failed is no failure
        self._written = len(done)
        self._digests.append(sha256(manifest))
        return True
