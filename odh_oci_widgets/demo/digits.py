"""A small classifier, trained here on the handwritten digits that come with scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from odh_oci_widgets.oci.errors import OdhOciError

#: A third of the 1797 pictures is held out, the same ones each time.
HELD_OUT = 1 / 3
SEED = 0


class DemoFailed(OdhOciError):
    """The demo cannot run here, or did not end as it should."""

    cure = "Install what the demo needs: `pip install 'odh-oci-widgets[sandbox,demo]'`."


@dataclass(frozen=True, kw_only=True)
class Digits:
    """A trained model on disk, and pictures that it never saw: 8x8, grey, 0 to 16, with what they show."""

    file: Path
    trained_on: int
    #: float32 [pictures, 64]
    pictures: Any
    answers: tuple[int, ...]


def train(folder: Path) -> Digits:
    """Train, and write `model.onnx` into the folder. Raises DemoFailed where the extra `[demo]` is missing."""
    try:
        from skl2onnx import to_onnx
        from sklearn.datasets import load_digits
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import train_test_split
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import MaxAbsScaler
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise DemoFailed(
            f"The demo trains a model and needs {error.name}.",
            hint="Install it: `pip install 'odh-oci-widgets[demo,sandbox]'`, or use `make demo`.",
        ) from error
    pictures, answers = load_digits(return_X_y=True)
    pictures = pictures.astype("float32")
    seen, unseen, right, asked = train_test_split(
        pictures, answers, test_size=HELD_OUT, random_state=SEED, stratify=answers
    )
    # Scaled, because the solver does not converge on the raw 0 to 16 everywhere. On one thread, because several wait
    # for each other, a minute long where other programs keep the processors busy.
    with threadpool_limits(limits=1):
        model = make_pipeline(MaxAbsScaler(), LogisticRegression(max_iter=300)).fit(seen, right)
    exported = to_onnx(model, seen[:1], options={"zipmap": False})
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "model.onnx"
    file.write_bytes(exported.SerializeToString())
    return Digits(
        file=file, trained_on=len(seen), pictures=unseen, answers=tuple(int(answer) for answer in asked)
    )
