"""Image references: the grammar of distribution/reference, with the registry said."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odh_oci_widgets.oci.errors import ReferenceInvalid
from odh_oci_widgets.oci.reference import LayoutReference, Reference, parse_image

DIGEST = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest"),
    [
        ("quay.io/me/granite:1", "quay.io", "me/granite", "1", None),
        ("quay.io/granite", "quay.io", "granite", None, None),
        ("localhost/a", "localhost", "a", None, None),
        ("localhost:5000/a/b/c__d.e--f", "localhost:5000", "a/b/c__d.e--f", None, None),
        ("[::1]:5000/a:b", "[::1]:5000", "a", "b", None),
        ("10.0.0.1/a:b", "10.0.0.1", "a", "b", None),
        (f"quay.io/me/m:1@{DIGEST}", "quay.io", "me/m", "1", DIGEST),
        (f"quay.io/me/m@{DIGEST}", "quay.io", "me/m", None, DIGEST),
        ("docker.io/busybox", "docker.io", "library/busybox", None, None),
        ("index.docker.io/me/busybox:1", "docker.io", "me/busybox", "1", None),
        ("docker://quay.io/me/m", "quay.io", "me/m", None, None),
        ("oci://quay.io/me/m:1", "quay.io", "me/m", "1", None),
        (
            "image-registry.openshift-image-registry.svc:5000/p/m",
            "image-registry.openshift-image-registry.svc:5000",
            "p/m",
            None,
            None,
        ),
        ("  quay.io/a/b:1\n", "quay.io", "a/b", "1", None),
        ("quay.io/" + "a" * 255, "quay.io", "a" * 255, None, None),
        ("quay.io/a:" + "t" * 128, "quay.io", "a", "t" * 128, None),
    ],
)
def test_a_reference_is_taken_apart(text, registry, repository, tag, digest):
    assert Reference.parse(text) == Reference(registry, repository, tag, digest)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not an image reference"),
        ("granite", "quay.io/me/granite"),
        ("me/granite:1", "quay.io/me/granite:1"),
        ("https://quay.io/me/m", "Leave out `https://`"),
        ("quay.io/Me/m", "A repository is lowercase: `me/m`"),
        ("quay.io/", "names no repository"),
        ("quay.io/a//b", "not the name of a repository"),
        ("quay.io/a/../b", "not the name of a repository"),
        ("quay.io/a_-b", "not the name of a repository"),
        ("quay.io/a b", "not the name of a repository"),
        ("quay.io/a:", "not a tag"),
        ("quay.io/a:-x", "not a tag"),
        ("quay.io/a:x/y", "not a tag"),
        ("quay.io/a:" + "t" * 129, "not a tag"),
        ("quay.io/" + "a" * 256, "256 characters"),
        ("quay.io/a@sha256:12", "not a digest"),
        (f"quay.io/a@{DIGEST.upper()}", "not a digest"),
        ("quay.io/a@md5:" + "0" * 32, "not a digest"),
        ("quay.io:0/a", "not a port"),
        ("quay.io:65536/a", "not a port"),
        ("quay.io:/a", "not the name of a registry"),
        ("[::1/a", "not the name of a registry"),
        ("-quay.io/a", "not the name of a registry"),
        ("user:pw@quay.io/a", "not a digest"),
    ],
)
def test_what_is_no_reference_is_refused_with_a_hint(text, says):
    with pytest.raises(ReferenceInvalid) as caught:
        Reference.parse(text)
    assert says in str(caught.value)
    assert caught.value.hint


def test_docker_hub_speaks_at_another_host():
    assert Reference.parse("docker.io/busybox").api_host == "registry-1.docker.io"
    assert Reference.parse("quay.io/me/m").api_host == "quay.io"


def test_an_identifier_prefers_the_digest():
    assert Reference.parse("quay.io/m").identifier == "latest"
    assert Reference.parse("quay.io/m:1").identifier == "1"
    assert Reference.parse(f"quay.io/m:1@{DIGEST}").identifier == DIGEST


@pytest.mark.parametrize(
    ("text", "path", "tag"),
    [
        ("oci:/tmp/x", "/tmp/x", None),
        ("oci:x/y:v1", "x/y", "v1"),
        ("oci:/tmp/x:quay.io/me/m:1", "/tmp/x", "quay.io/me/m:1"),
        ("oci:./with space:v1", "with space", "v1"),
    ],
)
def test_a_layout_is_a_path_and_perhaps_a_tag(text, path, tag):
    assert parse_image(text) == LayoutReference(Path(path), tag)


def test_the_home_of_a_layout_is_the_users(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert LayoutReference.parse("oci:~/m").path == tmp_path / "m"


@pytest.mark.parametrize("text", ["oci:", "oci::v1", "oci:/tmp/x:", "oci:/tmp/x:-v", "oci:/tmp/x:a b"])
def test_what_is_no_layout_is_refused_with_a_hint(text):
    with pytest.raises(ReferenceInvalid) as caught:
        parse_image(text)
    assert caught.value.hint


alnum = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=6)
hosts = st.one_of(
    st.builds(lambda a, b: f"{a}.{b}", alnum, alnum),
    st.just("localhost"),
    st.sampled_from(["[::1]", "[fd00::12]"]),
)
registries = st.one_of(hosts, st.builds(lambda h, p: f"{h}:{p}", hosts, st.integers(1, 65535)))
components = (
    st.builds(lambda a, s, b: a + s + b, alnum, st.sampled_from([".", "_", "__", "-", "---"]), alnum) | alnum
)
repositories = st.lists(components, min_size=1, max_size=4).map("/".join)
tags = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)
digests = st.from_regex(r"sha256:[a-f0-9]{64}", fullmatch=True)


@given(registries, repositories, st.none() | tags, st.none() | digests)
def test_every_reference_survives_text(registry, repository, tag, digest):
    reference = Reference(registry, repository, tag, digest)
    assert parse_image(str(reference)) == reference


@given(st.text(max_size=60) | st.from_regex(r"[a-z.:/@\[\]-]{0,40}", fullmatch=True))
def test_any_text_is_a_reference_or_refused(text):
    try:
        image = parse_image(text)
    except ReferenceInvalid as error:
        assert error.hint  # noqa: PT017
    else:
        assert parse_image(str(image)) == image
