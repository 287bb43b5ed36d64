"""A client of the Open Inference Protocol V2 (KServe, OpenVINO Model Server, MLServer, Triton)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .errors import InferenceError, ModelUnknown, RequestRefused, ServerFailed, WrongShape
from .http import Endpoint
from .tensors import Array, TensorSpec, as_tensor, from_bytes, from_json, to_bytes, to_json

#: Says where the JSON of a body ends and the raw tensors start.
JSON_LENGTH = "Inference-Header-Content-Length"


@dataclass(frozen=True, kw_only=True)
class ModelMetadata:
    """What a server says about a model: its inputs and outputs, in order.

    >>> from odh_oci_widgets.inference import Endpoint, V2Client
    >>> metadata = V2Client(Endpoint(mobilenet_url), "mobilenet").metadata()
    >>> [str(spec) for spec in metadata.inputs]
    ['input FP32 [-1, 3, 224, 224]']
    """

    name: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    platform: str = ""


class V2Client:
    """One model behind a V2 server.

    Tensors go as raw bytes; a server that refuses those gets JSON, from then on at once. `binary` says it
    beforehand.

    >>> from odh_oci_widgets.inference import Endpoint, V2Client
    >>> import numpy as np
    >>> client = V2Client(Endpoint(mobilenet_url), "mobilenet")
    >>> client.infer(np.zeros((1, 3, 224, 224), np.float32))["scores"].shape
    (1, 3)
    """

    def __init__(self, endpoint: Endpoint, name: str, *, binary: bool | None = None) -> None:
        self.endpoint = endpoint
        self.name = name
        #: None until the server has shown whether it takes raw tensors
        self.binary = binary
        self._path = f"/v2/models/{quote(name, safe='')}"
        self._metadata: ModelMetadata | None = None

    def ready(self, *, timeout: float = 5) -> bool:
        """Whether the model answers that it is ready; False also when the server cannot be reached."""
        try:
            self.endpoint.send("GET", f"{self._path}/ready", timeout=timeout)
        except InferenceError:
            return False
        return True

    def metadata(self) -> ModelMetadata:
        """Names, datatypes and shapes; asked once. Raises InferenceError."""
        if self._metadata is None:
            self._metadata = read_metadata(self.endpoint.get(self._path), self.name)
        return self._metadata

    def infer(self, arrays: Mapping[str, Any] | Any) -> dict[str, Array]:
        """Outputs by name for arrays by input name; a model with one input takes the array alone.

        Raises WrongShape before anything is sent when an array does not fit, InferenceError for what the server
        answers.
        """
        metadata = self.metadata()
        tensors = {spec.name: (spec, as_tensor(value, spec)) for spec, value in _by_name(arrays, metadata)}
        if self.binary is not False:
            try:
                outputs = self._call(tensors, metadata, binary=True)
            except (RequestRefused, ServerFailed) as error:
                # a server without the binary extension chokes on the body in one way or another
                if self.binary or error.status is None:
                    raise
            else:
                self.binary = True
                return outputs
        outputs = self._call(tensors, metadata, binary=False)
        self.binary = False
        return outputs

    def _call(
        self, tensors: Mapping[str, tuple[TensorSpec, Array]], metadata: ModelMetadata, *, binary: bool
    ) -> dict[str, Array]:
        body, headers = request_body(tensors, metadata, binary=binary)
        answer = self.endpoint.send("POST", f"{self._path}/infer", body=body, headers=headers)
        return read_outputs(answer.data, answer.headers.get(JSON_LENGTH)) if answer.data else {}


def read_metadata(said: Any, name: str) -> ModelMetadata:
    """What a server says about a model, read. Raises ModelUnknown when it is not what the protocol asks."""

    def specs(kind: str) -> tuple[TensorSpec, ...]:
        return tuple(
            TensorSpec(tensor["name"], tensor["datatype"], tuple(int(length) for length in tensor["shape"]))
            for tensor in said.get(kind) or ()
        )

    try:
        return ModelMetadata(
            name=said.get("name", name),
            inputs=specs("inputs"),
            outputs=specs("outputs"),
            platform=said.get("platform") or "",
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelUnknown(
            f"The server does not describe the model `{name}` as the V2 protocol asks.",
            hint="Check the URL and the name of the model.",
        ) from error


def request_body(
    tensors: Mapping[str, tuple[TensorSpec, Array]], metadata: ModelMetadata, *, binary: bool
) -> tuple[bytes, dict[str, str]]:
    """Body and headers of an infer request: JSON, with the raw tensors behind it when `binary`."""
    inputs, raw = [], []
    for spec, array in tensors.values():
        tensor: dict[str, Any] = {"name": spec.name, "shape": list(array.shape), "datatype": spec.datatype}
        if binary:
            raw.append(to_bytes(array))
            tensor["parameters"] = {"binary_data_size": len(raw[-1])}
        else:
            tensor["data"] = to_json(array)
        inputs.append(tensor)
    request: dict[str, Any] = {"inputs": inputs}
    if binary and metadata.outputs:
        request["outputs"] = [
            {"name": spec.name, "parameters": {"binary_data": True}} for spec in metadata.outputs
        ]
    head = json.dumps(request, separators=(",", ":")).encode()
    if not binary:
        return head, {"Content-Type": "application/json"}
    headers = {"Content-Type": "application/octet-stream", JSON_LENGTH: str(len(head))}
    return b"".join([head, *raw]), headers


def read_outputs(body: bytes, json_length: str | None) -> dict[str, Array]:
    """The outputs of an answer, by name; raw and JSON tensors may stand side by side. Raises ServerFailed."""
    try:
        end = int(json_length) if json_length else len(body)
        said = json.loads(body[:end])
        outputs = {}
        for output in said["outputs"]:
            spec = TensorSpec(output["name"], output["datatype"], tuple(map(int, output["shape"])))
            size = (output.get("parameters") or {}).get("binary_data_size")
            if size is None:
                outputs[spec.name] = from_json(output["data"], spec)
            else:
                outputs[spec.name] = from_bytes(body[end : end + int(size)], spec)
                end += int(size)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ServerFailed(
            f"The answer of the model server is not one of the V2 protocol: {body[:120]!r}.",
            hint="Check that the URL is that of a V2 server.",
        ) from error
    return outputs


def _by_name(arrays: Mapping[str, Any] | Any, metadata: ModelMetadata) -> list[tuple[TensorSpec, Any]]:
    takes = "; ".join(map(str, metadata.inputs))
    if not isinstance(arrays, Mapping):
        if len(metadata.inputs) != 1:
            raise WrongShape(
                f"The model `{metadata.name}` has {len(metadata.inputs)} inputs, one array was given.",
                hint=f"Give arrays by name: {takes}." if takes else "The server does not say which.",
            )
        return [(metadata.inputs[0], arrays)]
    specs = {spec.name: spec for spec in metadata.inputs}
    if set(specs) != set(arrays):
        raise WrongShape(
            f"The arrays given ({', '.join(map(str, arrays))}) are not the inputs of the model.",
            hint=f"It takes {takes}.",
        )
    return [(specs[name], value) for name, value in arrays.items()]
