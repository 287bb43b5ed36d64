"""The Model step without a browser: search, revisions, other sources, sizing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from odh_oci_widgets import ModelStep
from odh_oci_widgets.cluster.access import Access
from odh_oci_widgets.cluster.features import Features
from odh_oci_widgets.cluster.gpus import gpu_of
from odh_oci_widgets.cluster.hardware import HardwareProfile
from odh_oci_widgets.models import Config, Facts, KvCache, ModelFormat, RuntimeKind, Suggestion
from odh_oci_widgets.oci.errors import OdhOciError
from odh_oci_widgets.widgets import DeployStep, Flow
from odh_oci_widgets.widgets.choices import Choice, ChoiceList
from odh_oci_widgets.widgets.latest import Latest
from odh_oci_widgets.widgets.model_sizing import Sizing, cards
from odh_oci_widgets.widgets.model_sources import FolderSource, NotebookSource, WebSource
from odh_oci_widgets.widgets.surroundings import Surroundings
from tests.servers.hub import Hub
from tests.servers.hub_library import fill

#: the first import of an exporter takes a while on a busy machine
PATIENCE = 90
GRANITE = "hf://ibm-granite/granite-3.0-2b-instruct"


@pytest.fixture(scope="module")
def library() -> Iterator[Hub]:
    with Hub() as hub:
        yield fill(hub)


@pytest.fixture
def step(library: Hub, monkeypatch: pytest.MonkeyPatch) -> ModelStep:
    monkeypatch.setenv("HF_ENDPOINT", library.url)
    return ModelStep()


def wait_for(condition) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_of_three_words_typed_fast_only_the_last_is_searched(step: ModelStep, library: Hub):
    before = library.count("/api/models*")
    for text in ("g", "gran", "granite 2b"):
        step.panel.text.value = text
    step.panel.join(PATIENCE)
    wait_for(lambda: "models, the most" in step._status.value)
    assert library.count("/api/models*") == before + 1
    names = [choice.name for choice in step.panel.results.choices]
    assert len(names) == 4
    assert names[0] == "ibm-granite/granite-3.0-2b-instruct"
    assert "2.5 billion parameters · 4.7 GiB · apache-2.0 · open" in step.panel.results.choices[0].facts


def test_filters_and_more(step: ModelStep):
    search = step.panel
    search.largest.value = 3.5e9
    search.license.value = "apache-2.0"
    search.join(PATIENCE)
    assert len(search.results.choices) == 8
    assert search._foot.layout.display == ""
    search.more.click()
    search.join(PATIENCE)
    assert len(search.results.choices) > 8
    search.text.value = "no such model at all"
    search.join(PATIENCE)
    assert search.results.choices == ()
    assert "No model matches" in step._status.value


@pytest.mark.parametrize(
    ("field", "value", "fits"),
    [
        ("text", "qwen 7b", lambda repo, name: "qwen" in name.lower() and "7b" in name.lower()),
        ("task", "image-classification", lambda repo, name: repo.task == "image-classification"),
        ("library", "onnx", lambda repo, name: repo.library == "onnx"),
        ("author", "microsoft", lambda repo, name: name.startswith("microsoft/")),
        ("license", "mit", lambda repo, name: repo.license == "mit"),
        ("largest", 1.5e9, lambda repo, name: 0 < sum(repo.parameters.values()) <= 1.5e9),
    ],
)
def test_each_filter_alone_in_a_hub_of_more_than_forty_models(
    step: ModelStep, library: Hub, field, value, fits
):
    repositories = library.repositories
    assert len(repositories) >= 40
    expected = {name for name, repo in repositories.items() if fits(repo, name)}
    assert 0 < len(expected) < len(repositories)
    getattr(step.panel, field).value = value
    step.panel.join(PATIENCE)
    while step.panel._foot.layout.display == "":
        step.panel.more.click()
        step.panel.join(PATIENCE)
    found = [choice.value for choice in step.panel.results.choices]
    assert {summary.name for summary in found} == expected
    assert [summary.downloads for summary in found] == sorted(
        (summary.downloads for summary in found), reverse=True
    )


def test_a_slow_hub_holds_up_neither_the_kernel_nor_the_next_search(step: ModelStep, library: Hub):
    stalled = library.break_next("/api/models", stall=5)
    began = time.monotonic()
    step.panel.text.value = "granite"
    assert time.monotonic() - began < 1, "typing does not wait"
    wait_for(lambda: stalled.times == 0)
    first = step.panel._latest._job
    assert first is not None
    step.panel.text.value = "phi 3"
    step.panel.join(PATIENCE)
    assert first.running, "the stalled one was not waited for"
    names = {choice.name.partition("/")[0] for choice in step.panel.results.choices}
    assert names == {"microsoft"}
    first.join(PATIENCE)
    assert {choice.name.partition("/")[0] for choice in step.panel.results.choices} == names
    searched = library.count("/api/models*")
    step.panel.text.value = "gemma"
    step.panel.stop()
    step.panel.join(PATIENCE)
    assert library.count("/api/models*") == searched, "cancelled before it was sent"


def test_a_search_that_is_late_does_not_disturb_what_was_chosen(step: ModelStep, library: Hub):
    step.panel.text.value = "granite 2b"
    step.panel.join(PATIENCE)
    held = threading.Event()
    step.panel._latest.start(lambda _: held.wait(PATIENCE) and [], step.panel._show, step.fail)
    step.panel._pick(step.panel.results.choices[0].value)
    held.set()
    step.join(PATIENCE)
    assert step.flow.model.name == "granite-3-0-2b-instruct"
    assert "8 files" in step._status.value


def test_a_chosen_model_is_understood_and_sized(step: ModelStep):
    step.use(GRANITE)
    step.join(PATIENCE)
    text = step._card.value
    for words in ("GraniteForCausalLM", "2.5 billion in BF16", "4,096 tokens", "vLLM", "Chat template"):
        assert words in text, words
    assert "KV cache" in step.sizing._answer.value
    assert step.flow.suggested_args == ()
    t4 = next(value for text, value in step.sizing.card.options if text.startswith("T4"))
    step.sizing.card.value = t4
    assert step.flow.suggested_args == ("--dtype=half",)
    assert step.flow.suggested_gpus == 1


def test_revisions_are_offered_and_stored_as_a_commit(step: ModelStep, library: Hub):
    repo = library.repositories["ibm-granite/granite-3.0-2b-instruct"]
    step.use(GRANITE)
    step.join(PATIENCE)
    step.revision.join(PATIENCE)
    assert [value for _, value in step.revision.branch.options] == ["main", "float32", "v1.0"]
    step.revision.branch.value = "float32"
    wait_for(lambda: step.flow.model is not None)
    assert step.location.value == f"{GRANITE}@float32"
    assert step.flow.model.revision == repo.commit("float32")
    step.revision.commit.value = repo.commit("main")[:10]
    wait_for(lambda: step.flow.model is not None and step.flow.model.revision == repo.commit("main"))


def test_a_gated_model_says_what_to_do_and_the_token_is_kept_nowhere(step: ModelStep, library: Hub):
    step.use("hf://meta-llama/Llama-3.1-8B-Instruct")
    step.join(PATIENCE)
    assert "gated" in step._alert.value
    assert step.access.shown
    assert f'href="{library.url}/meta-llama/Llama-3.1-8B-Instruct"' in step.access.how.value
    assert f'href="{library.url}/settings/tokens"' in step.access.how.value
    step.access.token.widget.value = library.token
    step.join(PATIENCE)
    assert step.flow.model.name == "llama-3-1-8b-instruct"
    assert step.access.token.widget.value == ""
    assert library.token not in repr(step.get_state()) + repr(step.flow) + step.renderings()["Python"]


def test_without_the_hub_the_other_sources_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    step = ModelStep()
    step.panel.text.value = "granite"
    step.panel.join(PATIENCE)
    assert "No connection" in step._alert.value
    (tmp_path / "model.onnx").write_bytes(b"x" * 10)
    step.source.value = "folder"
    step.use(str(tmp_path))
    step.join(PATIENCE)
    assert step.flow.model is not None


def test_several_addresses_and_a_digest():
    taken: list[str] = []
    errors: list[OdhOciError] = []
    web = WebSource(taken.append, errors.append)
    web.addresses.value = "https://a.example/model.onnx\nhttps://a.example/model.onnx_data"
    web.take()
    web.addresses.value, web.sha256.value = "https://a.example/model.onnx", "sha256:" + "ab" * 32
    web.take()
    assert taken == [
        "https://a.example/model.onnx https://a.example/model.onnx_data",
        "https://a.example/model.onnx#sha256=" + "ab" * 32,
    ]
    web.addresses.value = "https://a.example/model.onnx https://a.example/model.onnx_data"
    web.take()
    assert len(taken) == 2, "a checksum that nobody would check is not taken"
    assert errors[0].message == "One checksum cannot be that of 2 files."


def test_a_folder_is_browsed_and_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "models" / "digits").mkdir(parents=True)
    (tmp_path / "models" / "digits" / "model.onnx").write_bytes(b"x")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    taken: list[str] = []
    source = FolderSource(taken.append, pytest.fail)
    source.join(PATIENCE)
    assert [choice.name for choice in source.entries] == ["models/"]
    source._open(source.entries[0].value)
    source.join(PATIENCE)
    assert source.entries[0].facts == "a model: onnx"
    source._open(source.entries[0].value)
    source.join(PATIENCE)
    assert taken == [str(tmp_path / "models" / "digits")]
    source.go(tmp_path)
    source.join(PATIENCE)
    assert source.up.disabled


def test_a_variable_of_the_notebook(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("skl2onnx")
    numpy = pytest.importorskip("numpy")
    linear = pytest.importorskip("sklearn.linear_model")
    rows = numpy.random.default_rng(0).random((20, 4)).astype("float32")
    fitted = linear.LogisticRegression().fit(rows, [0, 1] * 10)
    names = {"clf": fitted, "X": rows, "text": "x", "cls": linear.LogisticRegression, "_X": rows}
    monkeypatch.setattr("odh_oci_widgets.widgets.model_step.variables", lambda: names)
    step = ModelStep()
    step.source.value = "notebook"
    assert isinstance(step.panel, NotebookSource)
    assert step.panel.model.options == ("clf",)
    assert step.panel.sample.options == ("X",)
    step.panel.name.value = "digits"
    step.panel.take()
    step.join(PATIENCE)
    assert step.error is None
    assert [file.path for file in step.flow.model.files] == ["digits.onnx"]
    assert 'from_object(clf, X[:2], name="digits")' in step.renderings()["Python"]
    assert "MLServer" in step._card.value
    assert "at most" in step.sizing._answer.value


def test_s3_is_offered_where_there_is_a_connection(monkeypatch: pytest.MonkeyPatch):
    for name in ("AWS_S3_ENDPOINT", "AWS_S3_BUCKET", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    assert "s3" not in [value for _, value in ModelStep().source.options]
    monkeypatch.setenv("AWS_S3_BUCKET", "mine")
    step = ModelStep("s3://mine/models")
    assert step.source.value == "s3"
    step.panel.prefix.value = "/models/granite/"
    taken: list[str] = []
    step.panel._use = taken.append
    step.panel.take()
    assert taken == ["s3://mine/models/granite"]


LARGE = Facts(
    format=ModelFormat.HUGGINGFACE,
    parameters={"BF16": 8_030_261_248},
    weight_bytes=16_060_522_496,
    config=Config(
        architecture="LlamaForCausalLM",
        context_length=131072,
        dtype="bfloat16",
        kv_cache=KvCache(layers=32, values=2048, formula="2 x 8 KV heads x 128"),
        attention_heads=32,
    ),
    suggestion=Suggestion(kind=RuntimeKind.VLLM, why="", args=("--trust-remote-code",)),
)


def test_the_arguments_that_fit_reach_the_deploy_step_and_typed_ones_stay():
    flow = Flow()
    deploy = DeployStep("quay.io/me/x:1", name="x", target="project", flow=flow)
    sizing = Sizing(flow)
    sizing.show(LARGE)
    assert deploy.arguments.value == ""
    by_name = {text.partition(",")[0]: value for text, value in sizing.card.options}
    sizing.card.value = by_name["L4"]
    assert deploy.arguments.value.startswith("--max-model-len=")
    assert deploy.gpu.value == 1
    # Code of a stranger is never let in without being asked.
    assert "trust" not in deploy.arguments.value
    sizing.card.value = by_name["A2"]
    assert "does not fit" in sizing._answer.value
    assert (deploy.arguments.value, deploy.gpu.value) == ("", 0)
    deploy.arguments.value = "--seed=1"
    sizing.card.value = by_name["L4"]
    assert deploy.arguments.value == "--seed=1"
    deploy.arguments.value = ""
    sizing.context.value = 8192
    assert deploy.arguments.value == "--max-model-len=8192"
    deploy.target.value = "sandbox"
    assert deploy.spec.args == ()


def test_hardware_profiles_come_before_known_cards():
    def profile(name: str, accelerator: str, count: str) -> HardwareProfile:
        return HardwareProfile(
            name=name.lower(), namespace="x", display_name=name, resources={accelerator: count, "cpu": "2"}
        )

    named = profile("Large: NVIDIA A100 80GB", "nvidia.com/gpu", "2")
    odd = profile("Other accelerator", "amd.com/gpu", "1")
    selected = HardwareProfile(
        name="small", namespace="x", display_name="Small", resources={"nvidia.com/gpu": "1"},
        gpu=gpu_of({"nvidia.com/gpu.product": "Tesla-T4", "nvidia.com/gpu.memory": "15360"}),
    )  # fmt: skip
    assert cards([selected])[0].name == "Small (1 x Tesla-T4, 15 GiB)"
    assert cards([selected])[0].compute_capability == 7.5
    found = cards([named, odd])
    assert found[0].name == "Large: NVIDIA A100 80GB (2 x A100-80GB, 80 GiB)"
    assert found[0].count == 2
    assert found[1].name == "A16, 16 GiB"

    features = Features(version="v1.36.2", openshift=False, kserve=True, hardware_profiles=(named, odd))
    access = Access(
        user="me", namespace="x", exists=True, host="", source="kubeconfig", features=features, permissions=()
    )
    flow = Flow()
    deploy = DeployStep("quay.io/me/x:1", name="x", target="project", flow=flow)
    sizing = Sizing(flow)
    sizing.show(LARGE)
    flow.surroundings = Surroundings(sentence="", access=access)
    sizing.card.value = sizing.card.options[1][1]
    assert sizing.count.value == 2
    assert deploy.spec.hardware_profile == f"x/{named.name}"
    assert deploy.spec.gpu == 0
    assert "--tensor-parallel-size=2" in deploy.spec.args
    sizing.count.value = 1
    assert (deploy.spec.gpu, deploy.spec.hardware_profile) == (1, None)
    deploy.profile.value = f"x/{odd.name}"
    sizing.context.value = 2048
    assert deploy.spec.hardware_profile == f"x/{odd.name}"


def test_the_latest_counts():
    latest: Latest[int] = Latest()
    told: list[object] = []
    for number in range(50):
        latest.start(lambda _, number=number: number, told.append, told.append, after=0.05)
    latest.join(PATIENCE)
    assert told == [49]

    def refuse(_: object) -> int:
        raise OdhOciError("no")

    latest.start(refuse, told.append, told.append).join(PATIENCE)
    assert isinstance(told[-1], OdhOciError)


def test_a_list_that_changes_uses_its_buttons_again():
    picked: list[object] = []
    shown = ChoiceList(picked.append)
    for size in (5, 2, 4):
        shown.show([Choice(name=f"n{at}", facts="f", value=(size, at)) for at in range(size)])
    assert len(shown._buttons) == 5
    assert len(shown.children) == 4
    shown.children[3].click()
    assert picked == [(4, 3)]
