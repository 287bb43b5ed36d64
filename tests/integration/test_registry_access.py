"""Logins, certificates, plain HTTP, refusals: what a registry may want before it takes an image."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from odh_oci_widgets.oci import (
    Credential,
    Credentials,
    Done,
    Failed,
    Log,
    PlanFile,
    Retry,
    Source,
    error_of,
    errors,
    inspect_image,
    make_plan,
    preflight,
    run,
)
from odh_oci_widgets.oci.plan import OWN_LAYER_BYTES
from odh_oci_widgets.oci.reuse import record_tag
from odh_oci_widgets.oci.store import open_store
from odh_oci_widgets.oci.tuning import Tuning
from tests.servers.registry import Registry, free_port
from tests.servers.tokens import TokenServer, certificate

#: docker-registry takes nothing but bcrypt
BCRYPT_OF_SECRET = "$2b$05$EZkqAg/xtLbMD9O1PkJDluLztrcn4H8GuZWaop0Q1W/7c2ClkcYAG"
QUICK = Tuning(attempts=3, backoff=0.01, stall=5.0)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[PlanFile]:
    path = tmp_path_factory.mktemp("model") / "model.bin"
    path.write_bytes(os.urandom(3 * 2**20))
    return [PlanFile(path="models/model.bin", size=3 * 2**20, source=Source(path=str(path)))]


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenServer]:
    folder = tmp_path_factory.mktemp("tokens")
    server = TokenServer(
        folder,
        passwords={"alice": "secret", "bob": "secret"},
        rights={"alice": ("pull", "push", "delete"), "bob": ("pull",), "": ("pull",)},
    )
    yield server
    server.close()


@pytest.fixture(scope="module")
def guarded(tokens: TokenServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    registry = tokens.registry(tmp_path_factory.mktemp("guarded"))
    yield registry
    registry.stop()


def credentials(registry: Registry, user: str, password: str = "secret") -> Credentials:
    return Credentials({registry.host: Credential(user, password)})


def failure(*arguments, **options) -> Failed:
    last = list(run(*arguments, tuning=QUICK, **options))[-1]
    assert isinstance(last, Failed), last
    assert last.hint
    assert "secret" not in repr(last)
    return last


def test_a_login_pushes(guarded: Registry, files: list[PlanFile]) -> None:
    plan = make_plan(files, f"{guarded.host}/a/login:1", base="embedded", insecure=(guarded.host,))
    events = list(run(plan, credentials=credentials(guarded, "alice"), tuning=QUICK))
    assert isinstance(events[-1], Done), events[-1]
    info = inspect_image(f"{guarded.host}/a/login:1", credentials=credentials(guarded, "bob"), insecure=True)
    assert info.digest == events[-1].digest


def test_an_identity_token_pushes(guarded: Registry, files: list[PlanFile]) -> None:
    plan = make_plan(files, f"{guarded.host}/a/identity:1", base="embedded", insecure=(guarded.host,))
    found = Credentials({guarded.host: Credential("", "", "identity")})
    assert isinstance(list(run(plan, credentials=found, tuning=QUICK))[-1], Done)


def test_a_layer_is_mounted_with_a_login(guarded: Registry, files: list[PlanFile]) -> None:
    one, other = f"{guarded.host}/a/mounted-from:1", f"{guarded.host}/a/mounted-to:1"
    login = credentials(guarded, "alice")
    plan = make_plan(files, one, base="scratch", insecure=(guarded.host,))
    first = list(run(plan, credentials=login, tuning=QUICK))[-1]
    plan = make_plan(files, other, base="scratch", insecure=(guarded.host,), like=(one,))
    second = list(run(plan, credentials=login, tuning=QUICK))[-1]
    assert isinstance(first, Done), first
    assert isinstance(second, Done), second
    assert second.digest == first.digest
    assert second.sent == 0


@pytest.mark.parametrize("rights", ["pull, push and delete", "pull and push, as at Quay", "nothing deletes"])
def test_the_record_of_a_build_goes_where_the_login_may_delete(rights: str, tmp_path: Path) -> None:
    may = ("pull", "push", "delete") if "and delete" in rights else ("pull", "push")
    tokens = TokenServer(tmp_path / "tokens", rights={"alice": may}, quay="Quay" in rights)
    registry = tokens.registry(tmp_path / "registry")
    try:
        found = []
        for number in range(2):
            path = tmp_path / f"part-{number}.bin"
            path.write_bytes(os.urandom(OWN_LAYER_BYTES))
            source = Source(path=str(path))
            found.append(PlanFile(path=f"models/{path.name}", size=OWN_LAYER_BYTES, source=source))
        image = f"{registry.host}/a/record:1"
        plan = make_plan(found, image, base="scratch", insecure=(registry.host,))
        login = credentials(registry, "alice")
        # One after the other, so that the first is recorded before the last.
        one_at_a_time = Tuning(attempts=3, backoff=0.01, stall=5.0, streams=1, max_streams=1)
        last = list(run(plan, credentials=login, tuning=one_at_a_time))[-1]
        assert isinstance(last, Done), last
        store = open_store(image, credentials=login, insecure=True)
        tags = store.tags()  # type: ignore[union-attr]
        store.close()
        again = list(run(plan, credentials=login, tuning=one_at_a_time))
    finally:
        registry.stop()
        tokens.close()
    assert set(tags) == ({"1", record_tag("1")} if "nothing" in rights else {"1"})
    assert isinstance(again[-1], Done)
    assert not [event for event in again if isinstance(event, Log) and "unfinished" in event.message]


def test_a_busy_token_server_is_left_alone_as_long_as_it_says(files: list[PlanFile], tmp_path: Path) -> None:
    tokens = TokenServer(tmp_path / "tokens", busy=["1"])
    registry = tokens.registry(tmp_path / "registry")
    try:
        plan = make_plan(files, f"{registry.host}/a/busy:1", base="embedded", insecure=(registry.host,))
        *events, last = run(plan, credentials=credentials(registry, "alice"), tuning=QUICK)
    finally:
        registry.stop()
        tokens.close()
    assert isinstance(last, Done), last
    (retry,) = [event for event in events if isinstance(event, Retry)]
    assert "answered 429" in retry.reason
    assert retry.wait_seconds == 1.0


def test_an_auth_file_is_found(
    guarded: Registry, files: list[PlanFile], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authfile = tmp_path / "auth.json"
    authfile.write_text(f'{{"auths": {{"{guarded.host}": {{"auth": "YWxpY2U6c2VjcmV0"}}}}}}')
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(authfile))
    plan = make_plan(files, f"{guarded.host}/a/file:1", base="embedded", insecure=(guarded.host,))
    assert isinstance(list(run(plan, tuning=QUICK))[-1], Done)


def test_who_may_only_pull_is_told_so_before_a_byte_moves(guarded: Registry, files: list[PlanFile]) -> None:
    plan = make_plan(files, f"{guarded.host}/a/bob:1", base="embedded", insecure=(guarded.host,))
    failed = failure(plan, credentials=credentials(guarded, "bob"))
    assert failed.error == "RegistryForbidden"
    assert "`bob`" in failed.message
    assert isinstance(error_of(failed), errors.RegistryForbidden)
    forecast = preflight(plan, credentials=credentials(guarded, "bob"), tuning=QUICK)
    assert [type(problem) for problem in forecast.problems] == [errors.RegistryForbidden]


def test_a_wrong_password_and_no_login_are_told_apart(guarded: Registry, files: list[PlanFile]) -> None:
    plan = make_plan(files, f"{guarded.host}/a/wrong:1", base="embedded", insecure=(guarded.host,))
    wrong = failure(plan, credentials=credentials(guarded, "alice", "other"))
    assert wrong.error == "RegistryUnauthorized"
    assert "`alice`" in wrong.message
    nobody = failure(plan, credentials=Credentials({}, environ={}))
    assert nobody.error in {"RegistryUnauthorized", "RegistryForbidden"}
    assert "anonymous" in nobody.message or "wants a login" in nobody.message


def test_a_registry_with_basic_authentication(files: list[PlanFile], tmp_path: Path) -> None:
    (tmp_path / "htpasswd").write_text(f"alice:{BCRYPT_OF_SECRET}\n")
    registry = Registry(
        tmp_path / "basic", extra=f"auth:\n  htpasswd: {{realm: tests, path: {tmp_path / 'htpasswd'}}}\n"
    )
    try:
        plan = make_plan(files, f"{registry.host}/a/b:1", base="embedded", insecure=(registry.host,))
        assert isinstance(list(run(plan, credentials=credentials(registry, "alice"), tuning=QUICK))[-1], Done)
        failed = failure(plan, credentials=credentials(registry, "alice", "other"))
        assert failed.error == "RegistryUnauthorized"
    finally:
        registry.stop()


def test_a_certificate_is_trusted_by_file_or_not_at_all(
    files: list[PlanFile], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crt, key, _ = certificate(tmp_path / "tls")
    registry = Registry(tmp_path / "registry", tls=(crt, key))
    try:
        image = f"{registry.host}/a/tls:1"
        untrusted = failure(make_plan(files, image, base="embedded"))
        assert untrusted.error == "RegistryUntrusted"
        assert "--insecure" in untrusted.hint
        allowed = make_plan(files, image, base="embedded", insecure=(registry.host,))
        assert isinstance(list(run(allowed, tuning=QUICK))[-1], Done)
        monkeypatch.setenv("SSL_CERT_FILE", str(crt))
        assert isinstance(list(run(make_plan(files, image, base="embedded"), tuning=QUICK))[-1], Done)
    finally:
        registry.stop()


def test_plain_http_wants_to_be_allowed(registry: Registry, files: list[PlanFile]) -> None:
    failed = failure(make_plan(files, f"{registry.host}/access/plain:1", base="embedded"))
    assert failed.error == "RegistryUntrusted"
    assert "plain HTTP" in failed.message
    assert "--insecure" in failed.hint


def test_nobody_there(files: list[PlanFile]) -> None:
    host = f"127.0.0.1:{free_port()}"
    failed = failure(make_plan(files, f"{host}/a/b:1", base="embedded", insecure=(host,)))
    assert failed.error == "RegistryUnreachable"
    failed = failure(make_plan(files, "registry.invalid/a/b:1", base="embedded"))
    assert failed.error == "RegistryUnreachable"


def test_the_default_base_is_asked_for_by_name(registry: Registry, files: list[PlanFile]) -> None:
    plan = make_plan(
        files, f"{registry.host}/access/base:1", base=f"{registry.host}/no/base:1", insecure=(registry.host,)
    )
    failed = failure(plan)
    assert failed.error == "ImageNotFound"
    assert "no/base:1" in failed.message


def test_the_zip_runs_alone(registry: Registry, files: list[PlanFile], tmp_path: Path) -> None:
    import sys

    from odh_oci_widgets.oci import engine_zip

    (tmp_path / "e.pyz").write_bytes(engine_zip())
    assert engine_zip() == engine_zip()
    plan = make_plan(files, f"{registry.host}/access/zip:1", base="scratch", insecure=(registry.host,))
    (tmp_path / "plan.json").write_text(plan.to_json())
    # -S -E: no site-packages, as in a bare container
    command = [sys.executable, "-S", "-E", str(tmp_path / "e.pyz")]
    done = subprocess.run(
        [*command, str(tmp_path / "plan.json")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    from odh_oci_widgets.oci.events import from_json

    last = from_json(done.stdout.splitlines()[-1])
    assert isinstance(last, Done)
    assert inspect_image(f"{registry.host}/access/zip:1", insecure=True).digest == last.digest
    broken = subprocess.run(
        [*command, "-"], input="{}", capture_output=True, text=True, timeout=60, check=False
    )
    assert broken.returncode == 1
    assert isinstance(from_json(broken.stdout), Failed)
