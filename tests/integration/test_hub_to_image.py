"""A gated model of the hub into an image: the bytes stream with the token, and the token stays with the hub."""

from __future__ import annotations

import json
from pathlib import Path

from odh_oci_widgets.models import open_model
from odh_oci_widgets.oci import Done, make_plan, pull_models, run
from odh_oci_widgets.oci.store import open_store
from tests.command import odh_oci
from tests.servers.base_image import write_base_image
from tests.servers.hub import Hub, Repo

PLATFORMS = ("linux/amd64", "linux/arm64")


def test_a_gated_model_becomes_an_image(hub: Hub, tmp_path: Path) -> None:
    files = {
        "config.json": b"{}",
        "model.safetensors": b"\x02\0\0\0\0\0\0\0{}" + bytes(3_000_000),
        "sub/a b.txt": b"x",
    }
    hub.add("image/gated", Repo(files, gated="auto"))
    model = open_model("hf://image/gated", token=hub.token)
    image = f"oci:{tmp_path / 'layout'}:1"
    plan = make_plan(model.plan_files(), image, base="scratch")
    assert hub.token not in plan.to_json()
    events = list(run(plan, secrets={"hf": hub.token}))
    assert isinstance(events[-1], Done), events[-1]
    folder = pull_models(image, tmp_path / "pulled")
    pulled = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    assert {path.removeprefix("models/"): content for path, content in pulled.items()} == files
    assert hub.cdn.removeprefix("http://") not in hub.tokens_seen


def test_an_image_says_where_its_model_is_from(hub: Hub, tmp_path: Path) -> None:
    files = {"config.json": b"{}", "model.safetensors": b"\x02\0\0\0\0\0\0\0{}"}
    repo = hub.add("image/told", Repo(files, license="apache-2.0"))
    base = write_base_image(tmp_path / "base", platforms=PLATFORMS)
    image = f"oci:{tmp_path / 'layout'}:1"
    options = ("--base", f"oci:{base}:1", "--platform", ",".join(PLATFORMS), "--label", "who=me")
    build = ("build", "hf://image/told", image, *options)
    odh_oci(*build, HF_ENDPOINT=hub.url, SOURCE_DATE_EPOCH="1700000000").ok()
    store = open_store(image)
    model = open_model("hf://image/told")
    told = {
        "org.odh-oci.model-format": str(model.format),
        "org.odh-oci.model-name": "told",
        "org.opencontainers.image.created": "2023-11-14T22:13:20Z",
        "org.opencontainers.image.licenses": "apache-2.0",
        "org.opencontainers.image.revision": repo.commit("main"),
        "org.opencontainers.image.source": f"{hub.url}/image/told",
        "org.opencontainers.image.title": "told",
    }
    index = store.manifest()
    assert index.document["annotations"] == told
    bases = open_store(f"oci:{base}:1").manifest().document["manifests"]
    assert len(bases) == len(PLATFORMS)
    for described, its_base in zip(index.document["manifests"], bases, strict=True):
        manifest = store.manifest(described["digest"]).document
        assert manifest["annotations"] == told | {"org.opencontainers.image.base.digest": its_base["digest"]}
        config = json.loads(store.read_blob(manifest["config"]["digest"]))
        assert config["created"] == told["org.opencontainers.image.created"]
        assert config["config"]["Labels"] == {"base": "busybox", "who": "me"}
