"""From a text that names a model to the model."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from .errors import ModelEmpty, ReferenceNotUnderstood
from .folder import open_folder, refuse_pointers
from .hub import open_hub
from .model import Model
from .s3 import open_s3
from .web import open_web

#: a model's page, as people copy it from the browser
_HUB_PAGE = re.compile(
    r"https://(?:huggingface\.co|hf\.co)/(?!datasets/|spaces/|docs/|api/)"
    r"(?P<name>[\w.-]+/[\w.-]+)(?:/tree/(?P<revision>[^?#]+))?/?$"
)


def open_model(
    reference: str | os.PathLike[str],
    *,
    token: str | None = None,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> Model:
    """The model that `reference` names, with its files listed and pinned; no file is downloaded.

    `reference` is one of

    - `hf://owner/name[@revision]` (branch, tag or commit), or the address of the model's page;
    - `https://…/file.onnx[#sha256=<hex>]`, several of them separated by blanks for a model of several files;
    - `s3://bucket/folder` (extra `[s3]`), with the keys of the data connection in the environment;
    - a folder or a file on this disk.

    `include` and `exclude` are globs over the paths; without `include` a default selection leaves out what no
    server reads (`Model.left_out` says why for each file). `token` is a Hugging Face token; the default is
    `HF_TOKEN`, else the token file of `hf auth login`.

    Raises a `ModelError`: ReferenceNotUnderstood, ModelNotFound, ModelGated, ModelAccessMissing, TokenRefused,
    RevisionNotFound, ModelEmpty, PathLeavesFolder, NotAModel, SizeUnknown, SourceUnreachable, PackageMissing.

    >>> from odh_oci_widgets import open_model
    >>> model = open_model("hf://ibm-granite/granite-3.0-2b-instruct", exclude=["*.md"])
    >>> model.name, model.license
    ('granite-3-0-2b-instruct', 'apache-2.0')
    """
    model = _open(str(os.fspath(reference)).strip(), token)
    model = model.select(include=include, exclude=exclude)
    if not model.files:
        raise ModelEmpty(
            f"No file of `{model.reference}` is selected.",
            hint=f"It holds {_some(model)}: change include and exclude." if model.left_out else "",
        )
    refuse_pointers(model.files)
    return model


def _open(reference: str, token: str | None) -> Model:
    page = _HUB_PAGE.match(reference)
    if page:
        revision = page["revision"]
        return open_hub(f"hf://{page['name']}" + (f"@{revision.strip('/')}" if revision else ""), token=token)
    if reference.startswith("hf://"):
        return open_hub(reference, token=token)
    if reference.startswith(("https://", "http://")):
        return open_web(reference.split())
    if reference.startswith("s3://"):
        return open_s3(reference)
    if re.match(r"[a-z][a-z0-9+.-]*://", reference) or not reference:
        raise ReferenceNotUnderstood(
            f"`{reference}` does not name a model.",
            hint="Use hf://owner/name, https://…/file.onnx, s3://bucket/folder, or a folder on this disk.",
        )
    return open_folder(Path(reference).expanduser())


def _some(model: Model) -> str:
    names = [f"`{file.path}`" for file, _ in model.left_out]
    shown = ", ".join(names[:4])
    return f"{shown} and {len(names) - 4} more" if names[4:] else shown
