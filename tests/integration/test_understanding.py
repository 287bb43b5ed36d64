"""Ten well-known architectures understood over HTTP, from headers only."""

from __future__ import annotations

import json

import pytest

from odh_oci_widgets.models import (
    ModelFormat,
    RuntimeKind,
    estimate_gpu,
    open_model,
    understand,
)
from tests.servers.hub import Content, Hub, Repo, Sparse
from tests.servers.hub_library import shards
from tests.unit.architectures import ARCHITECTURES

NAMES = sorted(ARCHITECTURES)
assert len({architecture.config["model_type"] for architecture in ARCHITECTURES.values()}) >= 9


@pytest.fixture(scope="module")
def zoo(_hub: Hub) -> Hub:
    for name, architecture in ARCHITECTURES.items():
        files: dict[str, Content] = {
            "config.json": json.dumps(architecture.config).encode(),
            **shards(architecture),
        }
        _hub.add(name, Repo(files, gated="manual" if name.startswith("meta-llama") else False))
    return _hub


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_within_15_percent_of_the_real_ones(hub: Hub, zoo: Hub, name: str) -> None:
    architecture = ARCHITECTURES[name]
    before = len(hub.requests)
    model = open_model(f"hf://{name}", token=hub.token)
    facts = understand(model, token=hub.token)
    assert facts.format is ModelFormat.HUGGINGFACE
    assert dict(facts.parameters) == architecture.parameters
    assert abs(facts.weight_bytes - architecture.size) < 0.15 * architecture.size
    assert model.size > architecture.size
    assert facts.config.context_length == architecture.context
    assert facts.config.architecture == architecture.config["architectures"][0]
    assert facts.generative
    assert facts.suggestion.kind is RuntimeKind.VLLM
    assert facts.warnings == ()
    weights = estimate_gpu(facts).parts[0].size
    real = architecture.size // 2 if "F32" in architecture.parameters else architecture.size
    assert abs(weights - real) < 0.15 * real
    # info, auth check, tree, config; two hosts and at most two pieces a shard
    assert len(hub.requests) - before <= 6 + 4 * architecture.shards


def test_a_gated_model_is_read_with_the_token_from_the_environment(
    hub: Hub, zoo: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", hub.token)
    facts = understand(open_model("hf://meta-llama/Llama-3.1-8B-Instruct"))
    assert facts.parameter_count == 8_030_261_248


def test_shards_that_are_missing_are_told(hub: Hub, zoo: Hub) -> None:
    files = dict(shards(ARCHITECTURES["ibm-granite/granite-3.0-2b-instruct"]))
    files.pop("model-00002-of-00002.safetensors")
    hub.add("understanding/half", {"config.json": b"{}", **files})
    facts = understand(open_model("hf://understanding/half"))
    assert any("1 of the weight files" in warning for warning in facts.warnings)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"tokenizer_config.json": b'{"chat_template": "{{ messages }}"}'}, True),
        ({"chat_template.jinja": b"{{ messages }}"}, True),
        ({"tokenizer_config.json": b"{}"}, False),
        ({}, False),
    ],
)
def test_chat_template_or_not(hub: Hub, files: dict[str, Content], expected: bool) -> None:
    weights = shards(ARCHITECTURES["TinyLlama/TinyLlama-1.1B-Chat-v1.0"])
    hub.add("understanding/chat", {"config.json": b"{}", **weights, **files})
    assert understand(open_model("hf://understanding/chat")).chat_template is expected


def test_pickles_are_judged_by_size_and_configuration(hub: Hub) -> None:
    config = {"architectures": ["OPTForCausalLM"], "torch_dtype": "float16"}
    hub.add(
        "understanding/opt",
        {"config.json": json.dumps(config).encode(), "pytorch_model.bin": Sparse(b"PK", 250_540_281)},
    )
    facts = understand(open_model("hf://understanding/opt"))
    assert facts.parameters == {"F16": 125_270_140}
    assert "pickles" in facts.warnings[0]


def test_damaged_headers_are_a_warning(hub: Hub) -> None:
    config = b'{"architectures": ["LlamaForCausalLM"]}'
    for content in (b"\x10\0\0\0\0\0\0\0not json at all!", b"\xff" * 64, b"", b"\x02"):
        hub.add("understanding/damaged", {"config.json": config, "model.safetensors": content})
        facts = understand(open_model("hf://understanding/damaged"))
        assert facts.warnings, content
        assert facts.weight_bytes == len(content)


def test_onnx_behind_a_url_costs_a_few_kilobytes(hub: Hub) -> None:
    onnx = pytest.importorskip("onnx")
    helper, proto = onnx.helper, onnx.TensorProto
    count = 3_000_000
    weights = onnx.TensorProto(name="w", data_type=proto.FLOAT, dims=[count], raw_data=bytes(4 * count))
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", proto.FLOAT, ["batch", count])],
        [helper.make_tensor_value_info("y", proto.FLOAT, ["batch", count])],
        [weights],
    )
    data = helper.make_model(graph).SerializeToString()
    hub.add("understanding/onnx", {"model.onnx": data})
    before = len(hub.requests)
    facts = understand(open_model("hf://understanding/onnx"))
    assert [(t.name, t.datatype, t.shape) for t in facts.inputs] == [("x", "FP32", ("batch", count))]
    assert [t.name for t in facts.outputs] == ["y"]
    assert facts.suggestion.kind is RuntimeKind.OVMS
    assert facts.weight_bytes == len(data)
    assert sum("resolve" in r.path for r in hub.requests[before:]) <= 2
