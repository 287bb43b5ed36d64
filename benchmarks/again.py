"""What a second build costs: nothing changed, one small file changed, killed at 90 %; each from a fresh home.

    python benchmarks/again.py                 1 GiB on tmpfs
    python benchmarks/again.py --size 64 --place disk

Bytes are counted on the wire, by a pipe in front of the registry.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.pipe import Pipe
from tests.servers.hub import Hub
from tests.servers.registry import Registry

ROOT = Path(__file__).resolve().parents[1]
MIB = 2**20
LAYERS = 4


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=1024, metavar="MIB")
    parser.add_argument("--place", choices=["disk", "tmpfs"], default="tmpfs")
    options = parser.parse_args()
    parent = Path("/dev/shm") if options.place == "tmpfs" else Path(tempfile.gettempdir())
    with tempfile.TemporaryDirectory(prefix="again-", dir=parent) as name:
        folder = Path(name)
        registry = Registry(folder / "registry")
        try:
            print("| | seconds | MiB to the registry | MiB from it | layers sent |")
            print("|---|---|---|---|---|")
            for line in (
                *incremental(folder, registry, options.size),
                *killed(folder, registry, options.size),
            ):
                print(line, flush=True)
        finally:
            registry.stop()
    return 0


def incremental(folder: Path, registry: Registry, size: int) -> Iterator[str]:
    """A model of one large and 21 small files, and a revision with one changed small file."""
    large = random_file(folder / "large", size)
    small = {f"part-{number:02}.json": os.urandom(10_000) for number in range(21)}
    changed = {**small, "part-07.json": os.urandom(10_000)}
    first, second = {"model.safetensors": large, **small}, {"model.safetensors": large, **changed}
    with Hub({"bench/first": first, "bench/second": second}) as hub:

        def cost(model: str) -> tuple[float, int, int, int]:
            return build(folder, registry, hub.url, f"hf://bench/{model}", "again/model")

        yield row("first build", *cost("first"))
        yield row("nothing changed, fresh home", *cost("first"))
        yield row("one file of 10 kB changed, fresh home", *cost("second"))


def killed(folder: Path, registry: Registry, size: int) -> Iterator[str]:
    """Four layers, kill -9 when 90 % are sent, then again."""
    parts = {
        f"model-{number}.safetensors": random_file(folder / f"part-{number}", size // LAYERS)
        for number in range(LAYERS)
    }
    with Hub({"bench/parts": parts}) as hub:
        with pipe(registry) as first, tempfile.TemporaryDirectory(dir=folder) as home:
            process = subprocess.Popen(
                command("hf://bench/parts", f"{first.host}/again/killed:1"),
                env=environ(Path(home), hub.url),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            while first.sent < 0.9 * size * MIB and process.poll() is None:
                time.sleep(0.002)
            process.kill()
            process.communicate()
            sent = first.sent
        yield row("four layers, kill -9 at 90 %", 0.0, sent, 0, -1)
        yield row(
            "the same again, fresh home",
            *build(folder, registry, hub.url, "hf://bench/parts", "again/killed"),
        )


def build(
    folder: Path, registry: Registry, hub: str, model: str, repository: str
) -> tuple[float, int, int, int]:
    """Seconds, bytes to and from the registry, layers sent."""
    with pipe(registry) as line, tempfile.TemporaryDirectory(dir=folder) as home:
        started = time.monotonic()
        done = subprocess.run(
            command(model, f"{line.host}/{repository}:1"),
            env=environ(Path(home), hub),
            stdout=subprocess.PIPE,
            check=True,
        )
        seconds = time.monotonic() - started
        states: dict[int, str] = {}
        for text in done.stdout.decode().splitlines():
            event = json.loads(text)
            if event.get("event") == "layer-progress":
                states[event["layer"]] = event["state"]
        return seconds, line.sent, line.received, list(states.values()).count("done")


def command(model: str, image: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "odh_oci_widgets",
        "build",
        model,
        image,
        "--insecure",
        "--base",
        "embedded",
        "--json",
    ]


def environ(home: Path, hub: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT), "HF_ENDPOINT": hub}


@contextmanager
def pipe(registry: Registry) -> Iterator[Pipe]:
    line = Pipe(registry.host)
    try:
        yield line
    finally:
        line.close()


def random_file(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        for _ in range(size):
            file.write(os.urandom(MIB))
    return path


def row(name: str, seconds: float, sent: int, received: int, layers: int) -> str:
    took = f"{seconds:.2f}" if seconds else ""
    return f"| {name} | {took} | {sent / MIB:.3f} | {received / MIB:.3f} | {layers if layers >= 0 else ''} |"


if __name__ == "__main__":
    sys.exit(main())
