"""From a picture to what a model takes, by a named recipe.

| name | recipe |
|---|---|
| `imagenet` | RGB, shorter side to 256 (bilinear), centre crop 224, /255, minus mean, by standard deviation |
| `digits` | grey, 8x8, values 0 to 16, light ink on dark ground (a picture with a light border is inverted) |
| `pixels` | RGB or grey, resized to the model's size, values 0 to 255 (the server normalises) |

Height, width, the order of the axes (NCHW or NHWC, or flat) and the datatype follow the model's input.
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from urllib3.exceptions import HTTPError

from .errors import InferenceError, NotAPicture, WrongShape
from .http import Endpoint
from .tensors import Array, TensorSpec

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
#: The size an ImageNet model is trained for, where its input says -1; and the resize before the crop.
IMAGENET_SIZE = 224
IMAGENET_RESIZE = 256 / 224
DIGITS_SIZE = 8
DIGITS_MAX = 16
#: Bytes of a picture that is fetched from a URL; larger ones are none.
MAX_FETCHED = 64 * 2**20
_RGB = 3

#: A recipe of the user's own: an RGB picture in, the tensor of one picture out (without the batch axis)
Preprocess = Callable[[Image.Image], Any]
NAMES = ("auto", "imagenet", "digits", "pixels")
#: What a recipe does, in words.
RECIPES = {
    "imagenet": "colour, shorter side to 256, centre 224 x 224, minus ImageNet's mean, by its standard deviation",
    "digits": "grey, 8 x 8, values 0 to 16, light ink on a dark ground",
    "pixels": "resized to the size of the input, values 0 to 255",
}


@dataclass(frozen=True)
class Frame:
    """How one picture lies in a model's input: axes (`CHW`, `HWC`, `HW`, `flat`), channels, height, width."""

    axes: str
    channels: int
    height: int
    width: int


def frame(spec: TensorSpec) -> Frame | None:
    """The frame of an input shape (batch axis first), or None for an input that is no picture.

    >>> frame(TensorSpec("data", "FP32", (1, 3, 224, 224)))
    Frame(axes='CHW', channels=3, height=224, width=224)
    """
    match spec.shape:
        case (_, (1 | 3) as channels, height, width):
            return Frame("CHW", channels, height, width)
        case (_, height, width, (1 | 3) as channels):
            return Frame("HWC", channels, height, width)
        case (_, height, width):
            return Frame("HW", 1, height, width)
        case (_, 64):
            return Frame("flat", 1, DIGITS_SIZE, DIGITS_SIZE)
    return None


