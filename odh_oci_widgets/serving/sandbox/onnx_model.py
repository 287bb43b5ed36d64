"""A model for the `kserve` model server that onnxruntime computes."""

from __future__ import annotations

import asyncio
import os
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from kserve import InferOutput, InferRequest, InferResponse, Model
from kserve.errors import InvalidInput

#: Processors for one call: more do not make a small model faster, and the notebook needs some.
MAX_THREADS = 4
#: onnxruntime's type -> V2 datatype and numpy dtype
TYPES: dict[str, tuple[str, Any]] = {
    "tensor(bool)": ("BOOL", np.bool_),
    "tensor(uint8)": ("UINT8", np.uint8),
    "tensor(uint16)": ("UINT16", np.uint16),
    "tensor(uint32)": ("UINT32", np.uint32),
    "tensor(uint64)": ("UINT64", np.uint64),
    "tensor(int8)": ("INT8", np.int8),
    "tensor(int16)": ("INT16", np.int16),
    "tensor(int32)": ("INT32", np.int32),
    "tensor(int64)": ("INT64", np.int64),
    "tensor(float16)": ("FP16", np.float16),
    "tensor(float)": ("FP32", np.float32),
    "tensor(double)": ("FP64", np.float64),
    "tensor(string)": ("BYTES", np.object_),
}


class OnnxModel(Model):  # type: ignore[misc] # kserve has no types
    """An ONNX file behind the Open Inference Protocol; `load` raises onnxruntime's own errors."""

    def __init__(self, name: str, file: Path) -> None:
        super().__init__(name)
        self._file = file

    def load(self) -> bool:
        """Read the file. Raises ValueError for a model whose inputs or outputs have no form in the protocol."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = min(os.cpu_count() or 1, MAX_THREADS)
        self._session = onnxruntime.InferenceSession(
            str(self._file), options, providers=onnxruntime.get_available_providers()
        )
        self._inputs = {tensor.name: tensor for tensor in self._session.get_inputs()}
        # maps and sequences (scikit-learn's ZipMap) have no form in the protocol
        self._outputs = {
            tensor.name: tensor for tensor in self._session.get_outputs() if tensor.type in TYPES
        }
        unknown = [tensor.type for tensor in self._inputs.values() if tensor.type not in TYPES]
        if unknown or not self._outputs:
            raise ValueError(
                f"its inputs or outputs are no tensors of a known type: {', '.join(unknown) or 'none'}"
            )
        self.ready = True
        return self.ready

    def get_input_types(self) -> list[dict[str, Any]]:
        """Inputs for the model's metadata."""
        return [_described(tensor) for tensor in self._inputs.values()]

    def get_output_types(self) -> list[dict[str, Any]]:
        """Outputs for the model's metadata."""
        return [_described(tensor) for tensor in self._outputs.values()]

    async def predict(
        self,
        payload: Any,
        headers: Any = None,  # noqa: ARG002 - the signature is kserve's
        response_headers: Any = None,  # noqa: ARG002
    ) -> InferResponse:
        """One call. Raises InvalidInput, which the server answers as 400."""
        if not isinstance(payload, InferRequest):
            raise InvalidInput(
                "This server speaks the Open Inference Protocol V2 only: POST /v2/models/NAME/infer."
            )
        feed = {tensor.name: self._array(tensor) for tensor in payload.inputs}
        missing = self._inputs.keys() - feed.keys()
        if missing:
            raise InvalidInput(f"Inputs are missing: {', '.join(sorted(missing))}.")
        try:
            # another thread, so that health is answered during a long computation
            arrays = await asyncio.to_thread(self._session.run, list(self._outputs), feed)
        except Exception as error:
            raise InvalidInput(f"onnxruntime: {error}") from error
        outputs = []
        for (name, tensor), array in zip(self._outputs.items(), arrays, strict=True):
            output = InferOutput(name=name, shape=list(array.shape), datatype=TYPES[tensor.type][0])
            output.set_data_from_numpy(array, binary_data=False)
            outputs.append(output)
        return InferResponse(
            response_id=payload.id or str(uuid.uuid4()),
            model_name=self.name,
            infer_outputs=outputs,
            use_binary_outputs=payload.use_binary_outputs,
            requested_outputs=payload.request_outputs,
        )

    def _array(self, sent: Any) -> Any:
        if sent.name not in self._inputs:
            raise InvalidInput(f"There is no input `{sent.name}`; the model takes {', '.join(self._inputs)}.")
        datatype, dtype = TYPES[self._inputs[sent.name].type]
        if sent.datatype != datatype:
            raise InvalidInput(f"The input `{sent.name}` is {datatype}, not {sent.datatype}.")
        try:
            return sent.as_numpy().astype(dtype, copy=False)
        except (TypeError, ValueError) as error:
            raise InvalidInput(
                f"The data of `{sent.name}` does not fit its shape {sent.shape}: {error}"
            ) from error


def _described(tensor: Any) -> dict[str, Any]:
    shape = [length if isinstance(length, int) else -1 for length in tensor.shape]
    return {"name": tensor.name, "datatype": TYPES[tensor.type][0], "shape": shape}
