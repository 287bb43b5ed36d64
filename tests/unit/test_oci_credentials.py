"""Registry credentials: the lookup order of containers/image and Docker, helpers, and what must never be shown."""

from __future__ import annotations

import base64
import json
import os
import time
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odh_oci_widgets.oci import credential_helper
from odh_oci_widgets.oci.credentials import Credential, Credentials
from odh_oci_widgets.oci.errors import CredentialsInvalid

SECRET = "s3cr3t-V4lue"


def auth(username, password=SECRET):
    return {"auth": base64.b64encode(f"{username}:{password}".encode()).decode()}


def auths(**users):
    """`quay_io="me"` is an entry for quay.io."""
    return {"auths": {host.replace("_", "."): auth(user) for host, user in users.items()}}


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.fixture
def environ(tmp_path):
    (tmp_path / "bin").mkdir()
    return {
        "HOME": str(tmp_path / "home"),
        "XDG_RUNTIME_DIR": str(tmp_path / "run"),
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin",
    }


@pytest.fixture
def helper(tmp_path, environ):
    """Installs `docker-credential-NAME`, a shell script."""

    def install(name, script):
        path = write(tmp_path / "bin" / f"docker-credential-{name}", f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    return install


def user(environ, registry="quay.io", repository="me/granite", **options):
    found = Credentials(environ=environ, **options).find(registry, repository)
    return found and found.username


def test_without_any_source_we_are_anonymous(environ):
    assert Credentials(environ=environ).find("quay.io", "me/granite") is None


def test_sources_in_order(tmp_path, environ):
    """Each new source, better than the last, wins."""
    environ[".dockerconfigjson"] = json.dumps(auths(quay_io="connection"))
    assert user(environ) == "connection"
    write(tmp_path / "home/.dockercfg", auths(quay_io="dockercfg")["auths"])
    assert user(environ) == "dockercfg"
    write(tmp_path / "home/.docker/config.json", auths(quay_io="docker"))
    assert user(environ) == "docker"
    write(tmp_path / "docker/config.json", auths(quay_io="docker-config"))
    assert user(environ | {"DOCKER_CONFIG": str(tmp_path / "docker")}) == "docker-config"
    write(tmp_path / "home/.config/containers/auth.json", auths(quay_io="config"))
    assert user(environ) == "config"
    write(tmp_path / "xdg/containers/auth.json", auths(quay_io="xdg"))
    assert user(environ | {"XDG_CONFIG_HOME": str(tmp_path / "xdg")}) == "xdg"
    write(tmp_path / "run/containers/auth.json", auths(quay_io="runtime"))
    assert user(environ) == "runtime"
    environ["REGISTRY_AUTH_FILE"] = str(write(tmp_path / "only.json", auths(quay_io="only")))
    assert user(environ) == "only"
    authfile = write(tmp_path / "option.json", auths(quay_io="option"))
    assert user(environ, authfile=authfile) == "option"
    assert user(environ, explicit={"quay.io": Credential("explicit", SECRET)}) == "explicit"


def test_a_named_auth_file_is_the_only_one(tmp_path, environ):
    write(tmp_path / "run/containers/auth.json", auths(quay_io="runtime"))
    environ["REGISTRY_AUTH_FILE"] = str(write(tmp_path / "only.json", auths(other_io="only")))
    assert user(environ) is None


def test_a_named_auth_file_must_exist(tmp_path, environ):
    environ["REGISTRY_AUTH_FILE"] = str(tmp_path / "absent.json")
    with pytest.raises(CredentialsInvalid, match=r"absent\.json"):
        user(environ)


def test_a_source_that_does_not_know_the_registry_is_passed_over(tmp_path, environ):
    write(tmp_path / "run/containers/auth.json", {"auths": {"other.io": auth("other"), "quay.io": {}}})
    write(tmp_path / "home/.docker/config.json", auths(quay_io="docker"))
    assert user(environ) == "docker"


@pytest.mark.parametrize(
    ("repository", "expected"),
    [
        ("me/granite", "repository"),
        ("me/other", "namespace"),
        ("you/granite", "host"),
        ("me2/granite", "host"),
    ],
)
def test_the_most_specific_key_wins(tmp_path, environ, repository, expected):
    entries = {
        "quay.io": auth("host"),
        "quay.io/me": auth("namespace"),
        "quay.io/me/granite": auth("repository"),
    }
    write(tmp_path / "run/containers/auth.json", {"auths": entries})
    assert user(environ, repository=repository) == expected


@pytest.mark.parametrize(
    "key", ["docker.io", "index.docker.io", "https://index.docker.io/v1/", "registry-1.docker.io"]
)
@pytest.mark.parametrize("registry", ["docker.io", "registry-1.docker.io"])
def test_docker_hub_has_many_names(tmp_path, environ, key, registry):
    write(tmp_path / "home/.docker/config.json", {"auths": {key: auth("hub")}})
    assert user(environ, registry, "library/busybox") == "hub"


@pytest.mark.parametrize("key", ["https://quay.io", "https://quay.io/v2/", "http://quay.io/"])
def test_keys_may_be_urls(tmp_path, environ, key):
    write(tmp_path / "home/.docker/config.json", {"auths": {key: auth("url")}})
    assert user(environ) == "url"


def test_the_port_belongs_to_the_registry(tmp_path, environ):
    write(tmp_path / "home/.docker/config.json", {"auths": {"localhost:5000": auth("five")}})
    assert user(environ, "localhost:5000", "a") == "five"
    assert user(environ, "localhost:5001", "a") is None


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (auth("me", "with:colon"), Credential("me", "with:colon")),
        (auth("me", "padded\0\0"), Credential("me", "padded")),
        (auth("ü", "ß"), Credential("ü", "ß")),
        ({"username": "me", "password": "x"}, Credential("me", "x")),
        ({"username": "old", "password": "old"} | auth("me", "x"), Credential("me", "x")),
        ({"identitytoken": "t"}, Credential("", "", "t")),
        (auth("me", "") | {"identitytoken": "t"}, Credential("me", "", "t")),
        ({}, None),
        ({"auth": ""}, None),
        ({"email": "a@b"}, None),
    ],
)
def test_entries(tmp_path, environ, entry, expected):
    write(tmp_path / "home/.docker/config.json", {"auths": {"quay.io": entry}})
    assert Credentials(environ=environ).find("quay.io", "me/granite") == expected


