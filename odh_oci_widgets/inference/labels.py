"""Names for the classes of a model."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from .errors import InferenceError, LabelsInvalid
from .http import Endpoint

#: A list of labels: a file, a URL, `imagenet`, names in order of the classes, or names by class
Labels = str | os.PathLike[str] | Sequence[str] | Mapping[int, str] | None

#: The list of the ONNX model zoo (Apache-2.0), fetched when somebody asks for the labels `imagenet`
IMAGENET = "https://raw.githubusercontent.com/onnx/models/main/validated/vision/classification/synset.txt"

#: WordNet's id before the names, as in the ImageNet list: `n02051845 pelican`
_SYNSET = re.compile(r"^n\d{8}\s+")


def read_labels(labels: Labels, classes: int) -> list[str]:
    """One name for each class: those given, or `class 0`, `class 1` and so on.

    A file has one name a line (the ImageNet list's `n02051845 ` prefix is dropped), or is a JSON list or
    object. A list with one name more that starts with `background` loses it. Raises LabelsInvalid.
    """
    if labels is None:
        return [f"class {index}" for index in range(classes)]
    if isinstance(labels, (str, os.PathLike)):
        labels = parse_labels(_text(labels))
    if isinstance(labels, Mapping):
        return [str(labels.get(index, f"class {index}")) for index in range(classes)]
    names = [_SYNSET.sub("", str(name)).strip() for name in labels]
    if len(names) == classes + 1 and names[0].lower() in {"background", "dummy"}:
        names = names[1:]
    if len(names) == classes - 1:
        # models trained with a background class first, and the usual list without it
        names = ["background", *names]
    if len(names) != classes:
        raise LabelsInvalid(
            f"The list has {len(names)} labels, the model {classes} classes.",
            hint="Give the list of this model.",
        )
    return names


def parse_labels(text: str) -> list[str] | dict[int, str]:
    """The labels of a file's text. Raises LabelsInvalid."""
    try:
        if text.lstrip()[:1] == "[":
            return [str(name) for name in json.loads(text)]
        if text.lstrip()[:1] == "{":
            # {"0": ["n01440764", "tench"]} is the form of Keras
            named = json.loads(text).items()
            return {int(index): str(name[-1] if isinstance(name, list) else name) for index, name in named}
    except (ValueError, TypeError, IndexError) as error:
        raise LabelsInvalid(f"The list of labels is not valid JSON: {error}.") from error
    return [line for line in text.splitlines() if line.strip()]


def _text(place: str | os.PathLike[str]) -> str:
    if place == "imagenet" and not Path(place).exists():
        place = IMAGENET
    try:
        if isinstance(place, str) and place.startswith(("http://", "https://")):
            return Endpoint(place).send("GET", "").data.decode()
        return Path(place).expanduser().read_text(encoding="utf-8")
    except InferenceError as error:
        raise LabelsInvalid(
            f"The list of labels at {place} cannot be fetched: {error.message}",
            hint="Fetch it where there is a network, and name the file.",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise LabelsInvalid(f"The list of labels `{place}` cannot be read: {error}.") from error
