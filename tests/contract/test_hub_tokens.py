"""The hub's token from a Secret of the project: found, read, and kept nowhere; for those who may not list, too."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
from ipywidgets import Widget

from odh_oci_widgets import ModelStep
from odh_oci_widgets.builders import plan_image
from odh_oci_widgets.cluster import (
    NotAllowed,
    ObjectNotFound,
    Project,
    TokenMissing,
    list_hub_tokens,
    read_hub_token,
    use,
)
from tests.command import odh_oci
from tests.servers.hub import Hub, Repo

PATIENCE = 60


@pytest.fixture(autouse=True)
def _no_login_of_another_test() -> Iterator[None]:
    yield
    use(None)


def put(project: Project, name: str, kind: str = "Opaque", **data: str) -> None:
    encoded = {
        key.replace("__", "."): base64.b64encode(value.encode()).decode() for key, value in data.items()
    }
    manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "type": kind,
        "data": encoded,
    }
    project.create(manifest)


@pytest.fixture
def secrets(project: Project, hub: Hub) -> None:
    put(project, "hf", HF_TOKEN=hub.token, other="x")
    put(project, "named-otherwise", password="hf_abc", user="me")
    put(project, "one-key", value="token-of-a-mirror\n")
    put(project, "database", user="me", password="secret")
    put(project, "pull", "kubernetes.io/dockerconfigjson", __dockerconfigjson="{}")


def test_secrets_that_may_hold_a_token_are_found_and_read(secrets: None, project: Project, hub: Hub) -> None:
    assert list_hub_tokens(project) == ["hf/HF_TOKEN", "named-otherwise/password"]
    assert read_hub_token(project, "hf") == hub.token
    assert read_hub_token(project, "hf/other") == "x"
    assert read_hub_token(project, "one-key") == "token-of-a-mirror"
    with pytest.raises(TokenMissing, match="holds no token") as caught:
        read_hub_token(project, "database")
    assert "`password`, `user`" in caught.value.hint
    with pytest.raises(TokenMissing, match="under the key `nothing`"):
        read_hub_token(project, "hf/nothing")
    with pytest.raises(ObjectNotFound):
        read_hub_token(project, "none")


def test_the_model_step_offers_them_and_keeps_the_name_only(
    secrets: None, project: Project, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    use(project)
    hub.add("acme/closed", Repo({"config.json": b"{}", "model.safetensors": b"x" * 64}, gated="manual"))
    step = ModelStep("hf://acme/closed")
    step.choose()
    step.join(PATIENCE)
    assert "gated" in step._alert.value
    assert step.access.shown
    step.access.join(PATIENCE)
    assert step.access.secret.options == ("hf/HF_TOKEN", "named-otherwise/password")
    assert step.access._from_secret.layout.display == ""
    step.access.secret.value = "database"
    step.access.join(PATIENCE)
    assert "holds no token" in step._alert.value
    step.access.secret.value = "hf/HF_TOKEN"
    step.access.join(PATIENCE)
    step.join(PATIENCE)
    assert step.error is None
    assert step.flow.model is not None
    assert step.flow.secrets.token == hub.token
    code = step.renderings()["Python"]
    assert 'token=read_hub_token(connect(), "hf/HF_TOKEN")' in code
    plan = plan_image(step.flow.model, "oci:x:1", base="embedded")
    state = json.dumps(Widget.get_manager_state(), default=str)
    assert "hf/HF_TOKEN" in state
    for text in (state, code, repr(step.flow), repr(step.flow.secrets), plan.to_json()):
        assert hub.token not in text
    namespace: dict[str, object] = {}
    exec(code, namespace)
    assert namespace["model"] == step.flow.model


def test_who_may_not_list_types_the_name(
    cluster,
    nobody,
    namespace: str,
    as_nobody: Project,
    secrets: None,
    hub: Hub,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    use(as_nobody)
    step = ModelStep()
    step.access.toggle()
    step.access.join(PATIENCE)
    assert step.access.secret.options == ()
    assert "may not list Secrets" in step.access._note.value
    step.access.secret.value = "hf"
    step.access.join(PATIENCE)
    assert isinstance(step.error, NotAllowed)
    rules = [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["hf"], "verbs": ["get"]}]
    cluster.grant(nobody, namespace, "read-hf", rules)
    step.access.secret.value = ""
    step.access.secret.value = "hf/HF_TOKEN"
    step.access.join(PATIENCE)
    assert step.flow.secrets.token == hub.token


def test_without_a_cluster_there_is_no_such_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nonexistent")
    step = ModelStep()
    step.access.toggle()
    step.access.join(PATIENCE)
    assert step.access._from_secret.layout.display == "none"


def test_the_command_reads_it(secrets: None, cluster, editor, namespace: str, hub: Hub) -> None:
    hub.add("acme/locked", Repo({"model.onnx": b"\x08\x08"}, gated="manual"))
    kubeconfig = str(cluster.kubeconfig(editor, namespace))
    ran = odh_oci(
        "inspect", "hf://acme/locked", "--token-secret", "hf", HF_ENDPOINT=hub.url, KUBECONFIG=kubeconfig
    )
    assert ran.status == 0, ran.err
    assert "model.onnx" in ran.out
    assert hub.token not in ran.out + ran.err
    ran = odh_oci("search", "locked", "--token-secret", "nothing", HF_ENDPOINT=hub.url, KUBECONFIG=kubeconfig)
    assert "nothing" in ran.failed(1)
