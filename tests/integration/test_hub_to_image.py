"""A gated model of the hub into an image: the bytes stream with the token, and the token stays with the hub."""

from __future__ import annotations

from pathlib import Path

from odh_oci_widgets.models import open_model
from odh_oci_widgets.oci import Done, make_plan, pull_models, run
from tests.servers.hub import Hub, Repo


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
