"""Inputs, outputs, operator sets and data files of an ONNX model, read from the file without the `onnx` package.

ONNX is a protobuf message. Only its skeleton is walked: nodes and weights are skipped, so that a model behind a URL
costs a few Range requests. Field numbers are those of onnx.proto3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from .errors import NotAModel
from .reading import Window

#: TensorProto.DataType -> data type of the Open Inference Protocol
_DATATYPES = {
    1: "FP32", 2: "UINT8", 3: "INT8", 4: "UINT16", 5: "INT16", 6: "INT32", 7: "INT64", 8: "BYTES", 9: "BOOL",
    10: "FP16", 11: "FP64", 12: "UINT32", 13: "UINT64", 16: "BF16",
}  # fmt: skip

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MODEL_GRAPH, _MODEL_OPSET = 7, 8
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_INPUT, _GRAPH_OUTPUT = 1, 5, 11, 12
_NODE_OPERATOR, _NODE_DOMAIN = 4, 7
_ML = "ai.onnx.ml"
_TENSOR_NAME, _TENSOR_EXTERNAL = 8, 13


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """An input or output: `shape` has an int, a name (`"batch"`) or None (unknown) per dimension.

    `datatype` is as in the Open Inference Protocol (`FP32`); `sequence` or `map` for what is no tensor.

    >>> from odh_oci_widgets import open_model, understand
    >>> tensor = understand(open_model("iris.onnx")).inputs[0]
    >>> tensor.name, tensor.datatype, tensor.shape
    ('x', 'FP32', (None, 4))
    """

    name: str
    datatype: str
    shape: tuple[int | str | None, ...]


@dataclass(kw_only=True)
class OnnxHeader:
    """What a caller of the model, and whoever serves it, needs to know."""

    inputs: list[Tensor] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)
    #: operator set -> version; the default one is ""
    opsets: dict[str, int] = field(default_factory=dict)
    #: names of files beside the model that hold its weights
    external_data: list[str] = field(default_factory=list)
    #: names of operators of ai.onnx.ml in the graph (a model may import that set and use none of it)
    ml_operators: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Span:
    """A message inside the file."""

    start: int
    end: int


def read_onnx(window: Window) -> OnnxHeader:
    """The header of the model in `window`. Raises NotAModel, or TooScattered when it takes too many requests."""
    header = OnnxHeader()
    initializers: set[str] = set()
    graphs: list[_Span] = []
    for number, value in _fields(window, _Span(0, window.size)):
        if number == _MODEL_GRAPH and isinstance(value, _Span):
            graphs.append(value)
            _graph(window, value, header, initializers)
        elif number == _MODEL_OPSET and isinstance(value, _Span):
            domain, version = "", 0
            for inner, item in _fields(window, value):
                if inner == 1:
                    domain = _text(window, item)
                elif isinstance(item, int):
                    version = item
            header.opsets[domain] = version
    if len(graphs) != 1 or not header.outputs:
        raise NotAModel(
            "The file is no ONNX model: it has no graph.", hint="Look at it, or download it again."
        )
    # Before IR version 4 the weights were listed among the inputs.
    header.inputs = [tensor for tensor in header.inputs if tensor.name not in initializers]
    if _ML in header.opsets:
        header.ml_operators = _ml_operators(window, graphs[0])
    return header


def _ml_operators(window: Window, graph: _Span) -> list[str]:
    found: set[str] = set()
    for number, value in _fields(window, graph):
        if number == _GRAPH_NODE and isinstance(value, _Span):
            texts = {
                inner: item
                for inner, item in _fields(window, value)
                if inner in {_NODE_OPERATOR, _NODE_DOMAIN}
            }
            if _NODE_DOMAIN in texts and _text(window, texts[_NODE_DOMAIN]) == _ML:
                found.add(_text(window, texts.get(_NODE_OPERATOR, 0)))
    return sorted(found)


def _graph(window: Window, graph: _Span, header: OnnxHeader, initializers: set[str]) -> None:
    for number, value in _fields(window, graph):
        if number == _GRAPH_INITIALIZER and isinstance(value, _Span):
            for inner, item in _fields(window, value):
                if inner == _TENSOR_NAME:
                    initializers.add(_text(window, item))
                elif inner == _TENSOR_EXTERNAL and isinstance(item, _Span):
                    entry = {key: _text(window, part) for key, part in _fields(window, item)}
                    if entry.get(1) == "location" and entry.get(2, "") not in header.external_data:
                        header.external_data.append(entry.get(2, ""))
        elif number == _GRAPH_INPUT and isinstance(value, _Span):
            header.inputs.append(_tensor(window, value))
        elif number == _GRAPH_OUTPUT and isinstance(value, _Span):
            header.outputs.append(_tensor(window, value))


def _tensor(window: Window, span: _Span) -> Tensor:
    """A ValueInfoProto: name and type."""
    name, datatype = "", "unknown"
    shape: tuple[int | str | None, ...] = ()
    for number, value in _fields(window, span):
        if number == 1:
            name = _text(window, value)
        elif number == 2 and isinstance(value, _Span):
            for kind, inner in _fields(window, value):
                if kind == 1 and isinstance(inner, _Span):
                    datatype, shape = _tensor_type(window, inner)
                elif kind in {4, 5}:
                    datatype = "sequence" if kind == 4 else "map"
    return Tensor(name=name, datatype=datatype, shape=shape)


def _tensor_type(window: Window, span: _Span) -> tuple[str, tuple[int | str | None, ...]]:
    datatype = "unknown"
    shape: list[int | str | None] = []
    for number, value in _fields(window, span):
        if number == 1 and isinstance(value, int):
            datatype = _DATATYPES.get(value, "unknown")
        elif number == 2 and isinstance(value, _Span):
            for _, dimension in _fields(window, value):
                size: int | str | None = None
                if isinstance(dimension, _Span):
                    for kind, item in _fields(window, dimension):
                        if kind == 1 and isinstance(item, int):
                            size = item
                        elif kind == 2:
                            size = _text(window, item) or None
                shape.append(size)
    return datatype, tuple(shape)


def _text(window: Window, value: int | _Span) -> str:
    if not isinstance(value, _Span) or value.end - value.start > 2**16:
        raise NotAModel("The file is no ONNX model.", hint="Look at it, or download it again.")
    return window.read(value.start, value.end - value.start).decode(errors="replace")


def _fields(window: Window, span: _Span) -> Iterator[tuple[int, int | _Span]]:
    """Field number and value of a message: the integer, or where the bytes are. Skipped bytes are never read."""
    position = span.start
    while position < span.end:
        key, position = _varint(window, position, span.end)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, position = _varint(window, position, span.end)
            yield number, value
            continue
        if wire == _BYTES:
            length, position = _varint(window, position, span.end)
        elif wire in {_FIXED32, _FIXED64}:
            length = 4 if wire == _FIXED32 else 8
        else:
            raise NotAModel("The file is no ONNX model.", hint="Look at it, or download it again.")
        if not number or position + length > span.end:
            raise NotAModel(
                "The file is no ONNX model, or it is cut off.", hint="Look at it, or download it again."
            )
        yield number, _Span(position, position + length)
        position += length


def _varint(window: Window, position: int, end: int) -> tuple[int, int]:
    """A number of at most 10 bytes, 7 bits each, and where the next thing begins."""
    data = window.read(position, min(10, end - position))
    value = 0
    for count, byte in enumerate(data):
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return value, position + count + 1
    raise NotAModel("The file is no ONNX model.", hint="Look at it, or download it again.")
