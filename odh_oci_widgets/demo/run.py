"""The steps of the demo: choose, build, deploy, call, clean up."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odh_oci_widgets import builders, serving
from odh_oci_widgets.models import open_model
from odh_oci_widgets.oci.errors import OdhOciError

from .digits import DemoFailed, Digits, train
from .drawing import drawn, save_png

if TYPE_CHECKING:
    from odh_oci_widgets.inference import Prediction

NAME = "demo-digits"
TAG = "demo"
#: Less than this share right means that something on the way broke the numbers.
ENOUGH_RIGHT = 0.9
#: Seconds that the image, and then the model server, may take.
BUILD_SECONDS = 120
READY_SECONDS = 120

__all__ = ["DemoFailed", "DemoResult", "run_demo"]

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class DemoResult:
    """What the demo found. `picture` is the PNG of the digit shown, where it was kept.

    >>> from odh_oci_widgets import service
    >>> from odh_oci_widgets.demo import DemoResult
    >>> result = DemoResult(
    ...     image="oci:digits", service="digits", pictures=360, accuracy=0.97, answer=7, predictions=(),
    ...     picture=None, seconds=12.0, kept=False,
    ... )
    >>> f"{result.accuracy:.0%}"
    '97%'
    """

    image: str
    service: str
    #: held-out pictures, and the share of them that was named right (0 to 1)
    pictures: int
    accuracy: float
    #: what the digit shown is, and what the model says of it
    answer: int
    predictions: tuple[Prediction, ...]
    picture: str | None
    seconds: float
    kept: bool


def run_demo(
    *, registry: str | None = None, insecure: bool = False, keep: bool = False, say: Say = print
) -> DemoResult:
    """Train, build, deploy to the sandbox, classify, and leave nothing behind unless `keep`.

    `registry` is `host:port/repo` (with or without a tag); without it the image is a layout on this machine.
    A registry on the loopback interface may speak plain HTTP, any other one with `insecure` only.
    Raises DemoFailed, and the errors of the rooms it goes through.

    >>> from odh_oci_widgets.demo import run_demo
    >>> result = run_demo(say=lambda line: None)
    >>> result.accuracy > 0.9
    True
    """
    started = time.monotonic()
    insecure = insecure or (registry is not None and _on_this_machine(registry))
    folder = Path(tempfile.mkdtemp(prefix="odh-oci-demo-"))
    service: serving.Service | None = None
    done = False
    try:
        say("1. Choose a model")
        digits = _train(folder, say)
        model = open_model(str(digits.file.parent))
        say(f"   {model.name}: {model.format}, {builders.human_bytes(model.size)}, {len(model.files)} file")

        say("2. Build its OCI image" + (" and push it" if registry else ""))
        image = _build(model, _destination(registry, folder), insecure, say)

        say("3. Deploy it to the sandbox")
        _remove_earlier()
        with _timed("it answers", say):
            service = serving.deploy(image, NAME, target="sandbox", insecure=insecure)
            service.wait(READY_SECONDS)
        say(f"   {service.url}/v2/models/{NAME}")

        say("4. Call it")
        accuracy, predictions = _classify(service, digits, say)
        shown = _show(digits, predictions, folder / "digit.png", say)
        done = True
        return DemoResult(
            image=image,
            service=NAME,
            pictures=len(digits.answers),
            accuracy=accuracy,
            answer=digits.answers[shown],
            predictions=tuple(predictions[shown]),
            picture=str(folder / "digit.png") if keep else None,
            seconds=round(time.monotonic() - started, 1),
            kept=keep,
        )
    finally:
        if keep and done:
            _tell_kept(folder, say)
        else:
            _clean(service, folder)
        if done:
            say(
                f"\nDone in {time.monotonic() - started:.0f} s. The same by clicking, in JupyterLab: make lab"
            )


def _train(folder: Path, say: Say) -> Digits:
    with _timed("trained on scikit-learn's digits and exported to ONNX", say):
        return train(folder / "digits")


def _destination(registry: str | None, folder: Path) -> str:
    if registry is None:
        return f"oci:{folder / 'image'}:{TAG}"
    return registry if ":" in registry.rpartition("/")[2] else f"{registry}:{TAG}"


def _on_this_machine(registry: str) -> bool:
    """A registry on the loopback interface: nobody is in between, and hardly one has a certificate."""
    host = registry.partition("/")[0]
    return host.rpartition(":")[0] in {"localhost", "[::1]"} or host.startswith("127.")


def _build(model: Any, destination: str, insecure: bool, say: Say) -> str:
    build = builders.build(model, destination, builder="kernel", base="embedded", insecure=insecure)
    try:
        image = build.wait(BUILD_SECONDS)
    except BaseException:
        build.cancel()
        raise
    report = build.report()
    moved = f"{builders.human_bytes(report['sent'])} sent, {builders.human_bytes(report['reused'])} reused"
    say(f"   {image}")
    say(f"   {len(report['layers'])} layers, {moved}, {report['seconds']:.1f} s")
    return image


def _remove_earlier() -> None:
    """The service of an earlier `--keep`."""
    with suppress(serving.ServiceNotFound):
        serving.service(NAME, target="sandbox").delete()


def _classify(service: serving.Service, digits: Digits, say: Say) -> tuple[float, list[list[Prediction]]]:
    with _timed(f"{len(digits.answers)} digits it never saw, over the Open Inference Protocol", say):
        predictions = service.classify(list(digits.pictures), top=5)
    right = sum(found[0].index == answer for found, answer in zip(predictions, digits.answers, strict=True))
    accuracy = right / len(digits.answers)
    say(f"   accuracy {accuracy:.1%} ({right} of {len(digits.answers)} right)")
    if accuracy < ENOUGH_RIGHT:
        raise DemoFailed(
            f"The model named only {accuracy:.0%} of the digits right, which it does not do when called directly.",
            hint="Something between the picture and the model is broken: please report it.",
        )
    return accuracy, predictions


def _show(digits: Digits, predictions: list[list[Prediction]], png: Path, say: Say) -> int:
    """The picture the model is least sure of among those it named right: the most telling top five."""
    right = [at for at, answer in enumerate(digits.answers) if predictions[at][0].index == answer]
    shown = min(right, key=lambda at: predictions[at][0].probability)
    pixels = digits.pictures[shown].reshape(8, 8)
    save_png(pixels, png)
    say(f"\n   The {digits.answers[shown]} that it found hardest:\n")
    table = [f"{found.probability:6.1%}  {found.index}" for found in predictions[shown]]
    for at, line in enumerate(drawn(pixels)):
        row = at - 1
        say(f"      {line}    {table[row] if 0 <= row < len(table) else ''}".rstrip())
    return shown


def _tell_kept(folder: Path, say: Say) -> None:
    say("\nKept. Try:")
    say("   odh-oci list")
    say(f"   odh-oci classify {NAME} {folder / 'digit.png'}")
    say(f"   odh-oci delete {NAME} --yes && rm -r {folder}")


def _clean(service: serving.Service | None, folder: Path) -> None:
    if service is not None:
        with suppress(OdhOciError):
            service.delete()
    else:
        _remove_earlier()
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _timed(what: str, say: Say) -> Iterator[None]:
    start = time.monotonic()
    yield
    say(f"   {what}: {time.monotonic() - start:.1f} s")
