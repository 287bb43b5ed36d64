"""The only place where HTML is made: every foreign string is escaped, every role and label is set here.

Colours come from the theme alone, through `style.css` and its `var(--jp-…)`.

>>> element("p", "a < b", class_="note")
'<p class="note">a &lt; b</p>'
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files

from odh_oci_widgets.oci.errors import OdhOciError


class Html(str):
    """Text that is HTML already; any other string is escaped before it becomes part of some."""

    __slots__ = ()


EMPTY = Html()
#: Elements that have no content and no closing tag.
_VOID = frozenset({"img", "br"})


def element(tag: str, *content: str, **attributes: str | float | None) -> Html:
    """An element. `class_` is `class`, `aria_label` is `aria-label`; an attribute that is None is left out."""
    head = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Html(f"<{tag}{head}>" if tag in _VOID else f"<{tag}{head}>{join(content)}</{tag}>")


def join(parts: Iterable[str]) -> Html:
    """One after the other; what is not `Html` is escaped."""
    return Html("".join(part if isinstance(part, Html) else escape(part) for part in parts))


@cache
def stylesheet() -> Html:
    """The `<style>` element of all widgets of this package."""
    texts = (
        files(__package__).joinpath(name).read_text("utf-8")
        for name in ("style.css", "model.css", "panel.css")
    )
    return Html(f"<style>{''.join(texts)}</style>")


def heading(title: str, lead: str) -> Html:
    """A step's name with one sentence on what it is for."""
    return element(
        "div",
        element("div", title, class_="odh-oci-title", role="heading", aria_level=3),
        element("div", lead, class_="odh-oci-lead"),
    )


def help_text(text: str) -> Html:
    """A line of help below a field; `code` between backticks."""
    return element("div", _with_code(text), class_="odh-oci-help")


def status(sentence: str, *, busy: bool = False) -> Html:
    """The region that says what goes on; read aloud when it changes."""
    spinner = element("span", class_="odh-oci-spinner", aria_hidden="true") if busy else EMPTY
    return element(
        "div", spinner, element("span", _with_code(sentence)), role="status", class_="odh-oci-status"
    )


def alert(error: OdhOciError | None) -> Html:
    """The region that says what failed and what to do; empty for None."""
    if error is None:
        return EMPTY
    hint = element("div", _with_code(error.hint), class_="odh-oci-hint") if error.hint else EMPTY
    return element(
        "div", element("strong", _with_code(error.message)), hint, role="alert", class_="odh-oci-alert"
    )


def warning(sentence: str) -> Html:
    """A risk the user may take knowingly; empty for an empty sentence."""
    if not sentence:
        return EMPTY
    return element(
        "div", element("strong", "Warning: "), _with_code(sentence), role="note", class_="odh-oci-warning"
    )


def progress_bar(label: str, fraction: float, words: str, *, state: str = "") -> Html:
    """A bar of work, with its name and where it stands in words. `fraction` is 0 to 1; `state` chooses the colour."""
    return _bar("progressbar", label, fraction, words, state)


def meter(label: str, fraction: float, words: str) -> Html:
    """A bar of a result, with its name and its value in words. `fraction` is 0 to 1."""
    return _bar("meter", label, fraction, words, "")


def _bar(role: str, label: str, fraction: float, words: str, state: str) -> Html:
    percent = round(100 * min(max(fraction, 0.0), 1.0), 1)
    bar = element(
        "div",
        element("div", class_="odh-oci-fill", style=f"width:{percent}%"),
        role=role,
        aria_label=label,
        aria_valuemin=0,
        aria_valuemax=100,
        aria_valuenow=percent,
        aria_valuetext=words,
        class_="odh-oci-bar",
    )
    return element(
        "div",
        element("span", label, class_="odh-oci-name", title=label),
        bar,
        element("span", words, class_="odh-oci-words"),
        class_="odh-oci-row",
        data_state=state or None,
    )


def facts(rows: Mapping[str, str]) -> Html:
    """Names and values; a row without a value is left out."""
    return element(
        "dl",
        *(element("div", element("dt", name), element("dd", value)) for name, value in rows.items() if value),
        class_="odh-oci-facts",
    )


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Html:
    """A table; the last column is right-aligned when it holds sizes (class by the style sheet)."""
    return element(
        "div",
        element(
            "table",
            element("caption", caption),
            element("thead", element("tr", *(element("th", name, scope="col") for name in head))),
            element("tbody", *(element("tr", *(element("td", cell) for cell in row)) for row in rows)),
        ),
        class_="odh-oci-table",
        tabindex=0,
        role="region",
        aria_label=caption,
    )