@pytest.mark.parametrize(
    "content",
    [
        f'{{"auths": {{"quay.io": {{"auth": "{SECRET}"',
        f'["{SECRET}"]',
        f'{{"auths": "{SECRET}"}}',
        f'{{"auths": {{"quay.io": "{SECRET}"}}}}',
        f'{{"auths": {{"quay.io": {{"auth": "{SECRET}"}}}}}}',
        f'{{"auths": {{"quay.io": {{"auth": "{base64.b64encode(SECRET.encode()).decode()}"}}}}}}',
        f'{{"auths": {{"quay.io": {{"username": "me", "password": ["{SECRET}"]}}}}}}',
        f'{{"credHelpers": ["{SECRET}"]}}',
        f'{{"credHelpers": {{"quay.io": "../{SECRET}"}}}}',
    ],
)
def test_a_malformed_file_is_named_and_never_quoted(tmp_path, environ, content):
    path = write(tmp_path / "home/.docker/config.json", content)
    with pytest.raises(CredentialsInvalid) as caught:
        user(environ)
    assert str(path) in str(caught.value)
    assert caught.value.hint
    assert_hidden(caught.value)


def assert_hidden(error):
    """Neither the message nor anything a traceback or a debugger's view of its causes shows holds the secret."""
    encoded = base64.b64encode(SECRET.encode()).decode()
    seen = error
    while seen is not None:
        for text in (str(seen), repr(seen), repr(vars(seen))):
            assert SECRET not in text
            assert encoded not in text
        seen = seen.__cause__ or seen.__context__
    assert SECRET not in "".join(traceback.format_exception(error))


def test_an_empty_file_is_no_source(tmp_path, environ):
    write(tmp_path / "home/.docker/config.json", "\n")
    assert user(environ) is None


def test_a_helper_is_asked_for_its_registry_only(tmp_path, environ, helper):
    helper(
        "vault",
        f"""read server; echo "{{\\"Username\\": \\"at-$server\\", \\"Secret\\": \\"{SECRET}\\"}}" """,
    )
    config = {"credHelpers": {"quay.io": "vault"}, "auths": {"other.io": auth("inline")}}
    write(tmp_path / "home/.docker/config.json", config)
    assert Credentials(environ=environ).find("quay.io", "me/granite") == Credential("at-quay.io", SECRET)
    assert user(environ, "other.io") == "inline"


