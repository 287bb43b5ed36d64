"""`verify_image` on images that podman, buildah and skopeo made, in a real registry and in layouts."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from odh_oci_widgets.oci import Level, PlanFile, Source, make_plan, run, verify_image
from odh_oci_widgets.oci.errors import ImageNotFound
from odh_oci_widgets.oci.events import Done
from tests.servers.programs import require

TOOLS = ("sh", "ln", "sleep", "ls")


def errors(verification):
    return {finding.code for finding in verification.findings if finding.level is Level.ERROR}


def model(folder, *, size=3_000_000):
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(os.urandom(size))
    return folder


def built(image, folder, *, base="embedded", insecure=(), **options):
    files = [
        PlanFile(path=f"models/{p.name}", size=p.stat().st_size, source=Source(path=str(p)))
        for p in sorted(folder.iterdir())
    ]
    last = list(run(make_plan(files, image, base=base, insecure=insecure, **options)))[-1]
    assert isinstance(last, Done), last
    return last


@pytest.fixture
def buildah(tmp_path):
    """Runs buildah with storage of this test's own."""
    program = require("buildah")
    roots = [
        "--root",
        str(tmp_path / "storage"),
        "--runroot",
        str(tmp_path / "runroot"),
        "--storage-driver",
        "vfs",
    ]
    policy = tmp_path / "policy.json"
    policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')

    def command(*arguments):
        done = subprocess.run([program, *roots, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    command.policy = str(policy)
    return command


def dockerfile(tmp_path, text):
    """A build context with a busybox base, a model, and this Containerfile on top."""
    context = tmp_path / "context"
    (context / "root/bin").mkdir(parents=True)
    (context / "root/bin/busybox").write_bytes(Path(require("busybox")).read_bytes())
    (context / "root/bin/busybox").chmod(0o755)
    for tool in TOOLS:
        (context / "root/bin" / tool).symlink_to("busybox")
    model(context / "m")
    (context / "Containerfile").write_text(f"FROM scratch\nCOPY root/ /\n{text}\n")
    return context


def pushed(buildah, tmp_path, registry, text, *, name, form="oci", layers=False):
    context = dockerfile(tmp_path, text)
    image = f"{registry.host}/verify/{name}:1"
    buildah(
        "bud",
        "--isolation=chroot",
        f"--format={form}",
        f"--layers={layers}".lower(),
        "-q",
        "-t",
        image,
        str(context),
    )
    buildah("push", "-q", f"--signature-policy={buildah.policy}", "--tls-verify=false", image)
    return image


@pytest.mark.parametrize("form", ["oci", "docker"])
def test_an_image_of_buildah_is_fit(buildah, tmp_path, registry, form):
    image = pushed(
        buildah, tmp_path, registry, "COPY --chmod=644 m/ /models/", name=f"buildah-{form}", form=form
    )
    verification = verify_image(image, insecure=True)
    assert verification.fit, verification.findings
    assert verification.platforms[0].startswith("linux/")


def test_mistakes_of_an_image_of_buildah_are_found(buildah, tmp_path, registry):
    text = """COPY --chmod=600 m/ /models/
RUN ["/bin/ln", "-s", "/weights", "/models/link"]
ENTRYPOINT ["/bin/sh", "-c"]"""
    image = pushed(buildah, tmp_path, registry, text, name="mistakes")
    verification = verify_image(image, insecure=True, runtime="kserve-ovms")
    assert not verification.fit
    assert errors(verification) == {"unreadable", "link-outside", "entrypoint", "layout"}


def test_whiteouts_of_buildah_are_understood(buildah, tmp_path, registry):
    text = 'COPY m/ /models/\nRUN ["/bin/busybox", "rm", "-r", "/models"]'
    image = pushed(buildah, tmp_path, registry, text, name="whiteouts", layers=True)
    assert errors(verify_image(image, insecure=True)) == {"models-missing"}


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_compressed_copies_of_skopeo(tmp_path, compression):
    built(f"oci:{tmp_path / 'own'}:v1", model(tmp_path / "m"), platforms=("linux/amd64", "linux/arm64"))
    copy = f"oci:{tmp_path / 'copy'}:v1"
    options = ["--all", "--insecure-policy", f"--dest-compress-format={compression}"]
    subprocess.run(
        [require("skopeo"), "copy", "-q", *options, f"oci:{tmp_path / 'own'}:v1", copy], check=True
    )
    verification = verify_image(copy)
    assert verification.platforms == ("linux/amd64", "linux/arm64")
    assert errors(verification) == (set() if compression == "gzip" else {"models-unseen"})


def test_the_weights_of_our_images_stay_in_the_registry(tmp_path, registry):
    image = f"{registry.host}/verify/large:1"
    built(image, model(tmp_path / "m", size=50_000_000), insecure=(registry.host,), base="scratch")
    verification = verify_image(image, insecure=True, runtime="vllm-cuda-runtime")
    assert errors(verification) == {"no-shell"}
    assert verification.bytes_read < 100_000


def test_a_layout_is_verified_too(tmp_path):
    image = f"oci:{tmp_path / 'layout'}:v1"
    built(image, model(tmp_path / "m"))
    verification = verify_image(image)
    assert verification.fit, verification.findings
    assert not [finding for finding in verification.findings if finding.level is Level.WARNING]


def test_an_image_that_does_not_exist_is_an_error(registry):
    with pytest.raises(ImageNotFound):
        verify_image(f"{registry.host}/verify/absent:1", insecure=True)


def edited(layout, change):
    """Change config and manifest of a layout's only image, keeping digests right."""

    def blob(digest):
        return layout / "blobs/sha256" / digest.split(":")[1]

    def write(document):
        data = json.dumps(document).encode()
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        blob(digest).write_bytes(data)
        return {"digest": digest, "size": len(data)}

    index = json.loads((layout / "index.json").read_text())
    manifest = json.loads(blob(index["manifests"][0]["digest"]).read_text())
    config = json.loads(blob(manifest["config"]["digest"]).read_text())
    change(manifest, config, blob)
    manifest["config"] |= write(config)
    index["manifests"][0] |= write(manifest)
    (layout / "index.json").write_text(json.dumps(index))


def swap_diff_ids(_manifest, config, _blob):
    config["rootfs"]["diff_ids"].reverse()


def lose_a_layer(manifest, _config, blob):
    blob(manifest["layers"][-1]["digest"]).unlink()


def cut_a_layer(manifest, _config, blob):
    path = blob(manifest["layers"][-1]["digest"])
    path.write_bytes(path.read_bytes()[:700])


def damage_a_layer(manifest, _config, blob):
    path = blob(manifest["layers"][-1]["digest"])
    path.write_bytes(b"x" * path.stat().st_size)


def be_an_artifact(manifest, _config, _blob):
    manifest["config"]["mediaType"] = "application/vnd.kitops.modelkit.config.v1+json"


def be_windows(_manifest, config, _blob):
    config["os"] = "windows"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (swap_diff_ids, "diff-id"),
        (lose_a_layer, "layer-missing"),
        (cut_a_layer, "layer-missing"),
        (damage_a_layer, "layer-damaged"),
        (be_an_artifact, "not-an-image"),
        (be_windows, "platform"),
    ],
)
def test_broken_images_are_found(tmp_path, change, expected):
    built(f"oci:{tmp_path / 'layout'}:v1", model(tmp_path / "m"))
    edited(tmp_path / "layout", change)
    verification = verify_image(f"oci:{tmp_path / 'layout'}:v1")
    assert not verification.fit
    assert expected in errors(verification)
