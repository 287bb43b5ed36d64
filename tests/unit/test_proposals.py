"""Arguments of vLLM that a GPU makes necessary: proposed with a reason, never against what the user wrote."""

from __future__ import annotations

import pytest

from odh_oci_widgets.cluster.gpus import Gpu
from odh_oci_widgets.cluster.hardware import HardwareProfile
from odh_oci_widgets.models import Facts, ModelFormat
from odh_oci_widgets.models.transformers_config import parse_config
from odh_oci_widgets.serving.proposals import with_proposals
from odh_oci_widgets.serving.runtimes import own_runtimes
from odh_oci_widgets.serving.spec import spec_of

VLLM, OVMS = own_runtimes(gpu=1)
#: an 8-billion-parameter model with a long context, as its config.json has it
LARGE = {
    "architectures": ["LlamaForCausalLM"],
    "torch_dtype": "bfloat16",
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "hidden_size": 4096,
    "max_position_embeddings": 131072,
}


def facts(billions: float, **config):
    size = int(billions * 2e9)
    return Facts(
        format=ModelFormat.HUGGINGFACE,
        config=parse_config(LARGE | config),
        weight_bytes=size,
        parameters={"BF16": size // 2},
    )


def proposed(*, args=(), gpu=1, runtime=VLLM, **known):
    spec = spec_of("quay.io/me/model:1", "model", format="huggingface", gpu=gpu, args=args)
    made, notes = with_proposals(spec, runtime, **known)
    return list(made.args), notes


def profile(name="gpu", display_name="A GPU", gpu=None):
    return HardwareProfile(name=name, namespace="opendatahub", display_name=display_name, gpu=gpu)


def test_an_older_gpu_gets_half_precision_and_the_reason():
    args, (note,) = proposed(gpu_name="Tesla T4")
    assert args == ["--dtype=half"]
    assert "7.5" in note
    assert "8.0" in note
    assert proposed(gpu_name="L4") == ([], [])


@pytest.mark.parametrize(
    "known",
    [
        profile(gpu=Gpu(product="Tesla-T4", compute_capability=7.5, memory=16 << 30)),
        profile(gpu=Gpu(product="unknown", compute_capability=7.5)),
        profile(name="nvidia-t4"),
        profile(display_name="NVIDIA T4 (small)"),
    ],
)
def test_the_profile_says_which_gpu_by_its_selector_or_its_name(known):
    assert proposed(profile=known)[0] == ["--dtype=half"]


def test_a_context_that_does_not_fit_is_cut():
    args, (note,) = proposed(gpu_name="L4", facts=facts(8))
    (cut,) = args
    assert cut.startswith("--max-model-len=")
    length = int(cut.partition("=")[2])
    assert 1024 <= length < 131072
    assert length % 1024 == 0
    assert "131072" in note
    assert proposed(gpu_name="H200", facts=facts(8)) == ([], [])


def test_what_the_user_wrote_stays():
    args, notes = proposed(gpu_name="T4", facts=facts(2), args=["--dtype=float32", "--max-model-len", "2048"])
    assert args == ["--dtype=float32", "--max-model-len", "2048"]
    assert notes == []


def test_several_cards_work_together():
    args, notes = proposed(gpu_name="L4", gpu=2, facts=facts(8, max_position_embeddings=4096))
    assert args == ["--tensor-parallel-size=2"]
    assert "2 cards" in notes[0]


def test_a_model_too_large_is_told_and_deployed_as_asked():
    args, notes = proposed(gpu_name="T4", facts=facts(70))
    assert args == ["--dtype=half"]
    assert any("does not fit" in note and "weights" in note for note in notes)


def test_nothing_is_guessed():
    assert proposed() == ([], [])
    assert proposed(profile=profile()) == ([], [])
    assert proposed(gpu_name="a card of 2031") == ([], [])
    assert proposed(gpu=0, gpu_name="T4") == ([], [])
    assert proposed(gpu_name="T4", runtime=OVMS) == ([], [])
