"""What a person sets once: which source wins, what a bad value says, and that each setting has its effect."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from odh_oci_widgets import settings
from odh_oci_widgets.builders import BUILDERS, build, default_builder, plan_image
from odh_oci_widgets.cli import main
from odh_oci_widgets.cluster.errors import NoCluster
from odh_oci_widgets.models import open_model
from odh_oci_widgets.oci.errors import OdhOciError, ReferenceInvalid
from odh_oci_widgets.serving import deploy
from odh_oci_widgets.settings import SettingInvalid
from odh_oci_widgets.widgets import DeployStep, ImageStep


@pytest.fixture(autouse=True)
def _no_page_left() -> Iterator[None]:
    yield
    settings.use_page({})


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings file; not there yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    path = tmp_path / "config" / "odh-oci-widgets" / "config.toml"
    path.parent.mkdir(parents=True)
    return path


@pytest.fixture
def model(tmp_path: Path) -> str:
    folder = tmp_path / "digits"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(b"\x08\x08" + bytes(100))
    return str(folder)


def test_environment_wins_over_page_wins_over_file_wins_over_default(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings.read() == settings.Settings()
    file.write_text('registry = "from.file"\nbuilder = "podman"\nrefresh = 30\nsandbox = false\n')
    settings.use_page({"builder": "job", "refresh": 20, "sandbox": True, "registry": "", "repository": None})
    monkeypatch.setenv("ODH_OCI_REFRESH", "10")
    now = settings.read()
    assert now.values() == {
        "registry": "from.file",
        "repository": "{model}",
        "builder": "job",
        "refresh": 10,
        "sandbox": False,  # the page sends its default along: nobody set that
        "notifications": True,
    }
    assert now.origins == {
        "registry": str(file),
        "repository": "default",
        "builder": "JupyterLab settings",
        "refresh": "ODH_OCI_REFRESH",
        "sandbox": str(file),
        "notifications": "default",
    }


def test_the_file_is_below_the_home_by_default(tmp_path: Path) -> None:
    found = settings.settings_file({"HOME": str(tmp_path)})
    assert found == tmp_path / ".config" / "odh-oci-widgets" / "config.toml"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('refresh = "soon"', ("`refresh` in {file} is `soon`", "from 1 to 3600")),
        ("refresh = 0", ("`refresh` in {file}", "from 1 to 3600")),
        ("refresh = true", ("`refresh` in {file}",)),
        ('builder = "docker"', ("`builder` in {file} is `docker`", "kernel, job")),
        ('registry = "My Registry"', ("`registry` in {file}",)),
        ('registry = "quay"', ("`registry` in {file} is `quay`", "quay.io")),
        ('repository = "me"', ("`repository` in {file} is `me`", "{{model}}")),
        ('repository = "ME/{model}"', ("`repository` in {file}", "lowercase")),
        ('sandbox = "perhaps"', ("`sandbox` in {file}", "true or false")),
        ('regitry = "quay.io"', ("`regitry` in {file} is not a setting", "registry, repository")),
        ("registry = quay.io", ("{file} are not TOML",)),
    ],
)
def test_a_bad_value_is_one_sentence_that_names_file_and_key(
    file: Path, line: str, words: tuple[str, ...]
) -> None:
    file.write_text(line + "\n")
    with pytest.raises(SettingInvalid) as caught:
        settings.read()
    for word in words:
        assert word.format(file=file) in str(caught.value)


def test_a_bad_variable_and_a_bad_page_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingInvalid, match="`builder` in JupyterLab's settings is `nobody`"):
        settings.use_page({"builder": "nobody"})
    monkeypatch.setenv("ODH_OCI_NOTIFICATIONS", "loud")
    with pytest.raises(SettingInvalid, match="`ODH_OCI_NOTIFICATIONS` is `loud`"):
        settings.read()


def test_the_names_of_builders_are_those_there_are() -> None:
    assert set(settings.BUILDER_NAMES) == set(BUILDERS)


def test_a_name_without_registry_is_completed(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ReferenceInvalid):
        plan_image(model, "digits:1", base="scratch")
    monkeypatch.setenv("ODH_OCI_REGISTRY", "localhost:5000/team")
    monkeypatch.setenv("ODH_OCI_REPOSITORY", "models/{model}-car")
    assert plan_image(model, "digits:1", base="scratch").image == "localhost:5000/team/models/digits-car:1"
    assert plan_image(model, "you/digits:1", base="scratch").image == "localhost:5000/team/you/digits:1"
    assert plan_image(model, "quay.io/me/digits:1", base="scratch").image == "quay.io/me/digits:1"
    assert plan_image(model, "oci:digits:1", base="scratch").image.startswith("oci:")


def test_the_command_builds_a_name_without_registry(
    model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ODH_OCI_REGISTRY", "localhost:1/team")
    assert main(["build", model, "digits:1", "--base", "scratch", "--insecure", "--builder", "kernel"]) == 1
    assert "localhost:1 does not answer" in capsys.readouterr().err


def test_the_builder_that_is_set_is_taken_unless_another_is_named(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_image(model, "quay.io/me/digits:1", base="scratch")
    assert default_builder(plan).name == "kernel"
    monkeypatch.setenv("ODH_OCI_BUILDER", "job")
    choice = default_builder(plan)
    assert choice.name == "job"
    assert "ODH_OCI_BUILDER" in choice.reason
    with pytest.raises(NoCluster):
        build(model, "quay.io/me/digits:1", base="scratch")
    layout = f"oci:{tmp_path}/image:1"
    assert default_builder(plan_image(model, layout, base="embedded")).name == "kernel"
    assert build(model, layout, base="embedded", builder="kernel").wait().startswith(layout)


def test_the_image_step_proposes_what_is_set(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODH_OCI_REGISTRY", "quay.io")
    monkeypatch.setenv("ODH_OCI_REPOSITORY", "my-org/{model}")
    monkeypatch.setenv("ODH_OCI_BUILDER", "openshift")
    step = ImageStep()
    step.flow.model = open_model(model)
    assert step.image.value == "quay.io/my-org/digits:1"
    assert step.flow.spec.image == "quay.io/my-org/digits:1"
    assert step.builder.options[0][0] == "As set: An OpenShift build in the project"
    step.place.value = "layout"
    assert step.image.value == "oci:images/digits:1"
    step.image.value = "other:2"
    assert step.flow.spec.image == "quay.io/my-org/other:2"


def test_a_step_tells_of_a_bad_setting_and_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODH_OCI_REGISTRY", "not a registry")
    step = ImageStep("quay.io/me/x:1")
    assert "<code>ODH_OCI_REGISTRY</code> is <code>not a registry</code>" in step._warning.value
    assert step.flow.spec.image == "quay.io/me/x:1"


def test_the_sandbox_is_offered_unless_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def targets(step: DeployStep) -> list[str]:
        return [value for _, value in step.target.options]

    assert targets(DeployStep()) == ["sandbox", "project"]
    with pytest.raises(OdhOciError) as tried:
        deploy("oci:/nothing/here", "x", target=None)
    assert not isinstance(tried.value, NoCluster)  # it went to the sandbox, which found no image
    monkeypatch.setenv("ODH_OCI_SANDBOX", "off")
    step = DeployStep()
    assert targets(step) == ["project"]
    assert step.target.value == "project"
    assert targets(DeployStep(target="sandbox")) == ["sandbox", "project"]
    with pytest.raises(NoCluster):
        deploy("oci:/nothing/here", "x", target=None)


def test_the_command_shows_each_value_and_where_it_comes_from(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text('builder = "job"\n')
    monkeypatch.setenv("ODH_OCI_SANDBOX", "off")
    assert main(["settings"]) == 0
    shown = capsys.readouterr()
    assert [line.split() for line in shown.out.splitlines()[3:6]] == [
        ["builder", "job", str(file)],
        ["refresh", "5", "default"],
        ["sandbox", "false", "ODH_OCI_SANDBOX"],
    ]
    assert str(file) in shown.err
    assert main(["settings", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["settings"]["builder"] == {"value": "job", "from": str(file)}
    assert document["file"] == str(file)
    file.write_text("refresh = -1\n")
    assert main(["settings"]) == 1
    assert f"`refresh` in {file} is `-1`" in capsys.readouterr().err


def test_it_is_cheap_to_import() -> None:
    code = (
        "import sys, odh_oci_widgets.settings\n"
        "print([m for m in ('numpy', 'kubernetes', 'ipywidgets', 'urllib3', 'huggingface_hub') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
