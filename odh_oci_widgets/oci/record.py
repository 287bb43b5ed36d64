"""The finished layers of a build that is not done yet, named by a manifest of their own.

Registries delete blobs that no manifest names (Quay after an hour), and the next try, on whatever machine, finds
the layers by it. It is written beside the work, and removed at the end where the registry allows that.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from threading import Condition, Thread

from .errors import OdhOciError, RegistryError
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
        self._written = len(standing)
        self._wanted = False
        #: digests that stand in an earlier image but not in the registry
        self._lost: set[str] = set()
        self._digests: list[str] = []
        self._earlier = [earlier] if earlier else []
        self._ended = False
        self._thread: Thread | None = None

    def finished(self, layer: Descriptor) -> None:
        """A layer stands in the repository. Writing the record waits for enough to be worth it."""
        with self._condition:
            self._done.append(layer)
            self._lost.discard(layer["digest"])
            self._unnamed += layer["size"]
            if self._unnamed < OWN_LAYER_BYTES or len(self._done) == self._layers:
                return
            self._unnamed = 0
            self._wanted = True
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
                while not self._ended and not self._wanted:
                    self._condition.wait()
                if self._ended:
                    return
                self._wanted = False
                done = list(self._done)
            self._write(done)

    def _write(self, done: Sequence[Descriptor]) -> None:
        """A convenience: one that failed is no failure, and the next layer tries it again."""
        with suppress(OdhOciError):
            try:
                self._name(done)
            except RegistryError as error:
                if error.status not in {400, 404}:
                    raise
                # An earlier image may name what the registry has lost; the rest is worth keeping all the same.
                lost = {d["digest"] for d in done if not self._store.has_blob(d["digest"], d["size"])}
                with self._condition:
                    self._lost = lost
                self._name(done)
            self._written = len(done)

    def _name(self, done: Sequence[Descriptor]) -> None:
        """Put a manifest with these layers under the record's tag."""
        with self._condition:
            layers = [layer for layer in done if layer["digest"] not in self._lost]
        config = dump(
            {
                "architecture": "unknown",
                "os": "unknown",
                "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
            }
        )
        manifest = dump(
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": describe(config, OCI_CONFIG),
                "layers": layers,
            }
        )
        self._store.put_bytes(config)
        self._store.put_manifest(manifest, OCI_MANIFEST, self._tag)
        self._digests.append(sha256(manifest))
