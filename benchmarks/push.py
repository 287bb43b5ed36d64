"""Push a model from a hub into a registry, in every way there is, on the same machine in the same run.

    python benchmarks/push.py                      1 GiB, three rounds, on disk and on tmpfs (some 15 minutes)
    python benchmarks/push.py --size 64 --rounds 1 --places disk   a quick look
    python benchmarks/push.py --tools PYTHON       a Python that has olot, oci-modelcar, oras, huggingface_hub

Every run gets a fresh `docker-registry` and an empty folder. The table shows medians, and every time as a multiple of
the floor of its own round.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.contenders import CONTENDERS, Contender, Floor, Job, image_bytes
from benchmarks.measure import CommandFailed, Cost
from tests.servers.registry import Registry

ROOT = Path(__file__).resolve().parents[1]
SMALL_FILES = 21
SMALL_BYTES = 10_000
MIB = 2**20


def main() -> int:
    options = arguments()
    chosen = [
        kind()
        for kind in CONTENDERS
        if not options.only or any(o in kind.__name__.lower() for o in options.only)
    ]
    able, missing = [], []
    for contender in chosen:
        reason = contender.missing(options.tools)
        if reason:
            missing.append(f"{contender.name}: missing {reason}")
        else:
            able.append(contender)
    for line in missing:
        print(line, file=sys.stderr)
    tables = [table(place, able, options) for place in options.places]
    print(
        f"{options.size} MiB + {SMALL_FILES} small files; {machine()}; {datetime.now(UTC):%Y-%m-%d}.",
        *tables,
        sep="\n\n",
    )
    for line in missing:
        print(f"\nNot measured: {line}.")
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=1024, metavar="MIB", help="of the large file (1024)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--places", nargs="+", choices=["disk", "tmpfs"], default=["disk", "tmpfs"])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="e.g. floor command engine podman olot")
    parser.add_argument("--tools", type=Path, default=Path(sys.executable), metavar="PYTHON")
    return parser.parse_args()


def table(place: str, contenders: list[Contender], options: argparse.Namespace) -> str:
    """All rounds at one place, as Markdown."""
    costs: dict[str, list[Cost]] = defaultdict(list)
    sizes: dict[str, int] = {}
    parent = Path("/dev/shm") if place == "tmpfs" else Path(tempfile.gettempdir())
    with tempfile.TemporaryDirectory(prefix="bench-", dir=parent) as name:
        model = make_model(Path(name) / "model", options.size)
        with hub(model) as url:
            for number in range(options.rounds):
                for contender in contenders:
                    cost, size = one(contender, Path(name), url, model, options.tools)
                    if cost is None:
                        continue
                    costs[contender.name].append(cost)
                    sizes[contender.name] = size
                    print(
                        f"{place} round {number + 1}: {contender.name}: {cost.seconds:.1f} s", file=sys.stderr
                    )
    return "\n".join([f"### On {place}", "", *rows(costs, sizes)])


def one(contender: Contender, folder: Path, url: str, model: Path, tools: Path) -> tuple[Cost | None, int]:
    """One measured run with a registry of its own."""
    work = folder / "work"
    work.mkdir()
    registry = Registry(folder / "registry")
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(work),
        "PYTHONPATH": str(ROOT),
        "HF_ENDPOINT": url,
        "REGISTRY_AUTH_FILE": str(work / "auth.json"),
    }
    (work / "auth.json").write_text("{}")
    job = Job(work, registry.host, url, model, tools, environ)
    try:
        contender.prepare(job)
        os.sync()
        return contender.go(job), image_bytes(registry.host)
    except (CommandFailed, subprocess.CalledProcessError, OSError) as error:
        print(f"{contender.name} failed: {error}", file=sys.stderr)
        return None, 0
    finally:
        registry.stop()
        shutil.rmtree(work, ignore_errors=True)
        shutil.rmtree(folder / "registry", ignore_errors=True)


def rows(costs: dict[str, list[Cost]], sizes: dict[str, int]) -> Iterator[str]:
    yield "| | seconds (all rounds) | x floor | CPU seconds | memory of the largest process | extra disk | layers |"
    yield "|---|---|---|---|---|---|---|"
    floor = [cost.seconds for cost in costs.get(Floor.name, [])]
    for name, every in costs.items():
        ratios = [cost.seconds / base for cost, base in zip(every, floor, strict=False)]
        cells = [
            name,
            f"**{middle(cost.seconds for cost in every):.1f}** ({', '.join(f'{c.seconds:.1f}' for c in every)})",
            f"{middle(ratios):.2f}" if ratios else "",
            f"{middle(cost.cpu for cost in every):.1f}",
            f"{middle(cost.memory for cost in every) / MIB:.0f} MiB",
            f"{middle(cost.disk for cost in every) / MIB:.0f} MiB",
            f"{sizes[name] / MIB:.0f} MiB" if sizes[name] else "",
        ]
        yield f"| {' | '.join(cells)} |"


def middle(values: Iterable[float]) -> float:
    return statistics.median(values)


def make_model(folder: Path, size: int) -> Path:
    """Random bytes: nothing compresses, as with weights."""
    folder.mkdir()
    with (folder / "model.safetensors").open("wb") as file:
        for _ in range(size):
            file.write(os.urandom(MIB))
    for number in range(SMALL_FILES):
        (folder / f"part-{number:02}.json").write_bytes(os.urandom(SMALL_BYTES))
    return folder


@contextmanager
def hub(model: Path) -> Iterator[str]:
    """A hub that has the model, in another process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.source", model], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(20)


def machine() -> str:
    model = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = f"Linux {platform.release()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} x {model}, {memory:.0f} GiB, {system}"


if __name__ == "__main__":
    sys.exit(main())
