"""Looks at what others may see while a build runs: objects of the project but Secrets, and command lines."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from tests.servers.kubernetes import KubernetesApi

KINDS = ("jobs", "pods", "configmaps", "events", "buildconfigs", "builds", "imagestreams")


class Watcher:
    """Looks at everything that others may see, for as long as a build runs."""

    def __init__(self, api: KubernetesApi, namespace: str) -> None:
        self.api, self.namespace = api, namespace
        self.seen: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> set[str]:
        self._stop.set()
        self._thread.join(10)
        return self.seen

    def _look(self) -> None:
        while not self._stop.wait(0.05):
            for kind in KINDS:
                self.seen |= {json.dumps(one) for one in self.api.find(kind, self.namespace)}
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.seen.add(path.read_text(errors="replace"))
                except OSError:
                    continue
