"""An image pushed to a real registry, judged by software that is not ours."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import referencing

from odh_oci_widgets.oci import (
    Failed,
    LayerProgress,
    LayerState,
    PlanFile,
    Planned,
    inspect_image,
    make_plan,
    pull_models,
    run,
)
from tests.command import ROOT
from tests.servers.base_image import push_base_image, write_base_image
from tests.servers.programs import require
from tests.servers.registry import Registry

from .oci_builds import build, files_of, make_model


def skopeo(*arguments: str) -> str:
    return subprocess.run(
        [require("skopeo"), *arguments], check=True, capture_output=True, text=True, timeout=120
    ).stdout


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model") / "m")


@pytest.fixture(scope="module")
def base(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> str:
    return push_base_image(
        tmp_path_factory.mktemp("base"),
        f"{registry.host}/push/base:1",
        platforms=("linux/amd64", "linux/arm64"),
        config={},
    )


@pytest.mark.parametrize("platforms", [("linux/amd64",), ("linux/amd64", "linux/arm64")])
def test_other_tools_read_the_same_image(
    registry: Registry, base: str, model: Path, tmp_path: Path, platforms: tuple[str, ...]
) -> None:
    """Copied to a layout and back it is the same, with one platform and with two."""
    image = f"{registry.host}/push/read:{len(platforms)}"
    plan = make_plan(files_of(model), image, base=base, insecure=(registry.host,), platforms=platforms)
    done, events = build(plan)
    assert done.image == f"{image}@{done.digest}"

    def digest(reference: str) -> str:
        raw = skopeo("inspect", "--raw", "--tls-verify=false", reference)
        return f"sha256:{hashlib.sha256(raw.encode()).hexdigest()}"

    assert digest(f"docker://{image}") == done.digest
    layout = tmp_path / "layout"
    whole = ("copy", "--all", "--preserve-digests")
    skopeo(*whole, "--src-tls-verify=false", f"docker://{image}", f"oci:{layout}:1")
    assert digest(f"oci:{layout}:1") == done.digest
    back = f"{registry.host}/push/back:{len(platforms)}"
    skopeo(*whole, "--dest-tls-verify=false", f"oci:{layout}:1", f"docker://{back}")
    assert digest(f"docker://{back}") == done.digest

    planned = events[0]
    assert isinstance(planned, Planned)
    assert sum(layer.size for layer in planned.layers) == done.size
    last = {event.layer: event for event in events if isinstance(event, LayerProgress)}
    assert all(event.state in {LayerState.DONE, LayerState.REUSED} for event in last.values())
    assert len(last) == len(planned.layers)


@pytest.mark.parametrize("platforms", [("linux/amd64",), ("linux/amd64", "linux/arm64")])
@pytest.mark.parametrize("docker_base", [False, True])
def test_the_specification_accepts_config_manifest_and_index(
    registry: Registry,
    model: Path,
    shared: Path | None,
    tmp_path: Path,
    docker_base: bool,
    platforms: tuple[str, ...],
) -> None:
    if shared is None:
        pytest.skip("the schemas are not beside this checkout")
    schemas = shared / "schemas" / "oci-image-spec"
    base = f"oci:{write_base_image(tmp_path / 'base', docker=docker_base, platforms=('linux/amd64', 'linux/arm64'))}:1"
    image = f"{registry.host}/push/schema:{int(docker_base)}-{len(platforms)}"
    plan = make_plan(
        files_of(model),
        image,
        base=base,
        insecure=(registry.host,),
        platforms=platforms,
        labels={"who": "me"},
        annotations={"org.opencontainers.image.title": "model"},
    )
    done, _ = build(plan)
    resources = referencing.Registry().with_resources(
        (f"https://opencontainers.org/schema/image/{path.name}", referencing.Resource.from_contents(schema))
        for path in schemas.glob("*.json")
        for schema in [json.loads(path.read_text()) | {"$schema": "http://json-schema.org/draft-04/schema#"}]
    )
    resources = resources.with_resources(
        (f"https://opencontainers.org/schema/{path.name}", referencing.Resource.from_contents(schema))
        for path in schemas.glob("*.json")
        for schema in [json.loads(path.read_text()) | {"$schema": "http://json-schema.org/draft-04/schema#"}]
    )

    def check(name: str, document: Any) -> None:
        schema = json.loads((schemas / name).read_text())
        jsonschema.Draft4Validator(schema, registry=resources).validate(document)

    if len(platforms) > 1:
        index = json.loads(skopeo("inspect", "--raw", "--tls-verify=false", f"docker://{image}"))
        check("image-index-schema.json", index)
        assert [entry["platform"]["architecture"] for entry in index["manifests"]] == ["amd64", "arm64"]
        digests = [entry["digest"] for entry in index["manifests"]]
    else:
        digests = [done.digest]
    layers = []
    for digest in digests:
        one = f"docker://{registry.host}/push/schema@{digest}"
        manifest = json.loads(skopeo("inspect", "--raw", "--tls-verify=false", one))
        check("image-manifest-schema.json", manifest)
        config = json.loads(skopeo("inspect", "--raw", "--config", "--tls-verify=false", one))
        check("config-schema.json", config)
        assert config["config"]["User"] == "1001"
        assert config["config"]["Labels"] == {"base": "busybox", "who": "me"}
        assert "Entrypoint" not in config["config"]
        assert all(layer["mediaType"].startswith("application/vnd.oci.") for layer in manifest["layers"])
        layers.append([layer["digest"] for layer in manifest["layers"]])
    assert layers[0][1:] == layers[-1][1:], "the model's layers are the same for all platforms"


def test_an_arbitrary_user_of_group_0_reads_every_file(
    registry: Registry, base: str, model: Path, podman: Callable[..., str]
) -> None:
    image = f"{registry.host}/push/run:1"
    build(make_plan(files_of(model, "models/1"), image, base=base, insecure=(registry.host,)))
    script = (
        "cd /models && find . -type f -exec cat {} + >/dev/null && find . -exec stat -c '%n %a %u %g' {} +"
    )
    said = podman("run", "--rm", "--user", "4711:0", "--tls-verify=false", image, "sh", "-ec", script)
    entries = {line.rsplit(" ", 3)[0]: line.rsplit(" ", 3)[1:] for line in said.splitlines()}
    assert entries["./1"] == ["555", "1001", "0"]
    assert entries["./1/model.safetensors"] == ["444", "1001", "0"]
    files = {f"./1/{path.relative_to(model)}" for path in model.rglob("*") if path.is_file()}
    assert files <= set(entries)


def test_a_layout_is_the_same_image_as_the_registrys(registry: Registry, model: Path, tmp_path: Path) -> None:
    done, _ = build(make_plan(files_of(model), f"oci:{tmp_path / 'layout'}:v1", base="embedded"))
    image = f"{registry.host}/push/layout:1"
    pushed, _ = build(make_plan(files_of(model), image, base="embedded", insecure=(registry.host,)))
    assert done.digest == pushed.digest
    seen = json.loads(skopeo("inspect", f"oci:{tmp_path / 'layout'}:v1"))
    assert seen["Digest"] == done.digest
    assert not list(tmp_path.rglob(".partial-*"))


def test_a_disk_that_gets_full_is_told_and_leaves_nothing(model: Path, tmp_path: Path) -> None:
    """It takes a part of the last block before it refuses: that must not pass for the whole."""
    code = "import resource, sys; from odh_oci_widgets.cli import main; "
    code += "resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0})); sys.exit(main(sys.argv[1:]))"
    events = run(make_plan(files_of(model), f"oci:{tmp_path / 'whole'}:1", base="scratch"))
    planned = next(event for event in events if isinstance(event, Planned))
    room = max(layer.size for layer in planned.layers) - 100
    (tmp_path / "full").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code.format(room), "build", model, "oci:image:1", "--base", "scratch"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path / "full",
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode, done.stdout
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "full").iterdir())


def test_neither_order_nor_knowledge_nor_threads_change_the_digest(model: Path, tmp_path: Path) -> None:
    files = files_of(model)
    first, _ = build(make_plan(files, f"oci:{tmp_path / 'a'}:1", base="embedded"))
    known = [
        PlanFile(
            path=file.path,
            size=file.size,
            source=file.source,
            sha256=hashlib.sha256(Path(file.source.path or "").read_bytes()).hexdigest(),
        )
        for file in reversed(files)
    ]
    second, _ = build(make_plan(known, f"oci:{tmp_path / 'b'}:1", base="embedded"), verify=False)
    assert first.digest == second.digest


def test_the_model_comes_out_as_it_went_in(registry: Registry, model: Path, tmp_path: Path) -> None:
    image = f"{registry.host}/push/pull:1"
    build(make_plan(files_of(model), image, base="embedded", insecure=(registry.host,)))
    folder = pull_models(image, tmp_path / "out", insecure=True)
    for path in model.rglob("*"):
        if path.is_file():
            assert (folder / path.relative_to(model)).read_bytes() == path.read_bytes()


def test_inspection_reads_what_the_build_wrote(registry: Registry, model: Path) -> None:
    image = f"{registry.host}/push/inspect:1"
    plan = make_plan(
        files_of(model),
        image,
        base="embedded",
        insecure=(registry.host,),
        platforms=("linux/amd64", "linux/arm64"),
        annotations={"org.odh-oci.model-format": "onnx"},
    )
    done, _ = build(plan)
    info = inspect_image(image, insecure=True)
    assert info.digest == done.digest
    assert info.platforms == ("linux/amd64", "linux/arm64")
    assert info.annotations["org.odh-oci.model-format"] == "onnx"
    assert info.config["config"]["Entrypoint"] == ["/bin/link-model-and-wait"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"commands": ("ls", "ln")}, "`sh`, `sleep`"),
        ({"config": {"Entrypoint": ["/bin/server"]}}, "Entrypoint"),
        ({"platforms": ("linux/arm64",)}, "linux/arm64"),
    ],
)
def test_an_unfit_base_is_refused_with_the_reason(
    tmp_path: Path, model: Path, options: dict[str, Any], reason: str
) -> None:
    base = write_base_image(tmp_path / "base", **options)
    events = list(run(make_plan(files_of(model), f"oci:{tmp_path / 'out'}:1", base=f"oci:{base}:1")))
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert failed.error == "BaseImageUnfit"
    assert reason in failed.message
    assert failed.hint
    assert not (tmp_path / "out").exists()
