"""HTML and style of the widgets: escaped, named, and in the theme's colours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from odh_oci_widgets.oci.errors import OdhOciError
from odh_oci_widgets.widgets import html, snippets
from odh_oci_widgets.widgets.flow import DeploySpec, ImageSpec

ROOM = Path(html.__file__).parent
EVIL = "<img src=x onerror=alert(1)>\"'&"


@pytest.mark.parametrize(
    "made",
    [
        html.heading(EVIL, EVIL),
        html.status(EVIL),
        html.alert(OdhOciError(EVIL, hint=EVIL)),
        html.warning(EVIL),
        html.progress_bar(EVIL, 0.5, EVIL, state=EVIL),
        html.meter(EVIL, 0.5, EVIL),
        html.facts({EVIL: EVIL}),
        html.table(EVIL, (EVIL,), [(EVIL,)]),
        html.code(EVIL, EVIL),
        html.log([EVIL]),
        html.link(EVIL, f"https://example.com/{EVIL}"),
        html.badge(EVIL, EVIL),
        html.section(EVIL),
        html.answer(EVIL, EVIL),
        html.pictures([(EVIL, "")]),
        html.classified(EVIL, "", [(EVIL, 0.5)]),
    ],
)
def test_every_foreign_string_is_escaped(made):
    assert isinstance(made, html.Html)
    assert "<img" not in made
    assert "'" not in made.replace("&#x27;", "")


def test_a_link_that_is_no_web_address_stays_text():
    assert "href" not in html.link("click", "javascript:alert(1)")
    assert "src" not in html.pictures([("a.png", "javascript:alert(1)")])


def test_progress_has_a_role_a_name_and_words():
    bar = html.progress_bar("model.onnx", 0.251, "2 of 8 MiB")
    for part in (
        'role="progressbar"',
        'aria-label="model.onnx"',
        'aria-valuenow="25.1"',
        'aria-valuetext="2 of 8 MiB"',
    ):
        assert part in bar


def test_progress_stays_between_nothing_and_all():
    assert 'aria-valuenow="100.0"' in html.progress_bar("x", 1.7, "")
    assert 'aria-valuenow="0.0"' in html.progress_bar("x", -1, "")


def test_colours_come_from_the_theme():
    for path in (*ROOM.glob("*.py"), *ROOM.glob("*.css")):
        text = path.read_text()
        literal = re.findall(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl)a?\(", text)
        named = re.findall(
            r"(?:color|background|border[a-z-]*):[^;]*\b(?:red|green|blue|white|black|gr[ae]y)\b", text
        )
        assert not literal + named, path.name


def test_only_one_module_makes_html():
    for path in ROOM.glob("*.py"):
        if path.name != "html.py":
            assert not re.search(r"[\"']</?(div|span|p|pre|table|b|img|a|code|style)\b", path.read_text()), (
                path.name
            )


def test_shown_python_is_python():
    spec = ImageSpec(image="quay.io/me/it's:1", base="embedded", insecure=True, versioned=True)
    for text in (
        snippets.open_model('folder with "quotes"', ("*.json",), ("*.md",), token=""),
        snippets.open_model("hf://a/b", (), (), token="hf-token/HF_TOKEN"),
        snippets.build(spec, logins=[("quay.io", "me")], token=""),
        snippets.build(spec, token="hf-token"),
        snippets.deploy(
            DeploySpec(image="quay.io/me/a:1", name="a", target="project", gpu=1, args=("--dtype=half",))
        ),
    ):
        compile(text, "shown", "exec")
