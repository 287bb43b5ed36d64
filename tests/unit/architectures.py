"""Ten well-known models as data: configuration, what the safetensors headers add up to, and the real size.

`size` is `metadata.total_size` of the published model.safetensors.index.json, or the bytes of the one published file
less its header; `kv_bytes` is the known KV cache of one token in 16-bit (of the layers that keep everything).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Architecture:
    config: dict[str, Any]
    parameters: dict[str, int]
    size: int
    shards: int
    context: int
    kv_bytes: int


ARCHITECTURES = {
    "meta-llama/Llama-3.1-8B-Instruct": Architecture(
        {
            "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32,
            "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256,
            "max_position_embeddings": 131072, "torch_dtype": "bfloat16",
        },
        {"BF16": 8_030_261_248}, 16_060_522_496, 4, 131072, 131072,
    ),
    "mistralai/Mistral-7B-Instruct-v0.3": Architecture(
        {
            "architectures": ["MistralForCausalLM"], "model_type": "mistral", "hidden_size": 4096,
            "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "sliding_window": None,
            "max_position_embeddings": 32768, "torch_dtype": "bfloat16", "vocab_size": 32768,
        },
        {"BF16": 7_248_023_552}, 14_496_047_104, 3, 32768, 131072,
    ),
    "Qwen/Qwen2.5-7B-Instruct": Architecture(
        {
            "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_size": 3584, "num_hidden_layers": 28,
            "num_attention_heads": 28, "num_key_value_heads": 4, "sliding_window": 131072, "use_sliding_window": False,
            "max_position_embeddings": 32768, "torch_dtype": "bfloat16", "vocab_size": 152064,
        },
        {"BF16": 7_615_616_512}, 15_231_233_024, 4, 32768, 57344,
    ),
    "mistralai/Mixtral-8x7B-Instruct-v0.1": Architecture(
        {
            "architectures": ["MixtralForCausalLM"], "model_type": "mixtral", "hidden_size": 4096,
            "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "num_local_experts": 8,
            "max_position_embeddings": 32768, "torch_dtype": "bfloat16", "sliding_window": None, "vocab_size": 32000,
        },
        {"BF16": 46_702_792_704}, 93_405_585_408, 19, 32768, 131072,
    ),
    "TinyLlama/TinyLlama-1.1B-Chat-v1.0": Architecture(
        {
            "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 2048, "num_hidden_layers": 22,
            "num_attention_heads": 32, "num_key_value_heads": 4, "max_position_embeddings": 2048,
            "torch_dtype": "bfloat16", "vocab_size": 32000,
        },
        {"BF16": 1_100_048_384}, 2_200_096_768, 1, 2048, 22528,
    ),
    "ibm-granite/granite-3.0-2b-instruct": Architecture(
        {
            "architectures": ["GraniteForCausalLM"], "model_type": "granite", "hidden_size": 2048,
            "num_hidden_layers": 40, "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 49155,
            "max_position_embeddings": 4096, "torch_dtype": "bfloat16", "tie_word_embeddings": True,
        },
        {"BF16": 2_533_531_648}, 5_067_063_296, 2, 4096, 81920,
    ),
    "google/gemma-2-9b-it": Architecture(
        {
            "architectures": ["Gemma2ForCausalLM"], "model_type": "gemma2", "hidden_size": 3584, "head_dim": 256,
            "num_hidden_layers": 42, "num_attention_heads": 16, "num_key_value_heads": 8, "sliding_window": 4096,
            "max_position_embeddings": 8192, "torch_dtype": "bfloat16", "vocab_size": 256000,
        },
        {"BF16": 9_241_705_984}, 18_483_411_968, 4, 8192, 172032,  # every second layer keeps 4096 tokens only
    ),
    "microsoft/Phi-3-mini-4k-instruct": Architecture(
        {
            "architectures": ["Phi3ForCausalLM"], "model_type": "phi3", "hidden_size": 3072, "num_hidden_layers": 32,
            "num_attention_heads": 32, "num_key_value_heads": 32, "sliding_window": 2047,
            "max_position_embeddings": 4096, "torch_dtype": "bfloat16", "vocab_size": 32064,
            "auto_map": {"AutoConfig": "configuration_phi3.Phi3Config"},
        },
        {"BF16": 3_821_079_552}, 7_642_159_104, 2, 4096, 0,
    ),
    "deepseek-ai/DeepSeek-V2-Lite": Architecture(
        {
            "architectures": ["DeepseekV2ForCausalLM"], "model_type": "deepseek_v2", "hidden_size": 2048,
            "num_hidden_layers": 27, "num_attention_heads": 16, "num_key_value_heads": 16, "kv_lora_rank": 512,
            "qk_rope_head_dim": 64, "max_position_embeddings": 163840, "torch_dtype": "bfloat16", "vocab_size": 102400,
            "auto_map": {"AutoConfig": "configuration_deepseek.DeepseekV2Config"},
        },
        {"BF16": 15_706_484_224}, 31_412_968_448, 4, 163840, 31104,
    ),
    "openai-community/gpt2": Architecture(
        {
            "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12,
            "n_ctx": 1024, "n_positions": 1024, "vocab_size": 50257,
        },
        {"F32": 137_022_720}, 548_090_880, 1, 1024, 36864,
    ),
}  # fmt: skip
