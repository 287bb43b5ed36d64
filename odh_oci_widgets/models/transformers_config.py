"""What `config.json` of a Hugging Face model says: architecture, context, quantisation, shape of the KV cache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class KvCache:
    """Shape of what a model remembers for each token.

    `layers` keep all tokens, `window_layers` only the last `window`. `values` is the number of values that one layer
    keeps for one token: keys and values of all KV heads, or the compressed latent of DeepSeek's MLA.

    >>> from odh_oci_widgets import open_model, understand
    >>> facts = understand(open_model("hf://ibm-granite/granite-3.0-2b-instruct"))
    >>> print(facts.config.kv_cache.formula)
    2 x 8 KV heads x 64
    """

    layers: int
    values: int
    window_layers: int = 0
    window: int = 0
    #: how `values` came about, for people: "2 x 8 KV heads x 64"
    formula: str = ""

    def values_for(self, tokens: int) -> int:
        """Values kept for one request of that many tokens."""
        return self.values * (self.layers * tokens + self.window_layers * min(tokens, self.window))


@dataclass(frozen=True, kw_only=True)
class Config:
    """The facts of a config.json; None for what it does not say.

    >>> from odh_oci_widgets import open_model, understand
    >>> facts = understand(open_model("hf://ibm-granite/granite-3.0-2b-instruct"))
    >>> facts.config.architecture, facts.config.context_length, facts.config.dtype
    ('GraniteForCausalLM', 4096, 'bfloat16')
    """

    architecture: str | None = None
    model_type: str | None = None
    context_length: int | None = None
    dtype: str | None = None
    quantization: str | None = None
    kv_cache: KvCache | None = None
    attention_heads: int | None = None
    #: the model brings Python code of its own, which the server must be allowed to run
    needs_code: bool = False


def parse_config(data: Mapping[str, Any]) -> Config:
    """Read a config.json. Nothing in it is taken for granted; odd values count as absent."""
    # Models of text and pictures keep the language model's part in a section of its own.
    text: dict[str, Any] = next(
        (data[key] for key in ("text_config", "llm_config", "language_config") if _is(data.get(key))), {}
    )
    inner: dict[str, Any] = {**data, **text}
    architectures = data.get("architectures") or []
    dtype = inner.get("dtype") or inner.get("torch_dtype")
    return Config(
        architecture=str(architectures[0]) if isinstance(architectures, list) and architectures else None,
        model_type=_text(data.get("model_type")),
        context_length=_number(
            inner,
            "max_position_embeddings",
            "n_positions",
            "n_ctx",
            "max_seq_len",
            "seq_length",
            "max_sequence_length",
        ),
        dtype=_text(dtype.removeprefix("torch.") if isinstance(dtype, str) else None),
        quantization=_quantization(data.get("quantization_config") or inner.get("quantization_config")),
        kv_cache=_kv_cache(inner),
        attention_heads=_number(inner, "num_attention_heads", "n_head", "num_heads", "n_heads"),
        needs_code=_is(data.get("auto_map")),
    )


def _kv_cache(config: Mapping[str, Any]) -> KvCache | None:
    layers = _number(config, "num_hidden_layers", "n_layer", "num_layers", "n_layers")
    heads = _number(config, "num_attention_heads", "n_head", "num_heads", "n_heads")
    hidden = _number(config, "hidden_size", "n_embd", "d_model")
    if not (layers and heads and hidden):
        return None
    latent = _number(config, "kv_lora_rank")
    if latent:
        rope = _number(config, "qk_rope_head_dim") or 0
        return KvCache(layers=layers, values=latent + rope, formula=f"({latent} latent + {rope} rotary)")
    head = _number(config, "head_dim") or hidden // heads
    kv_heads = (
        _number(config, "num_key_value_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num") or heads
    )
    # Falcon-7B says 71 KV heads and means one.
    if config.get("multi_query") is True and not config.get("new_decoder_architecture"):
        kv_heads = _number(config, "multi_query_group_num") or 1
    full, windowed, window = _layers(config, layers)
    return KvCache(
        layers=full,
        values=2 * kv_heads * head,
        window_layers=windowed,
        window=window,
        formula=f"2 x {kv_heads} KV heads x {head}",
    )


def _layers(config: Mapping[str, Any], layers: int) -> tuple[int, int, int]:
    """Layers that keep everything, layers with a window, and the window; state-space layers keep nothing per token."""
    window = _number(config, "sliding_window") if config.get("use_sliding_window", True) else None
    kinds = config.get("layer_types") or config.get("layers_block_type")
    if isinstance(kinds, list) and kinds:
        windowed = sum("sliding" in str(kind) for kind in kinds) if window else 0
        attention = sum("attention" in str(kind) or "hybrid" in str(kind) for kind in kinds)
        linear = sum("linear" in str(kind) for kind in kinds)
        return attention - windowed - linear, windowed, window or 0
    pattern = _number(config, "sliding_window_pattern")
    if window and not pattern and config.get("model_type") == "gemma2":
        pattern = 2  # written in gemma 2's code, not in its configuration
    if window and pattern:
        full = layers // pattern
        return full, layers - full, window
    return (0, layers, window) if window else (layers, 0, 0)


def _quantization(config: Any) -> str | None:
    """Method and bits in words: `awq, 4 bit`."""
    if not _is(config):
        return None
    method = _text(config.get("quant_method")) or "unknown method"
    bits = config.get("bits") or config.get("w_bit")
    if config.get("load_in_4bit"):
        bits = 4
    if config.get("load_in_8bit"):
        bits = 8
    return f"{method}, {bits} bit" if isinstance(bits, int) and not isinstance(bits, bool) else method


def _number(config: Mapping[str, Any], *names: str) -> int | None:
    for name in names:
        value = config.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _is(value: Any) -> bool:
    return isinstance(value, dict) and bool(value)
