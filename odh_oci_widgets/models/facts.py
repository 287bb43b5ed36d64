"""What a model is, learnt from the heads of its files: nothing large is downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from .errors import NotAModel
from .hub import hub_token
from .model import Model, ModelFile, ModelFormat
from .onnx_header import Tensor, read_onnx
from .reading import TooScattered, Window, find_file, read_json
from .runtime import Suggestion, suggest
from .safetensors import read_weights
from .transformers_config import Config, parse_config

#: of data types in configurations, for weights whose headers cannot be read
_DTYPE_OF_CONFIG = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}
_BYTES_OF_CONFIG = {"float32": 4, "float16": 2, "bfloat16": 2}


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A model understood. None, empty or 0 is what its files do not tell.

    >>> from odh_oci_widgets import open_model, understand
    >>> facts = understand(open_model("iris.onnx"))
    >>> print(*facts.inputs, *facts.outputs)
    Tensor(name='x', datatype='FP32', shape=(None, 4)) Tensor(name='scores', datatype='FP32', shape=(None, 3))
    >>> facts.suggestion.kind
    <RuntimeKind.OVMS: 'ovms'>
    """

    format: ModelFormat
    #: elements of the tensors by data type, `{"BF16": 2533531648}`
    parameters: Mapping[str, int] = field(default_factory=dict)
    #: bytes of the weights as they are stored
    weight_bytes: int = 0
    config: Config = field(default_factory=Config)
    #: None where the format has no such thing
    chat_template: bool | None = None
    inputs: tuple[Tensor, ...] = ()
    outputs: tuple[Tensor, ...] = ()
    opsets: Mapping[str, int] = field(default_factory=dict)
    external_data: tuple[str, ...] = ()
    #: names of operators of ai.onnx.ml that the graph uses
    ml_operators: tuple[str, ...] = ()
    suggestion: Suggestion = field(default_factory=Suggestion)
    #: sentences: what could not be learnt, what will not work
    warnings: tuple[str, ...] = ()

    @property
    def parameter_count(self) -> int:
        """All elements. Of packed 4-bit weights (in I32) it is the number of packs, not of parameters."""
        return sum(self.parameters.values())

    @property
    def generative(self) -> bool:
        """Whether it answers with text: a decoder or encoder-decoder of the `transformers` library."""
        architecture = self.config.architecture or ""
        return architecture.endswith(("ForCausalLM", "LMHeadModel", "ForConditionalGeneration"))


def understand(model: Model, *, token: str | None = None) -> Facts:
    """The facts of a model, read from config files and from the heads of weight files (by Range where remote).

    What cannot be learnt is a warning, not an error; but a hub that refuses or is away raises its ModelError.

    >>> from odh_oci_widgets import open_model, understand
    >>> facts = understand(open_model("hf://ibm-granite/granite-3.0-2b-instruct"))
    >>> facts.parameter_count, facts.config.context_length, facts.chat_template
    (2533531648, 4096, True)
    """
    if any(file.source.auth == "hf" for file in model.files):
        token = hub_token(token)
    if model.format is ModelFormat.HUGGINGFACE:
        facts = _transformers(model, token)
    elif model.format is ModelFormat.ONNX:
        facts = _onnx(model, token)
    else:
        facts = Facts(format=model.format, weight_bytes=_weight_bytes(model))
    return replace(
        facts,
        suggestion=suggest(
            model.format,
            architecture=facts.config.architecture,
            needs_code=facts.config.needs_code,
            ml_operators=facts.ml_operators,
            outputs=facts.outputs,
        ),
    )


def _transformers(model: Model, token: str | None) -> Facts:
    warnings: list[str] = []
    data = read_json(model, "config.json", token=token)
    if data is None:
        warnings.append("config.json cannot be read: architecture and context length are unknown.")
    config = parse_config(data or {})
    parameters: Mapping[str, int] = {}
    size = 0
    weights = [file for file in model.files if file.path.endswith(".safetensors") and "/" not in file.path]
    if weights:
        try:
            found = read_weights(weights, token=token)
            parameters, size = found.parameters, found.size
        except NotAModel as error:
            warnings.append(str(error))
            size = sum(file.size for file in weights)
    else:
        # Pickles have no header that could be read without running them: their size and the configuration tell.
        size = sum(file.size for file in model.files if file.path.endswith(".bin"))
        dtype = config.dtype or "float32"
        parameters = {_DTYPE_OF_CONFIG.get(dtype, "F32"): size // _BYTES_OF_CONFIG.get(dtype, 4)}
        warnings.append("The weights are pickles, which can run code when loaded; safetensors are safer.")
    missing = _missing_shards(weights)
    if missing:
        warnings.append(f"{missing} of the weight files named in model.safetensors.index.json are not there.")
    return Facts(
        format=model.format,
        parameters=parameters,
        weight_bytes=size,
        config=config,
        chat_template=_has_chat_template(model, token),
        warnings=tuple(warnings),
    )


def _missing_shards(weights: list[ModelFile]) -> int:
    """Of `model-00001-of-00004.safetensors` the names tell how many there should be."""
    for file in weights:
        parts = PurePosixPath(file.path).stem.rsplit("-of-", 1)
        if len(parts) == 2 and parts[1].isdigit() and "-" in parts[0]:
            family = parts[0].rpartition("-")[0]
            return max(0, int(parts[1]) - sum(other.path.startswith(family + "-") for other in weights))
    return 0


def _has_chat_template(model: Model, token: str | None) -> bool:
    if find_file(model, "chat_template.jinja") or find_file(model, "chat_template.json"):
        return True
    settings = read_json(model, "tokenizer_config.json", token=token)
    return bool(settings and settings.get("chat_template"))


def _onnx(model: Model, token: str | None) -> Facts:
    file = next(file for file in sorted(model.files, key=lambda f: f.path) if file.path.endswith(".onnx"))
    size = _weight_bytes(model)
    try:
        header = read_onnx(Window(file, token=token))
    except TooScattered:
        return Facts(
            format=model.format,
            weight_bytes=size,
            warnings=(
                "Inputs and outputs are known once the model is served: the file is too scattered to look.",
            ),
        )
    except NotAModel as error:
        return Facts(format=model.format, weight_bytes=size, warnings=(f"`{file.path}`: {error}",))
    folder = file.path.rpartition("/")[0]
    there = {other.path for other in model.files}
    missing = [name for name in header.external_data if (f"{folder}/{name}" if folder else name) not in there]
    return Facts(
        format=model.format,
        weight_bytes=size,
        inputs=tuple(header.inputs),
        outputs=tuple(header.outputs),
        opsets=header.opsets,
        ml_operators=tuple(header.ml_operators),
        external_data=tuple(header.external_data),
        warnings=tuple(
            f"`{file.path}` keeps weights in `{name}`, which is not among the files." for name in missing
        ),
    )


def _weight_bytes(model: Model) -> int:
    """All but small text: of formats without a header to read."""
    texts = (".json", ".md", ".txt", ".yaml", ".yml", ".xml")
    return sum(file.size for file in model.files if not file.path.endswith(texts)) or model.size
