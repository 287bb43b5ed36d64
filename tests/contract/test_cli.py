"""The command and the project: check, runtimes, deploy with and without applying, list, delete; and refusals."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.command import odh_oci
from tests.servers.kubernetes import User
from tests.servers.registry import Registry

from .cluster import Cluster, wait_for


@pytest.fixture(scope="module")
def image(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image of an ONNX model, with its digest."""
    folder = tmp_path_factory.mktemp("model")
    (folder / "model.onnx").write_bytes(b"\x08\x08" + bytes(1000))
    name = f"{registry.host}/cli/project:1"
    return odh_oci("build", folder, name, "--base", "embedded", "--insecure").ok().out.strip()


@pytest.fixture
def as_editor(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))


@pytest.fixture
def as_nobody(cluster: Cluster, nobody: User, namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig(nobody, namespace)))


@pytest.mark.needs("kserve")
@pytest.mark.usefixtures("as_editor")
def test_check_says_who_where_and_what(namespace: str) -> None:
    shown = odh_oci("check").ok().out
    assert f"editor-{namespace}" in shown
    assert "✓ deploy a model" in shown
    found = odh_oci("check", "--json").ok().json
    assert (found["project"], found["cluster"]["kserve"]) == (namespace, True)


@pytest.mark.needs("kserve")
@pytest.mark.usefixtures("as_nobody")
def test_check_names_the_command_that_repairs(cluster: Cluster, nobody: User, namespace: str) -> None:
    ran = odh_oci("check")
    assert ran.status == 1
    assert "✗ deploy a model" in ran.out
    assert cluster.repair(nobody, namespace) in ran.out
    assert "Traceback" not in ran.err


@pytest.mark.needs("kserve")
@pytest.mark.usefixtures("as_editor")
def test_runtimes_are_listed(namespace: str) -> None:
    assert "NAME" in odh_oci("runtimes").ok().out
    found = odh_oci("runtimes", "--json").ok().json
    assert found["project"] == namespace
    if odh_oci("check", "--json").json["cluster"]["templates"]:  # that this user may read
        assert any("onnx" in {f["name"] for f in runtime["formats"]} for runtime in found["runtimes"])


@pytest.mark.needs("kserve")
@pytest.mark.usefixtures("as_editor")
def test_a_deployment_is_shown_then_made_then_removed(cluster: Cluster, namespace: str, image: str) -> None:
    deploy = ("deploy", image, "digits", "--insecure")
    objects = list(yaml.safe_load_all(odh_oci(*deploy, "--dry-run", "-o", "yaml").ok().out))
    assert [one["kind"] for one in objects] == ["ServingRuntime", "InferenceService"]
    assert objects == odh_oci(*deploy, "--dry-run", "--json").ok().json["manifests"]
    assert cluster.get("inferenceservices", "digits", namespace) is None

    made = odh_oci(*deploy, "--no-wait", "--json").ok().json
    assert (made["name"], made["target"]) == ("digits", "project")
    service = cluster.get("inferenceservices", "digits", namespace)
    assert service
    assert service["spec"]["predictor"]["model"]["storageUri"] == f"oci://{image.replace(':1@', '@')}"
    assert [s["name"] for s in odh_oci("list", "--target", "project", "--json").ok().json["services"]] == [
        "digits"
    ]

    annotation = "serving.kserve.io/stop"
    assert "odh-oci start digits" in odh_oci("stop", "digits").ok().out
    assert (
        cluster.get("inferenceservices", "digits", namespace)["metadata"]["annotations"][annotation] == "true"
    )
    assert odh_oci("start", "digits", "--json").ok().json == {"started": "digits", "target": "project"}
    assert (
        cluster.get("inferenceservices", "digits", namespace)["metadata"]["annotations"][annotation]
        == "false"
    )

    odh_oci("delete", "digits", "--yes").ok()
    wait_for(lambda: cluster.get("inferenceservices", "digits", namespace) is None)
    assert cluster.get("servingruntimes", "digits", namespace) is None


@pytest.mark.needs("kserve")
@pytest.mark.usefixtures("as_nobody")
def test_no_permission_is_one_sentence_with_the_command_that_repairs(
    cluster: Cluster, nobody: User, namespace: str, image: str
) -> None:
    told = odh_oci("deploy", image, "digits", "--insecure", "--no-wait").failed()
    assert cluster.repair(nobody, namespace) in told
    assert "services" in odh_oci("list", "--target", "project").failed()
    assert cluster.get("servingruntimes", "digits", namespace) is None


@pytest.mark.usefixtures("as_editor")
def test_a_layout_cannot_go_to_a_cluster(tmp_path: Path) -> None:
    assert "no cluster can read" in odh_oci("deploy", f"oci:{tmp_path}/image", "digits").failed()


def test_a_dry_run_works_without_a_cluster(image: str) -> None:
    options = ("--insecure", "--format", "huggingface", "--gpu", "1", "--arg=--dtype=half", "--dry-run")
    ran = odh_oci("deploy", image, "granite", *options).ok()
    service = list(yaml.safe_load_all(ran.out))[1]
    assert "--dtype=half" in service["spec"]["predictor"]["model"]["args"]
    assert "no cluster can be asked" in ran.err
