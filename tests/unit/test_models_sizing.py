"""Sizing: known KV caches, sums that are shown, arguments that make a model fit."""

from __future__ import annotations

import pytest

from odh_oci_widgets.models import (
    Config,
    Facts,
    ModelFormat,
    RuntimeKind,
    estimate_cpu,
    estimate_gpu,
    find_gpu,
    fit_gpu,
    host_memory,
)
from odh_oci_widgets.models.runtime import suggest
from odh_oci_widgets.models.transformers_config import parse_config
from tests.unit.architectures import ARCHITECTURES

GIB = 2**30


def facts_of(name: str) -> Facts:
    architecture = ARCHITECTURES[name]
    return Facts(
        format=ModelFormat.HUGGINGFACE,
        parameters=architecture.parameters,
        weight_bytes=architecture.size,
        config=parse_config(architecture.config),
    )


GRANITE, LLAMA, MIXTRAL = (
    "ibm-granite/granite-3.0-2b-instruct",
    "meta-llama/Llama-3.1-8B-Instruct",
    "mistralai/Mixtral-8x7B-Instruct-v0.1",
)


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_the_kv_cache_of_one_token(name: str) -> None:
    architecture = ARCHITECTURES[name]
    cache = parse_config(architecture.config).kv_cache
    assert cache
    assert cache.layers * cache.values * 2 == architecture.kv_bytes


def test_layers_with_a_window_keep_the_window() -> None:
    gemma = parse_config(ARCHITECTURES["google/gemma-2-9b-it"].config).kv_cache
    assert gemma
    assert (gemma.layers, gemma.window_layers, gemma.window) == (21, 21, 4096)
    assert gemma.values_for(8192) == 4096 * 21 * (8192 + 4096)
    kinds = ["sliding_attention"] * 5 + ["full_attention"]
    nested = {
        "text_config": {
            "num_hidden_layers": 6,
            "num_attention_heads": 8,
            "hidden_size": 1024,
            "layer_types": kinds,
            "sliding_window": 512,
        }
    }
    cache = parse_config(nested).kv_cache
    assert cache
    assert (cache.layers, cache.window_layers) == (1, 5)
    hybrid = {
        "num_hidden_layers": 4,
        "num_attention_heads": 8,
        "hidden_size": 512,
        "layer_types": ["mamba", "mamba", "attention", "mamba"],
    }
    cache = parse_config(hybrid).kv_cache
    assert cache
    assert cache.layers == 1


def test_falcon_has_one_kv_head() -> None:
    falcon = {
        "hidden_size": 4544,
        "num_hidden_layers": 32,
        "num_attention_heads": 71,
        "num_kv_heads": 71,
        "multi_query": True,
    }
    cache = parse_config(falcon).kv_cache
    assert cache
    assert cache.values == 2 * 64


@pytest.mark.parametrize(
    "config",
    [{}, {"architectures": None}, {"num_hidden_layers": "many"}, {"text_config": []}, {"torch_dtype": 7}],
)
def test_odd_configurations_say_nothing(config: dict) -> None:
    assert parse_config(config).kv_cache is None


def test_quantisation_in_words() -> None:
    assert (
        parse_config({"quantization_config": {"quant_method": "awq", "bits": 4}}).quantization == "awq, 4 bit"
    )
    assert parse_config({"quantization_config": {"quant_method": "fp8"}}).quantization == "fp8"
    assert (
        parse_config(
            {"quantization_config": {"load_in_4bit": True, "quant_method": "bitsandbytes"}}
        ).quantization
        == "bitsandbytes, 4 bit"
    )


def test_the_sum_is_shown() -> None:
    estimate = estimate_gpu(facts_of(GRANITE), context=4096, concurrency=8)
    names = {part.name: part.size for part in estimate.parts}
    assert names["weights"] == 2 * 2_533_531_648
    assert names["KV cache"] == 81920 * 4096 * 8
    assert estimate.size == sum(names.values())
    assert str(estimate) == (
        "weights 4.7 GiB (2.53 billion x 2 bytes)"
        " + KV cache 2.5 GiB (2 x 8 KV heads x 64 x 2 bytes x 40 layers x 4096 tokens x 8 requests)"
        " + overhead 1.5 GiB (CUDA, activations and graphs of vLLM) = 8.7 GiB"
    )


def test_a_kv_cache_of_unknown_shape_is_said() -> None:
    facts = Facts(
        format=ModelFormat.HUGGINGFACE,
        parameters={"BF16": 4_300_079_472},
        config=parse_config(
            {"architectures": ["Gemma3ForConditionalGeneration"], "text_config": {"hidden_size": 2560}}
        ),
    )
    assert "KV cache 0 MiB (comes on top: config.json does not tell its shape)" in str(estimate_gpu(facts))


