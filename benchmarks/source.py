"""The hub of the benchmark, in a process of its own: `python -m benchmarks.source FOLDER` prints its URL."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from tests.servers.hub import Hub


def main() -> None:
    folder = Path(sys.argv[1])
    with Hub({"bench/model": {path.name: path for path in folder.iterdir()}}) as hub:
        print(hub.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
