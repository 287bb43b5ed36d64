"""A model: what the user chose, and its files, pinned to one revision."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from odh_oci_widgets.oci.plan import PlanFile, Source

if TYPE_CHECKING:
    from typing import Self


class ModelFormat(StrEnum):
    """The format of a model's files, by the names that KServe's runtimes use where they have one.

    >>> from odh_oci_widgets import open_model
    >>> open_model("iris.onnx").format
    <ModelFormat.ONNX: 'onnx'>
    """

    HUGGINGFACE = "huggingface"
    ONNX = "onnx"
    OPENVINO_IR = "openvino_ir"
    GGUF = "gguf"
    SKLEARN = "sklearn"
    XGBOOST = "xgboost"
    LIGHTGBM = "lightgbm"
    TENSORFLOW = "tensorflow"
    PYTORCH = "pytorch"
    UNKNOWN = "unknown"


#: Formats that an LLM server (vLLM) takes; all others are predictive.
GENERATIVE = frozenset({ModelFormat.HUGGINGFACE})


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """A file of a model: path inside the model (posix), bytes, hash if known, and where the bytes are.

    >>> from odh_oci_widgets import open_model
    >>> open_model("iris.onnx").files[0].path
    'iris.onnx'
    """

    path: str
    size: int
    source: Source
    sha256: str | None = None
    git_oid: str | None = None


@dataclass(frozen=True, kw_only=True)
class Model:
    """What the user chose. `files` are the selected ones; `left_out` the others, with the reason in words.

    >>> from odh_oci_widgets import open_model
    >>> model = open_model("hf://ibm-granite/granite-3.0-2b-instruct")
    >>> model.format, model.license, len(model.files)
    (<ModelFormat.HUGGINGFACE: 'huggingface'>, 'apache-2.0', 8)
    """

    reference: str
    name: str
    files: tuple[ModelFile, ...]
    left_out: tuple[tuple[ModelFile, str], ...] = ()
    format: ModelFormat = ModelFormat.UNKNOWN
    #: a commit, never a branch; None where the source has no revisions
    revision: str | None = None
    license: str | None = None
    #: where a person can read about it
    homepage: str | None = None

    @property
    def size(self) -> int:
        """Bytes of the selected files."""
        return sum(file.size for file in self.files)

    def select(self, *, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> Self:
        """The same model with other files: globs over paths; `include` given means only those."""
        everything = [*self.files, *(file for file, _ in self.left_out)]
        chosen, left = [], []
        before = {file.path: why for file, why in self.left_out}
        for file in sorted(everything, key=lambda f: f.path):
            if any(fnmatchcase(file.path, glob) for glob in exclude):
                left.append((file, "excluded"))
            elif include and not any(fnmatchcase(file.path, glob) for glob in include):
                left.append((file, "not included"))
            elif not include and file.path in before:
                left.append((file, before[file.path]))
            else:
                chosen.append(file)
        return replace(self, files=tuple(chosen), left_out=tuple(left))

    @property
    def versioned(self) -> bool:
        """Whether the runtime wants the files in `models/1/` (OpenVINO Model Server) and not in `models/`."""
        return self.format in {ModelFormat.ONNX, ModelFormat.OPENVINO_IR, ModelFormat.TENSORFLOW}

    def plan_files(self, *, versioned: bool | None = None) -> tuple[PlanFile, ...]:
        """The files as they stand in the image: `models/1/…` when `versioned` (default: by format), else `models/…`."""
        versioned = self.versioned if versioned is None else versioned
        # A folder made for OpenVINO Model Server has its versions already: `1/model.onnx`.
        has_versions = all(re.match(r"\d+/", file.path) for file in self.files)
        prefix = "models/1/" if versioned and not has_versions else "models/"
        above = self._folder_of_the_model() if prefix == "models/1/" else ""
        return tuple(
            PlanFile(
                path=prefix + file.path.removeprefix(above),
                size=file.size,
                source=file.source,
                sha256=file.sha256,
                git_oid=file.git_oid,
            )
            for file in self.files
        )

    def _folder_of_the_model(self) -> str:
        """`onnx/` where the model is `onnx/model.onnx`: the server looks for it directly in the version's folder."""
        heads = (".onnx", ".xml", "saved_model.pb")
        folders = {file.path.rpartition("/")[0] for file in self.files if file.path.endswith(heads)}
        folder = folders.pop() if len(folders) == 1 else ""
        return f"{folder}/" if folder else ""