def open_picture(source: Any) -> Image.Image:
    """An RGB or grey (`L`) picture from a path, an http(s) URL, bytes, a file object, a PIL image, or pixels.

    An array is uint8, or holds numbers from 0 to 255: [height, width], [height, width, 1, 3 or 4]. The EXIF
    orientation is applied; transparency is laid on white. Raises NotAPicture.
    """
    try:
        with warnings.catch_warnings():
            # a decompression bomb is refused, not only announced
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = _decode(source)
    except FileNotFoundError as error:
        raise NotAPicture(f"There is no file `{source}`.", hint="Give the path of a picture.") from error
    except (UnidentifiedImageError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise NotAPicture(
            f"{_called(source)} is not a picture that can be read.",
            hint="Give a PNG, JPEG, WebP, GIF or BMP.",
        ) from error
    except (OSError, ValueError, TypeError, AttributeError, SyntaxError) as error:
        raise NotAPicture(f"{_called(source)} cannot be read as a picture: {error}.") from error
    picture = ImageOps.exif_transpose(picture) or picture
    if picture.mode in {"RGBA", "LA", "PA"} or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        ground = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(ground, layer).convert("RGB")
    return picture if picture.mode in {"RGB", "L"} else picture.convert("RGB")


def prepare(picture: Image.Image, spec: TensorSpec, preprocessing: str | Preprocess = "auto") -> Array:
    """The tensor of one picture, without the batch axis, in the datatype of the input.

    Raises WrongShape when the recipe does not lead to the model's input.
    """
    if callable(preprocessing):
        return _own(picture, preprocessing)
    return _lay(*_pixels(picture, spec, preprocessing))


def seen(picture: Image.Image, spec: TensorSpec, preprocessing: str | Preprocess = "auto") -> Image.Image:
    """The picture as the model sees it, before it becomes numbers: cropped and resized.

    Of a function of one's own only the numbers are known: they are drawn, the lowest dark and the highest light.
    """
    if callable(preprocessing):
        return _drawn(_own(picture, preprocessing), spec)
    name, target = chosen(spec, preprocessing)
    return _resized(picture, name, target)


def chosen(spec: TensorSpec, preprocessing: str = "auto") -> tuple[str, Frame]:
    """The recipe that `auto` picks for an input, and the frame. Raises WrongShape when none fits."""
    target = frame(spec)
    if preprocessing not in NAMES:
        raise WrongShape(
            f"There is no preprocessing `{preprocessing}`.",
            hint=f"Choose {', '.join(NAMES)}, or give a function.",
        )
    if target is None:
        raise WrongShape(
            f"The model takes {spec}, which is no picture.",
            hint="Give `preprocessing` a function from picture to array, or call `infer(arrays)`.",
        )
    name = preprocessing
    if name == "auto":
        if (target.channels, target.height, target.width) == (1, DIGITS_SIZE, DIGITS_SIZE):
            name = "digits"
        elif spec.datatype in {"UINT8", "INT8"}:
            name = "pixels"
        elif target.channels == _RGB:
            name = "imagenet"
        else:
            raise WrongShape(
                f"No known preprocessing fits an input {spec}.",
                hint='Give `preprocessing="pixels"`, or a function from picture to array.',
            )
    if name == "imagenet" and target.channels != _RGB:
        raise WrongShape(f"`imagenet` makes colour pictures, the model takes {spec}.", hint="Choose another.")
    default = DIGITS_SIZE if name == "digits" else IMAGENET_SIZE
    height, width = (length if length > 0 else default for length in (target.height, target.width))
    return name, Frame(target.axes, target.channels, height, width)


def recipe_name(preprocessing: str | Preprocess) -> str:
    """The name of a recipe or of a function of one's own."""
    return preprocessing if isinstance(preprocessing, str) else getattr(preprocessing, "__name__", "function")


def _own(picture: Image.Image, preprocess: Preprocess) -> Array:
    try:
        return np.asarray(preprocess(picture.convert("RGB")))
    except Exception as error:
        raise WrongShape(
            f"The preprocessing `{recipe_name(preprocess)}` failed: {type(error).__name__}: {error}.",
            hint="It is called with a PIL image in RGB, and gives the array of one picture.",
        ) from error


def _drawn(array: Array, spec: TensorSpec) -> Image.Image:
    target = frame(spec)
    if target is None or array.dtype.kind not in "fiub" or not array.size:
        raise WrongShape("These numbers are no picture.")
    pixels = array.astype(np.float32)
    low, high = float(pixels.min()), float(pixels.max())
    pixels = (pixels - low) * (255 / (high - low) if high > low else 1)
    if target.axes == "CHW" and pixels.ndim == 3:
        pixels = pixels.transpose(1, 2, 0)
    elif target.axes == "flat" and pixels.size == target.height * target.width:
        pixels = pixels.reshape(target.height, target.width)
    if pixels.ndim == 3 and pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim not in {2, 3} or (pixels.ndim == 3 and pixels.shape[-1] != _RGB):
        raise WrongShape("These numbers are no picture.")
    return Image.fromarray(pixels.astype(np.uint8))


def _decode(source: Any) -> Image.Image:
    if isinstance(source, Image.Image):
        return source
    if isinstance(source, np.ndarray):
        if source.dtype != np.uint8 and (source.size == 0 or not 0 <= source.min() <= source.max() <= 255):
            raise ValueError("an array of pixels holds numbers from 0 to 255")
        pixels = source.astype(np.uint8)
        return Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels)
    if isinstance(source, str) and source.startswith(("https://", "http://")):
        source = _fetched(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        source = io.BytesIO(source)
    elif isinstance(source, (str, os.PathLike)):
        source = Path(source).expanduser()
    picture = Image.open(source)
    picture.load()
    return picture


def _fetched(url: str) -> bytes:
    """The bytes behind a URL; nothing but a plain GET goes there. Raises NotAPicture."""
    try:
        answer = Endpoint(url).send("GET", "", stream=True)
        data = answer.read(MAX_FETCHED + 1, decode_content=True)
        answer.release_conn()
    except (InferenceError, HTTPError) as error:
        raise NotAPicture(
            f"The picture at {url} cannot be fetched: {getattr(error, 'message', error)}",
            hint="Fetch it where there is a network, and name the file.",
        ) from error
    if len(data) > MAX_FETCHED:
        raise NotAPicture(f"What is at {url} is larger than {MAX_FETCHED // 2**20} MiB: no picture is.")
    return data


def _called(source: Any) -> str:
    if isinstance(source, (str, os.PathLike)):
        return f"`{os.fspath(source)}`"
    if isinstance(source, (bytes, bytearray, memoryview)):
        return f"This ({len(source)} bytes)"
    return f"This ({type(source).__name__})"


def _pixels(picture: Image.Image, spec: TensorSpec, preprocessing: str) -> tuple[Array, Frame]:
    """Height x width x channels, normalised, and where it goes."""
    name, target = chosen(spec, preprocessing)
    pixels: Array = np.asarray(_resized(picture, name, target), dtype=np.float32)
    if name == "imagenet":
        pixels = (pixels / 255 - np.array(IMAGENET_MEAN, np.float32)) / np.array(IMAGENET_STD, np.float32)
    elif name == "digits":
        pixels = pixels * (DIGITS_MAX / 255)
    return pixels.reshape(target.height, target.width, target.channels), target


def _resized(picture: Image.Image, name: str, target: Frame) -> Image.Image:
    size = (target.width, target.height)
    if name == "imagenet":
        picture = picture.convert("RGB")
        scale = max(target.width, target.height) * IMAGENET_RESIZE / min(picture.size)
        width, height = (max(round(length * scale), 1) for length in picture.size)
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
        left, top = (width - target.width) // 2, (height - target.height) // 2
        return picture.crop((left, top, left + target.width, top + target.height))
    picture = picture.convert("RGB" if target.channels == _RGB else "L")
    if name == "digits":
        small = picture.resize(size, Image.Resampling.BOX)
        pixels = np.asarray(small, dtype=np.float32)
        border = np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]])
        return ImageOps.invert(small) if border.mean() > 127 else small
    return picture.resize(size, Image.Resampling.BILINEAR)


def _lay(pixels: Array, target: Frame) -> Array:
    if target.axes == "CHW":
        return np.ascontiguousarray(pixels.transpose(2, 0, 1))
    if target.axes == "HWC":
        return pixels
    return pixels[..., 0].reshape(-1) if target.axes == "flat" else pixels[..., 0]
