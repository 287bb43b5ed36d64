"""Pictures as a model sees them: cropped and resized, before they become numbers."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

from odh_oci_widgets.inference import NotAPicture, TensorSpec, WrongShape
from odh_oci_widgets.inference.preprocessing import (
    RECIPES,
    Preprocess,
    chosen,
    open_picture,
    recipe_name,
    seen,
)

from . import html

#: Pixels of the longer side of a preview; the whole picture need not travel back to the browser.
PREVIEW = 240
#: Below this, pixels are shown as squares.
SMALL = 64


def view(service: Any, pictures: Sequence[tuple[str, Any]], preprocessing: str | Preprocess) -> html.Html:
    """The recipe in words, and each picture after it; empty for a model that takes no pictures. Asks the service."""
    spec = service.describe().inputs[0]
    try:
        recipe = _recipe(spec, preprocessing)
        images = [
            (title, data_url(seen(open_picture(data), spec, preprocessing))) for title, data in pictures
        ]
    except (WrongShape, NotAPicture):
        return html.EMPTY
    return html.element(
        "div",
        html.element("div", html.element("strong", "As the model sees it"), f" ({recipe})"),
        html.pictures(images),
        class_="odh-oci-card",
        role="group",
        aria_label="As the model sees it",
    )


def _recipe(spec: TensorSpec, preprocessing: str | Preprocess) -> str:
    if callable(preprocessing):
        return f"{recipe_name(preprocessing)}, your own function: its lowest number dark, its highest light"
    name, frame = chosen(spec, preprocessing)
    axes = f"N{frame.axes}, " if frame.axes in {"CHW", "HWC"} else ""
    return f"{name}: {RECIPES[name]}; {axes}{frame.height} x {frame.width}, {spec.datatype}"


def preview(source: Any) -> str:
    """A small picture as a data URL; empty for what is no picture: the service says so in a sentence."""
    try:
        return data_url(open_picture(source))
    except NotAPicture:
        return ""


def data_url(picture: Any) -> str:
    """A picture as a small PNG or JPEG for the page."""
    width, height = picture.size
    small = io.BytesIO()
    if max(width, height) <= SMALL:
        picture.convert("RGB").resize(
            (width * 96 // max(width, height), height * 96 // max(width, height)), 0
        ).save(small, "PNG")
        kind = "png"
    else:
        copy = picture.convert("RGB")
        copy.thumbnail((PREVIEW, PREVIEW))
        copy.save(small, "JPEG", quality=85)
        kind = "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(small.getvalue()).decode()}"
