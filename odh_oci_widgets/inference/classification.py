"""Classes of pictures, from a model behind the Open Inference Protocol V2."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from .errors import NotAClassifier, ServerFailed, WrongShape
from .labels import Labels, read_labels
from .preprocessing import Preprocess, frame, open_picture, prepare
from .results import Prediction
from .tensors import Array, TensorSpec, as_tensor
from .v2 import V2Client, read_metadata, request_body

#: Pictures in one request, where the model takes any number.
BATCH = 16
#: How far from 1 the probabilities of a picture may sum up (FP16, quantised outputs).
SUM_TOLERANCE = 0.02


def classify(
    client: V2Client,
    images: Any,
    *,
    top: int = 5,
    labels: Labels = None,
    preprocessing: str | Preprocess = "auto",
) -> list[list[Prediction]]:
    """The `top` classes of each picture, most probable first: one list for each picture, also for a single one.

    `images` is a path, a URL, bytes, a PIL image, an array, or a list of them. An array of floats that has the shape
    of the model's input (with or without the batch axis) is taken as it is; other arrays are pixels. A model of
    rows takes a table: a DataFrame, an array, or a list of lists of numbers.

    Raises NotAPicture, NotAClassifier, WrongShape, LabelsInvalid, and the InferenceErrors of the server.
    """
    count, found = batches(client, images, preprocessing)
    scores = np.concatenate([_scores(client, batch) for batch in found])[:count]
    names = read_labels(labels, scores.shape[1])
    return [best(row, names, top) for row in scores]


def batches(
    client: V2Client, images: Any, preprocessing: str | Preprocess = "auto"
) -> tuple[int, list[Array]]:
    """How many pictures these are, and their tensors, in batches as the model takes them; raises as `classify`."""
    metadata = client.metadata()
    pictures_in = [spec for spec in metadata.inputs if spec.datatype != "BYTES"]
    if len(metadata.inputs) != 1 or not pictures_in:
        raise NotAClassifier(
            f"The model `{client.name}` is no classifier of pictures: it takes {_said(metadata.inputs)}.",
            hint="Call `infer(arrays)` with the arrays that it takes.",
        )
    spec = metadata.inputs[0]
    if metadata.outputs and not any(_may_be_scores(output) for output in metadata.outputs):
        raise _no_classifier(client.name, metadata.outputs)
    tensors = _tensors(images, spec, preprocessing)
    return len(tensors), _batches(tensors, spec)


def request_json(metadata: str, image: Any, preprocessing: str = "auto") -> str:
    """The JSON of an infer request for one picture, for use with `curl`; `metadata` is what the server answered."""
    said = json.loads(metadata)
    model = read_metadata(said, said.get("name", ""))
    spec = model.inputs[0]
    tensor = as_tensor(prepare(open_picture(image), spec, preprocessing)[None], spec)
    return request_body({spec.name: (spec, tensor)}, model, binary=False)[0].decode()


def best(scores: Array, names: Sequence[str], top: int) -> list[Prediction]:
    """The `top` classes of one row of scores, most probable first; logits become probabilities."""
    probabilities = as_probabilities(scores)
    order = np.argsort(-probabilities, kind="stable")[: max(top, 1)]
    return [
        Prediction(index=int(index), label=names[index], probability=float(probabilities[index]))
        for index in order
    ]


def as_probabilities(scores: Array) -> Array:
    """Softmax, unless the scores are probabilities already (none negative, sum 1).

    >>> as_probabilities(np.array([0.0, 0.0]))
    array([0.5, 0.5])
    """
    scores = scores.astype(np.float64)
    if scores.min() >= 0 and abs(scores.sum() - 1) <= SUM_TOLERANCE:
        return scores
    powers = np.exp(scores - scores.max())
    return np.asarray(powers / powers.sum())


def _tensors(images: Any, spec: TensorSpec, preprocessing: str | Preprocess) -> list[Array]:
    images = _table(images)
    if (
        isinstance(images, np.ndarray)
        and images.ndim == len(spec.shape)
        and len(images)
        and _is_tensor(images[0], spec)
    ):
        images = list(images)
    elif not isinstance(images, (list, tuple)):
        images = [images]
    if not images:
        raise WrongShape("There is no picture to classify.", hint="Give at least one.")
    one = TensorSpec(spec.name, spec.datatype, spec.shape[1:])
    tensors = []
    for image in images:
        if isinstance(image, np.ndarray) and _is_tensor(image, spec):
            tensors.append(
                image.reshape([n if n > 0 else -1 for n in one.shape]) if -1 not in one.shape else image
            )
        else:
            tensors.append(prepare(open_picture(image), spec, preprocessing))
    return tensors


def _table(images: Any) -> Any:
    """A DataFrame or a list of lists as an array; all else as it is."""
    if hasattr(images, "to_numpy"):
        images = images.to_numpy()
    rows = isinstance(images, (list, tuple)) and images and isinstance(images[0], (list, tuple))
    if not rows and not (isinstance(images, np.ndarray) and images.dtype.kind == "O"):
        return images
    try:
        return np.asarray(images, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise WrongShape(f"These rows are no table of numbers: {error}.") from error


def _is_tensor(array: Array, spec: TensorSpec) -> bool:
    """Whether an array is one picture's tensor already: the shape of the input, or (8x8 for 64) its length.

    Whole numbers may be pixels, so they are a tensor only where the model takes no pictures.
    """
    if array.dtype.kind not in ("f" if frame(spec) else "fiub"):
        return False
    wanted = spec.shape[1:]
    same = len(array.shape) == len(wanted) and all(
        n in (-1, m) for n, m in zip(wanted, array.shape, strict=True)
    )
    return same or (-1 not in wanted and array.size == int(np.prod(wanted)) and array.ndim <= 2)


def _batches(tensors: Sequence[Array], spec: TensorSpec) -> list[Array]:
    try:
        everything = np.stack(tensors)
    except ValueError as error:
        raise WrongShape(
            "The pictures became arrays of different shapes.", hint=f"The model takes {spec}."
        ) from error
    size = spec.shape[0] if spec.shape and spec.shape[0] > 0 else BATCH
    if spec.shape and spec.shape[0] > 1 and len(everything) % size:
        # a model with a fixed batch takes no less: the last picture fills it up, its answers are dropped
        everything = np.concatenate([everything, np.repeat(everything[-1:], -len(everything) % size, axis=0)])
    return [everything[start : start + size] for start in range(0, len(everything), size)]


def _scores(client: V2Client, batch: Array) -> Array:
    outputs = client.infer(batch)
    flat = {name: _flat(array) for name, array in outputs.items()}
    found = {name: array for name, array in flat.items() if array is not None}
    if not found:
        raise _no_classifier(
            client.name,
            [TensorSpec(name, str(array.dtype), array.shape) for name, array in outputs.items()],
        )
    # some models give a loss or features beside: the output called probabilities wins
    name = next((name for name in found if "prob" in name.lower()), next(iter(found)))
    scores = found[name]
    if len(scores) != len(batch):
        raise ServerFailed(f"The model server answered for {len(scores)} pictures, {len(batch)} were sent.")
    if not np.isfinite(scores).all():
        raise ServerFailed(
            "The model's scores are not numbers (NaN or infinite).",
            hint="Check the model and the preprocessing.",
        )
    return scores


def _flat(array: Array) -> Array | None:
    """[pictures, classes], or None when it is not that: scores may come as [n, classes, 1, 1]."""
    while array.ndim > 2 and array.shape[-1] == 1:
        array = array[..., 0]
    return array if array.ndim == 2 and array.shape[1] > 1 and array.dtype.kind == "f" else None


def _may_be_scores(spec: TensorSpec) -> bool:
    shape = spec.shape
    while len(shape) > 2 and shape[-1] == 1:
        shape = shape[:-1]
    return spec.datatype.startswith("FP") and (not shape or (len(shape) == 2 and shape[1] != 1))


def _no_classifier(name: str, outputs: Sequence[TensorSpec]) -> NotAClassifier:
    return NotAClassifier(
        f"The model `{name}` is no classifier: it gives {_said(outputs)}.",
        hint="A classifier gives one score for each class, [pictures, classes]. Call `infer(arrays)` for raw outputs.",
    )


def _said(specs: Sequence[TensorSpec]) -> str:
    return "; ".join(map(str, specs)) or "nothing"
