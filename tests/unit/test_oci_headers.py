"""Headers of registries: read leniently, never an exception."""

from __future__ import annotations

import email.utils

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odh_oci_widgets.oci.headers import (
    Challenge,
    ContentRange,
    parse_challenges,
    parse_content_range,
    parse_link,
    parse_range,
    parse_retry_after,
)


@pytest.mark.parametrize(
    ("value", "challenges"),
    [
        (None, []),
        ("", []),
        ("Basic", [("basic", {})]),
        ('Basic realm="Registry, with a comma"', [("basic", {"realm": "Registry, with a comma"})]),
        (
            'Bearer realm="https://auth/token?a=b",service="reg",scope="repository:a/b:pull,push"',
            [
                (
                    "bearer",
                    {
                        "realm": "https://auth/token?a=b",
                        "service": "reg",
                        "scope": "repository:a/b:pull,push",
                    },
                )
            ],
        ),
        (
            "BEARER Realm=https://auth/token , Service=reg",
            [("bearer", {"realm": "https://auth/token", "service": "reg"})],
        ),
        (
            'Bearer realm = "x" , error="invalid_token"',
            [("bearer", {"realm": "x", "error": "invalid_token"})],
        ),
        (
            'Bearer realm="https://a", Basic realm="b"',
            [("bearer", {"realm": "https://a"}), ("basic", {"realm": "b"})],
        ),
        ("Negotiate, Basic realm=b", [("negotiate", {}), ("basic", {"realm": "b"})]),
        ("Negotiate YIIabc==, Basic realm=b", [("negotiate", {}), ("basic", {"realm": "b"})]),
        (r'Basic realm="a \"quoted\" word"', [("basic", {"realm": 'a "quoted" word'})]),
        ('Bearer realm="never closed', [("bearer", {"realm": "never closed"})]),
        ('realm="of nobody", Basic realm=b', [("basic", {"realm": "b"})]),
    ],
)
def test_challenges(value, challenges):
    assert parse_challenges(value) == tuple(Challenge(*challenge) for challenge in challenges)


schemes = st.sampled_from(["bearer", "basic", "negotiate", "digest"])
names = st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True)


@given(st.lists(st.tuples(schemes, st.dictionaries(names, st.text(max_size=20), max_size=4)), max_size=4))
def test_challenges_survive_text(challenges):
    def quoted(text):
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    header = ", ".join(
        " ".join([scheme, ",".join(f"{name}={quoted(value)}" for name, value in parameters.items())]).strip()
        for scheme, parameters in challenges
    )
    assert parse_challenges(header) == tuple(Challenge(*challenge) for challenge in challenges)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0-1023", (0, 1023)),
        ("bytes=0-1023", (0, 1023)),
        ("bytes 0-1023", (0, 1023)),
        (" BYTES = 0 - 7 ", (0, 7)),
        ("0-0", (0, 0)),
        ("5-4", None),
        ("0-", None),
        ("-5", None),
        ("0-5,7-9", None),
        ("", None),
        (None, None),
        ("٣-٤", None),
    ],
)
def test_range_of_an_upload(value, expected):
    assert parse_range(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("bytes 0-99/1000", ContentRange(0, 99, 1000)),
        ("bytes 0-99/*", ContentRange(0, 99, None)),
        ("bytes */1000", ContentRange(None, None, 1000)),
        ("0-99", ContentRange(0, 99, None)),
        ("bytes=0-99/100", ContentRange(0, 99, 100)),
        ("bytes 9-0/10", None),
        ("bytes */*", None),
        ("bytes", None),
        ("", None),
        (None, None),
    ],
)
def test_content_range(value, expected):
    assert parse_content_range(value) == expected


NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        (email.utils.formatdate(NOW + 90, usegmt=True), 90.0),
        (email.utils.formatdate(NOW - 90, usegmt=True), 0.0),
        ("inf", None),
        ("nan", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after(value, expected):
    assert parse_retry_after(value, now=NOW) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('</v2/a/tags/list?last=b&n=2>; rel="next"', {"next": "/v2/a/tags/list?last=b&n=2"}),
        ('<a>; rel=prev, <b,c>; title="x, y"; rel=next', {"prev": "a", "next": "b,c"}),
        ('<a>; rel="next last"', {"next": "a", "last": "a"}),
        ("<a>", {}),
        ("nonsense", {}),
        (None, {}),
    ],
)
def test_link(value, expected):
    assert parse_link(value) == expected


@given(st.text(max_size=80) | st.from_regex(r'[a-zA-Z0-9=",<>;:/\\ *-]{0,80}', fullmatch=True))
def test_no_header_raises(value):
    parse_challenges(value)
    parse_link(value)
    parse_range(value)
    parse_content_range(value)
    seconds = parse_retry_after(value, now=NOW)
    assert seconds is None or seconds >= 0


SPACES = st.text(" \t", max_size=2)
SIZES = st.integers(0, 2**60)


@given(SIZES, SIZES, st.sampled_from(["", "bytes=", "bytes ", "Bytes = "]), SPACES, SPACES)
def test_every_range_is_understood(start, size, unit, before, after):
    assert parse_range(f"{before}{unit}{start}{before}-{after}{start + size}{after}") == (start, start + size)


@given(SIZES, SIZES, st.none() | SIZES, st.sampled_from(["bytes ", "bytes=", ""]))
def test_every_content_range_is_understood(start, size, rest, unit):
    end = start + size
    total = None if rest is None else end + 1 + rest
    given_range = f"{unit}{start}-{end}/{'*' if total is None else total}"
    assert parse_content_range(given_range) == ContentRange(start, end, total)


@given(st.integers(0, 10**9))
def test_every_wait_is_understood_as_seconds_or_as_a_date(seconds):
    assert parse_retry_after(str(seconds), now=NOW) == seconds
    assert parse_retry_after(email.utils.formatdate(NOW + seconds, usegmt=True), now=NOW) == seconds