def code(text: str, label: str) -> Html:
    """Program text; a click selects it whole."""
    return element("pre", text, class_="odh-oci-code", tabindex=0, role="region", aria_label=label)


def log(lines: Iterable[str]) -> Html:
    """Log lines, the newest last and in view: the column is reversed, so that it stays scrolled to its end."""
    return element(
        "div",
        element("pre", "\n".join(lines)),
        class_="odh-oci-log",
        role="log",
        aria_label="Log",
        tabindex=0,
    )


def link(text: str, url: str) -> Html:
    """A link that opens beside the notebook; anything but http(s) stays text."""
    if not url.startswith(("https://", "http://")):
        return element("span", text)
    return element("a", text, href=url, target="_blank", rel="noopener noreferrer")


def badge(word: str, kind: str) -> Html:
    """A state as a word in a coloured frame. `kind`: good, bad, busy or plain."""
    return element("span", word, class_="odh-oci-badge", data_kind=kind)


def strip(sentence: str, word: str, kind: str) -> Html:
    """One line on where the user is: a word in a frame (see `badge`) and a sentence."""
    return element("div", badge(word, kind), element("span", _with_code(sentence)), class_="odh-oci-line")


def section(title: str) -> Html:
    """A small heading inside a form."""
    return element("div", title, class_="odh-oci-section", role="heading", aria_level=4)


def answer(prompt: str, text: str) -> Html:
    """A prompt and the text that continues it."""
    return element(
        "div",
        element("div", prompt, class_="odh-oci-prompt"),
        element("div", text, class_="odh-oci-answer"),
        class_="odh-oci-card",
        role="region",
        aria_label="Answer",
        tabindex=0,
    )


def timeline(label: str, moments: Iterable[tuple[str, str, bool]]) -> Html:
    """What happened, one line each: when, what, and whether it is a warning."""
    return element(
        "ol",
        *(
            element(
                "li",
                element("span", when, class_="odh-oci-when"),
                element("span", element("strong", "Warning: ") if warns else EMPTY, text),
                data_kind="bad" if warns else "good",
            )
            for when, text, warns in moments
        ),
        class_="odh-oci-timeline",
        aria_label=label,
    )


def pictures(chosen: Iterable[tuple[str, str]]) -> Html:
    """Small pictures with their names. Each is a name and a data URL; an empty one has no preview."""
    return element(
        "div",
        *(element("figure", _image(name, url), element("figcaption", name)) for name, url in chosen),
        class_="odh-oci-pictures",
    )


def classified(name: str, data_url: str, classes: Iterable[tuple[str, float]]) -> Html:
    """A picture with a bar for each class: label and probability (0 to 1)."""
    bars = [meter(label, probability, f"{probability:.1%}") for label, probability in classes]
    return element(
        "div",
        element("figure", _image(name, data_url), element("figcaption", name)),
        element("div", *bars, class_="odh-oci-classes", role="group", aria_label=f"Classes of {name}"),
        class_="odh-oci-card odh-oci-classified",
    )


def _image(name: str, data_url: str) -> Html:
    if not data_url.startswith("data:image/"):
        return EMPTY
    return element("img", src=data_url, alt=name)


def stack(label: str, parts: Sequence[tuple[str, float, str]], words: str) -> Html:
    """One bar of parts: name, share of the bar (0 to 1) and size in words of each; `words` say what they add up to."""
    said = ", ".join(f"{name} {size}" for name, _, size in parts)
    segments = [
        element("div", class_="odh-oci-part", style=f"width:{round(100 * share, 1)}%", data_part=at)
        for at, (_, share, _) in enumerate(parts)
    ]
    legend = [
        element(
            "span",
            element("span", class_="odh-oci-swatch", data_part=at, aria_hidden="true"),
            f"{name} {size}",
        )
        for at, (name, _, size) in enumerate(parts)
    ]
    return element(
        "div",
        element("strong", words),
        element("div", *segments, class_="odh-oci-bar", role="img", aria_label=f"{label}: {said}. {words}."),
        element("div", *legend, class_="odh-oci-legend", aria_hidden="true"),
        class_="odh-oci-stack",
    )


def notes(sentences: Iterable[str]) -> Html:
    """What is good to know, a line each; `code` between backticks."""
    lines = [_with_code(sentence) for sentence in sentences]
    return element("ul", *(element("li", line) for line in lines), class_="odh-oci-notes") if lines else EMPTY


def _with_code(sentence: str) -> Html:
    # Every second part stood between backticks.
    parts = sentence.split("`")
    return join(element("code", part) if at % 2 else part for at, part in enumerate(parts))


def steps(sentences: Iterable[str]) -> Html:
    """What to do, one after the other."""
    return element("ol", *(element("li", sentence) for sentence in sentences), class_="odh-oci-todo")