def test_float32_is_cast_down_and_packed_weights_are_not() -> None:
    gpt2 = estimate_gpu(facts_of("openai-community/gpt2")).parts[0]
    assert gpt2.size == 2 * 137_022_720
    assert "cast from F32" in gpt2.why
    assert estimate_gpu(facts_of("openai-community/gpt2"), dtype="float32").parts[0].size == 4 * 137_022_720
    awq = Facts(
        format=ModelFormat.HUGGINGFACE,
        parameters={"I32": 800_000_000, "F16": 1_100_000_000},
        config=Config(quantization="awq, 4 bit"),
    )
    assert estimate_gpu(awq).parts[0].size == 4 * 800_000_000 + 2 * 1_100_000_000


def test_an_encoder_has_no_kv_cache() -> None:
    bert = {
        "architectures": ["BertForMaskedLM"],
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
    }
    facts = Facts(format=ModelFormat.HUGGINGFACE, parameters={"F32": 110_106_428}, config=parse_config(bert))
    assert [part.name for part in estimate_gpu(facts).parts] == ["weights", "overhead"]
    assert "--runner=pooling" in suggest(ModelFormat.HUGGINGFACE, architecture="BertForMaskedLM").args


def test_a_small_model_fits_as_it_is() -> None:
    fit = fit_gpu(facts_of(GRANITE), 24 * GIB)
    assert (fit.fits, fit.gpus, fit.args, fit.context) == (True, 1, (), 4096)


def test_an_old_card_needs_half() -> None:
    assert fit_gpu(facts_of(GRANITE), 16 * GIB, compute_capability=7.5).args == ("--dtype=half",)
    assert fit_gpu(facts_of(GRANITE), 16 * GIB, compute_capability=8.0).args == ()


def test_a_long_context_is_shortened_until_it_fits() -> None:
    """Llama 3.1 8B on a 24 GiB card: weights 15 GiB, and 16 GiB of KV cache for its 131072 tokens."""
    fit = fit_gpu(facts_of(LLAMA), 24 * GIB)
    assert fit.fits
    assert fit.args == (f"--max-model-len={fit.context}",)
    assert fit.context % 1024 == 0
    assert fit.estimate.size <= 0.9 * 24 * GIB
    assert estimate_gpu(facts_of(LLAMA), context=fit.context + 1024).size > 0.9 * 24 * GIB


def test_what_does_not_fit_says_how_many_cards_do() -> None:
    fit = fit_gpu(facts_of(MIXTRAL), 48 * GIB)
    assert not fit.fits
    assert fit.gpus == 4
    assert "4 such cards hold it (--tensor-parallel-size=4)" in fit.why
    assert fit_gpu(facts_of(MIXTRAL), 48 * GIB, gpus=4).fits
    assert "--tensor-parallel-size=4" in fit_gpu(facts_of(MIXTRAL), 48 * GIB, gpus=4).args
    assert "No number of such cards" in fit_gpu(facts_of(MIXTRAL), 8 * GIB).why


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("NVIDIA-A100-SXM4-80GB", "A100-80GB"),
        ("A100", "A100-40GB"),
        ("nvidia-l40s", "L40S"),
        ("NVIDIA L4 (shared)", "L4"),
        ("AMD-Instinct-MI300X", None),
        ("", None),
    ],
)
def test_cards_by_the_names_people_use(text: str, name: str | None) -> None:
    gpu = find_gpu(text)
    assert (gpu.name if gpu else None) == name


def test_a_card_by_name_tells_what_fits() -> None:
    card = find_gpu("Tesla-T4")
    assert card
    fit = fit_gpu(facts_of(GRANITE), card.memory, compute_capability=card.compute_capability)
    assert (fit.fits, fit.args) == (True, ("--dtype=half",))


def test_cpu_and_memory_for_a_predictive_model() -> None:
    needs = estimate_cpu(Facts(format=ModelFormat.ONNX, weight_bytes=14_246_826))
    assert (needs.cpu_request, needs.cpu_limit, needs.memory_request, needs.memory_limit) == (
        "250m",
        "2",
        "512Mi",
        "1Gi",
    )
    large = estimate_cpu(Facts(format=ModelFormat.ONNX, weight_bytes=6 * GIB))
    assert (large.cpu_limit, large.memory_request) == ("4", "13Gi")
    assert host_memory(facts_of(GRANITE)) == 9 * GIB


@pytest.mark.parametrize(
    ("model_format", "kind"),
    [
        ("openvino_ir", RuntimeKind.OVMS),
        ("tensorflow", RuntimeKind.OVMS),
        ("sklearn", RuntimeKind.MLSERVER),
        ("xgboost", RuntimeKind.MLSERVER),
        ("lightgbm", RuntimeKind.MLSERVER),
        ("gguf", None),
        ("pytorch", None),
        ("unknown", None),
    ],
)
def test_every_format_has_a_runtime_or_a_reason(model_format: str, kind: RuntimeKind | None) -> None:
    suggestion = suggest(ModelFormat(model_format))
    assert suggestion.kind is kind
    assert suggestion.why


def test_code_of_the_model_is_pointed_out() -> None:
    suggestion = suggest(ModelFormat.HUGGINGFACE, architecture="Phi3ForCausalLM", needs_code=True)
    assert suggestion.args == ("--trust-remote-code",)
    assert "read it first" in suggestion.why
