"""A hub with more than forty well-known models: names, sizes, licences and configurations, no weights."""

from __future__ import annotations

import json

from tests.unit.architectures import ARCHITECTURES, Architecture

from .hub import Content, Hub, Repo, Sparse

#: name, billions of parameters, licence, millions of downloads; text generation with the configuration of a family
_MORE = """
ibm-granite/granite-3.0-8b-instruct 8.17 apache-2.0 0.11
ibm-granite/granite-3.0-1b-a400m-instruct 1.33 apache-2.0 0.05
ibm-granite/granite-3.1-2b-instruct 2.53 apache-2.0 0.31
ibm-granite/granite-3.1-8b-instruct 8.17 apache-2.0 0.42
ibm-granite/granite-3.2-2b-instruct 2.53 apache-2.0 0.09
ibm-granite/granite-3.2-8b-instruct 8.17 apache-2.0 0.27
ibm-granite/granite-3.3-2b-instruct 2.53 apache-2.0 0.72
ibm-granite/granite-3.3-8b-instruct 8.17 apache-2.0 0.55
ibm-granite/granite-3b-code-instruct-2k 3.48 apache-2.0 0.02
ibm-granite/granite-8b-code-instruct-4k 8.05 apache-2.0 0.03
Qwen/Qwen2.5-0.5B-Instruct 0.49 apache-2.0 1.9
Qwen/Qwen2.5-1.5B-Instruct 1.54 apache-2.0 6.1
Qwen/Qwen2.5-3B-Instruct 3.09 qwen-research 3.2
Qwen/Qwen2.5-14B-Instruct 14.8 apache-2.0 1.1
Qwen/Qwen2.5-32B-Instruct 32.8 apache-2.0 0.9
Qwen/Qwen2.5-72B-Instruct 72.7 qwen 0.4
Qwen/Qwen2.5-Coder-7B-Instruct 7.62 apache-2.0 0.6
meta-llama/Llama-3.2-1B-Instruct 1.24 llama3.2 3.6
meta-llama/Llama-3.2-3B-Instruct 3.21 llama3.2 2.4
meta-llama/Llama-3.1-70B-Instruct 70.6 llama3.1 0.8
mistralai/Mistral-7B-v0.1 7.24 apache-2.0 0.5
mistralai/Mistral-Nemo-Instruct-2407 12.2 apache-2.0 0.2
mistralai/Ministral-8B-Instruct-2410 8.02 mistral-research 0.1
google/gemma-2-2b-it 2.61 gemma 0.5
google/gemma-2-27b-it 27.2 gemma 0.4
microsoft/Phi-3-medium-4k-instruct 14.0 mit 0.1
microsoft/Phi-3.5-mini-instruct 3.82 mit 0.3
HuggingFaceTB/SmolLM2-135M-Instruct 0.13 apache-2.0 0.3
HuggingFaceTB/SmolLM2-360M-Instruct 0.36 apache-2.0 0.2
HuggingFaceTB/SmolLM2-1.7B-Instruct 1.71 apache-2.0 0.1
tiiuae/falcon-7b-instruct 7.22 apache-2.0 0.1
allenai/OLMo-2-1124-7B-Instruct 7.3 apache-2.0 0.04
bigscience/bloom-560m 0.56 bigscience-bloom-rail-1.0 0.2
"""
_LICENSES = {"meta-llama": "llama3.1", "google": "gemma", "microsoft": "mit", "openai-community": "mit"}
_SHOWN = "ibm-granite/granite-3.0-2b-instruct"
_TEMPLATE = json.dumps(
    {"chat_template": "{% for message in messages %}{{ message['content'] }}{% endfor %}"}
).encode()


def shards(architecture: Architecture) -> dict[str, Content]:
    """Files with real headers over zeros, the parameters spread over shards and tensors."""
    files: dict[str, Content] = {}
    for index in range(architecture.shards):
        tensors, offset = {"__metadata__": {"format": "pt"}}, 0
        for dtype, total in architecture.parameters.items():
            width = {"F32": 4, "BF16": 2}[dtype]
            share = total // architecture.shards + (total % architecture.shards if index == 0 else 0)
            # 1000 tensors a shard: a header of the size that real ones have (about 100 kB), some above one request.
            sizes = [share // 1000] * 999 + [share - share // 1000 * 999]
            for number, count in enumerate(sizes):
                end = offset + count * width
                name = f"model.layers.{number}.a_rather_long_name_as_real_tensors_have.weight"
                tensors[name] = {"dtype": dtype, "shape": [count], "data_offsets": [offset, end]}
                offset = end
        header = json.dumps(tensors).encode()
        head = len(header).to_bytes(8, "little") + header
        one = "model.safetensors"
        name = (
            one
            if architecture.shards == 1
            else f"model-{index + 1:05}-of-{architecture.shards:05}.safetensors"
        )
        files[name] = Sparse(head, len(head) + offset)
    return files


def fill(hub: Hub) -> Hub:
    """Put all of them there. `meta-llama/…` is gated, as it is in the world."""
    for at, (name, architecture) in enumerate(ARCHITECTURES.items()):
        files = {"config.json": json.dumps(architecture.config).encode(), **shards(architecture)}
        _add(
            hub,
            name,
            files | (_clutter(architecture) if name == _SHOWN else {}),
            architecture,
            at,
            0.15 * (at + 1),
        )
    family = ARCHITECTURES[_SHOWN]
    for at, line in enumerate(_MORE.split("\n")[1:-1]):
        name, billions, license_, downloads = line.split()
        architecture = Architecture(
            family.config, {"BF16": int(float(billions) * 1e9)}, 0, 1, family.context, family.kv_bytes
        )
        files = {"config.json": json.dumps(family.config).encode(), **shards(architecture)}
        _add(hub, name, files, architecture, at, float(downloads), license_)
    hub.add(
        "onnxmodelzoo/mobilenetv2-12",
        Repo({"mobilenetv2-12.onnx": b"onnx"}, task="image-classification", library="onnx", downloads=9000),
    )
    return hub


def _add(
    hub: Hub,
    name: str,
    files: dict[str, Content],
    architecture: Architecture,
    at: int,
    downloads: float,
    license_: str | None = None,
) -> None:
    owner = name.partition("/")[0]
    hub.add(
        name,
        Repo(
            files,
            tags={"v1.0": "main"} if name == _SHOWN else {},
            revisions={"float32": {"config.json": files["config.json"], **shards(architecture)}}
            if name == _SHOWN
            else {},
            gated="manual" if owner == "meta-llama" else False,
            license=license_ or _LICENSES.get(owner, "apache-2.0"),
            library="transformers",
            task="text-generation",
            downloads=int(downloads * 1e6),
            likes=at,
            last_modified=f"2026-{1 + at % 9:02}-{1 + 3 * at % 27:02}T10:00:00.000Z",
            parameters=architecture.parameters,
        ),
    )


def _clutter(architecture: Architecture) -> dict[str, Content]:
    """What stands beside the weights of many models, and what no server needs of it."""
    return {
        ".gitattributes": b"*.safetensors filter=lfs",
        "README.md": b"# Granite\n" * 500,
        "LICENSE": b"Apache License\n" * 700,
        "generation_config.json": b"{}",
        "tokenizer.json": b"{}" * 900_000,
        "tokenizer_config.json": _TEMPLATE,
        "pytorch_model.bin": Sparse(b"PK", architecture.size),
        "onnx/model.onnx": Sparse(b"\x08\x08", 900_000),
        "onnx/model.onnx_data": Sparse(b"", architecture.size),
    }
