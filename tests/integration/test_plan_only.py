"""`odh-oci build --plan-only`: what would move, and each thing that would not work, in one sentence and a hint."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import odh_oci
from tests.servers.registry import Registry
from tests.servers.tokens import TokenServer

MIB = 2**20


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    (folder / "model.onnx").write_bytes(b"\x08\x08" + os.urandom(3 * MIB))
    (folder / "labels.txt").write_text("zero\none\n")
    return folder


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """Bob asks for push and gets a token that says pull, with status 200: as at Quay."""
    server = TokenServer(
        tmp_path_factory.mktemp("tokens"), passwords={"bob": "secret"}, rights={"bob": ("pull",)}
    )
    registry = server.registry(tmp_path_factory.mktemp("guarded"))
    yield registry
    registry.stop()
    server.close()


def planned(model: Path, image: str, *more: str, stdin: str = "", **environ: str) -> str:
    """The one sentence of a plan that would not work; the numbers are told all the same."""
    ran = odh_oci("build", model, image, "--base", "embedded", "--plan-only", *more, stdin=stdin, **environ)
    problem = ran.failed()
    assert "MiB would move" in ran.out or "GiB would move" in ran.out
    document = odh_oci(
        "build", model, image, "--base", "embedded", "--plan-only", "--json", *more, stdin=stdin, **environ
    )
    assert document.status == 1
    (told,) = document.json["problems"]
    assert told["hint"]
    assert problem.endswith(told["hint"])
    assert problem.split()[0] == told["message"].split()[0]
    assert document.json["to_move"] > 3 * MIB
    assert document.json["reused"] == 0
    return problem


def test_a_name_that_openshifts_registry_cannot_have(model: Path) -> None:
    """Said without asking the registry, which cannot be reached here."""
    image = "default-route-openshift-image-registry.apps.invalid/demo/team/model:1"
    assert "PROJECT/NAME" in planned(model, image)


def test_a_layer_above_the_registrys_limit(model: Path, registry: Registry) -> None:
    image = f"{registry.host}/limits/layer:1"
    problem = planned(model, image, "--insecure", ODH_OCI_LAYER_LIMIT="1000000")
    assert "model.onnx" in problem
    assert "takes 1,000,000" in problem
    ran = odh_oci("build", model, image, "--base", "embedded", "--insecure", ODH_OCI_LAYER_LIMIT="1000000")
    assert ran.failed() == problem, "the build itself says the same"
    assert registry.tags("limits/layer") == []


def test_a_layout_without_room(tmp_path: Path) -> None:
    """A file larger than the disk, which takes no room itself because it is a hole."""
    folder = tmp_path / "huge"
    folder.mkdir()
    with (folder / "model.onnx").open("wb") as file:
        file.write(b"\x08\x08")
        try:
            file.truncate(shutil.disk_usage(tmp_path).free + 2**30)
        except OSError:
            pytest.skip("this filesystem takes no file larger than its free space")
    image = f"oci:{tmp_path / 'image'}:1"
    problem = planned(folder, image)
    assert "has room for" in problem
    assert odh_oci("build", folder, image, "--base", "embedded").failed().startswith(f"`{tmp_path}/image`")
    assert not (tmp_path / "image").exists()


def test_a_login_that_may_not_push(model: Path, guarded: Registry) -> None:
    image = f"{guarded.host}/limits/bob:1"
    login = ("--insecure", "--username", "bob", "--password-stdin")
    problem = planned(model, image, *login, stdin="secret")
    assert "does not let `bob` push to `limits/bob`" in problem
    ran = odh_oci("build", model, image, "--base", "embedded", *login, stdin="secret")
    assert ran.failed() == problem
    assert "secret" not in ran.out + ran.err
    assert "PATCH" not in guarded.log.read_text(), "no byte moved"


def test_what_would_move_is_what_moves(model: Path, registry: Registry) -> None:
    build = ("build", model, f"{registry.host}/limits/fine:1", "--base", "embedded", "--insecure")
    plan = odh_oci(*build, "--plan-only", "--json").ok().json
    assert plan["problems"] == []
    done = odh_oci(*build, "--json").ok().lines[-1]
    assert (done["sent"], done["reused"]) == (plan["to_move"], plan["reused"])