def test_the_general_store_is_asked_when_no_entry_is_inline(tmp_path, environ, helper):
    helper(
        "store",
        f"""read server; echo "{{\\"Username\\": \\"at-$server\\", \\"Secret\\": \\"{SECRET}\\"}}" """,
    )
    config = {"credsStore": "store", "auths": {"quay.io": auth("inline"), "docker.io": {}}}
    write(tmp_path / "home/.docker/config.json", config)
    assert user(environ) == "inline"
    assert user(environ, "docker.io", "library/busybox") == "at-https://index.docker.io/v1/"


def test_a_helper_may_hold_an_identity_token(tmp_path, environ, helper):
    helper("acr", f"""cat > /dev/null; echo '{{"Username": "<token>", "Secret": "{SECRET}"}}'""")
    write(tmp_path / "home/.docker/config.json", {"credsStore": "acr"})
    assert Credentials(environ=environ).find("quay.io", "me/granite") == Credential("", "", SECRET)


def test_a_helper_that_does_not_know_the_server_is_passed_over(tmp_path, environ, helper):
    helper("vault", "echo 'credentials not found in native keychain'; exit 1")
    write(tmp_path / "run/containers/auth.json", {"credHelpers": {"quay.io": "vault"}, "credsStore": "vault"})
    write(tmp_path / "home/.docker/config.json", auths(quay_io="docker"))
    assert user(environ) == "docker"


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (f"echo {SECRET} >&2; echo {SECRET}; exit 3", "exit status 3"),
        (f"cat > /dev/null; echo '{SECRET}'", "not JSON"),
        (None, "not installed"),
    ],
)
def test_a_helper_that_fails_is_named_and_never_quoted(tmp_path, environ, helper, script, says):
    if script:
        helper("vault", script)
    write(tmp_path / "home/.docker/config.json", {"credHelpers": {"quay.io": "vault"}})
    with pytest.raises(CredentialsInvalid, match=says) as caught:
        user(environ)
    assert "docker-credential-vault" in str(caught.value)
    assert caught.value.hint
    assert_hidden(caught.value)


def test_a_helper_that_hangs_is_ended_with_its_children(environ, helper):
    helper("slow", "sleep 60")
    start = time.monotonic()
    with pytest.raises(CredentialsInvalid, match="gave no answer"):
        credential_helper.ask_helper("slow", "quay.io", named_in="a test", environ=environ, timeout=0.3)
    assert time.monotonic() - start < 10


def test_a_store_of_another_machine_does_not_hinder(tmp_path, environ):
    """Docker Desktop's configuration copied into a workbench names a store that is not there."""
    write(tmp_path / "run/containers/auth.json", {"credsStore": "desktop", "auths": {"docker.io": {}}})
    assert user(environ) is None
    write(tmp_path / "home/.docker/config.json", auths(quay_io="docker", docker_io="docker"))
    assert user(environ) == "docker"
    assert user(environ, "docker.io", "me/m") == "docker"


def test_a_store_that_should_know_the_registry_and_is_missing_is_said(tmp_path, environ):
    write(tmp_path / "home/.docker/config.json", {"credsStore": "desktop", "auths": {"quay.io": {}}})
    with pytest.raises(CredentialsInvalid, match=r"docker-credential-desktop.*not installed"):
        user(environ)


def test_a_repr_shows_no_secret():
    credential = Credential("me", SECRET, SECRET)
    credentials = Credentials({"quay.io": credential}, environ={".dockerconfigjson": SECRET})
    assert SECRET not in f"{credential} {credential!r} {credentials} {credentials!r}"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["auths", "auth", "quay.io", "username", "password", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_any_json_gives_a_credential_none_or_a_clear_error(content):
    environ = {
        ".dockerconfigjson": json.dumps({"auths": content}),
        "HOME": "/nonexistent",
        "XDG_RUNTIME_DIR": "/nonexistent",
    }
    try:
        found = Credentials(environ=environ).find("quay.io", "me/granite")
    except CredentialsInvalid as error:
        assert error.hint  # noqa: PT017
    else:
        assert found is None or isinstance(found, Credential)


@given(
    st.text(st.characters(exclude_characters=":\0", exclude_categories=["Cs"]), min_size=1),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1),
)
def test_every_pair_survives_base64(username, password):
    environ = {
        ".dockerconfigjson": json.dumps({"auths": {"quay.io": auth(username, password)}}),
        "HOME": "/nonexistent",
        "XDG_RUNTIME_DIR": "/nonexistent",
    }
    assert Credentials(environ=environ).find("quay.io", "a") == Credential(username, password)
