"""Formats, the default selection, names."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odh_oci_widgets.models import ModelFormat
from odh_oci_widgets.models.formats import detect_format
from odh_oci_widgets.models.naming import service_name
from odh_oci_widgets.models.selection import left_out
from odh_oci_widgets.models.web import parse_address


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["config.json", "model-00001-of-00002.safetensors"], "huggingface"),
        (["config.json", "pytorch_model.bin"], "huggingface"),
        (["config.json", "onnx/model.onnx"], "onnx"),
        (["adapter.safetensors"], "pytorch"),
        (["a.onnx"], "onnx"),
        (["1/model.xml", "1/model.bin"], "openvino_ir"),
        (["saved_model.pb", "variables/variables.index"], "tensorflow"),
        (["model.joblib"], "sklearn"),
        (["model.ubj"], "xgboost"),
        (["model.txt"], "lightgbm"),
        (["x-Q4_K_M.gguf", "config.json"], "gguf"),
        (["model.pt"], "pytorch"),
        (["readme"], "unknown"),
        ([], "unknown"),
    ],
)
def test_format_by_names(paths: list[str], expected: str) -> None:
    assert detect_format(paths) == expected


def test_what_a_server_needs_is_kept() -> None:
    """The files of Llama-3.1-8B-Instruct, Mistral-7B-Instruct-v0.3 and all-MiniLM-L6-v2, as the hub lists them."""
    needed = [
        "LICENSE", "README.md", "USE_POLICY.md", "chat_template.jinja", "config.json", "generation_config.json",
        "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json",
        "special_tokens_map.json", "tokenizer.json", "tokenizer.model", "tokenizer.model.v3", "tokenizer_config.json",
        "params.json", "modules.json", "1_Pooling/config.json", "vocab.txt", "merges.txt", "modeling_custom.py",
    ]  # fmt: skip
    extra = [
        ".gitattributes", "original/consolidated.00.pth", "original/params.json", "original/tokenizer.model",
        "consolidated.safetensors", "pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5", "rust_model.ot",
        "flax_model.msgpack", "onnx/model_O1.onnx", "openvino/openvino_model.bin", "openvino/openvino_model.xml",
        "training_args.bin", "figures/loss.png", "checkpoint-500/optimizer.pt", "model.Q4_K_M.gguf",
    ]  # fmt: skip
    reasons = left_out([*needed, *extra], ModelFormat.HUGGINGFACE)
    assert set(reasons) == set(extra)
    assert all(reasons.values())


def test_pickles_stay_when_they_are_the_only_weights() -> None:
    assert left_out(["config.json", "pytorch_model.bin"], ModelFormat.HUGGINGFACE) == {}


def test_one_onnx_and_one_gguf_by_default() -> None:
    onnx = [
        "onnx/model.onnx",
        "onnx/model.onnx_data",
        "onnx/model_fp16.onnx",
        "onnx/model_fp16.onnx_data",
        "config.json",
    ]
    assert set(left_out(onnx, ModelFormat.ONNX)) == {"onnx/model_fp16.onnx", "onnx/model_fp16.onnx_data"}
    gguf = ["m.Q2_K.gguf", "m.Q4_K_M-00001-of-00002.gguf", "m.Q4_K_M-00002-of-00002.gguf", "m.Q8_0.gguf"]
    assert set(left_out(gguf, ModelFormat.GGUF)) == {"m.Q2_K.gguf", "m.Q8_0.gguf"}


@given(st.text())
def test_a_name_is_always_one_that_kubernetes_takes(text: str) -> None:
    assert re.fullmatch(r"[a-z]([-a-z0-9]{0,51}[a-z0-9])?", service_name(text))


def test_pages_that_show_a_file_become_the_file() -> None:
    zoo = "https://github.com/onnx/models/{}/main/validated/vision/classification/mobilenet/model/mobilenetv2-7.onnx"
    assert parse_address(zoo.format("blob")).url == zoo.format("raw")
    assert parse_address(zoo.format("raw")).url == zoo.format("raw")
    raw = "https://raw.githubusercontent.com/onnx/models/main/a.onnx"
    assert parse_address(raw).url == "https://github.com/onnx/models/raw/main/a.onnx"
    assert parse_address(raw + "?token=x").url == raw + "?token=x"
    hub = "https://huggingface.co/onnx-community/x/{}/main/onnx/model.onnx"
    assert parse_address(hub.format("blob")).url == hub.format("resolve")
