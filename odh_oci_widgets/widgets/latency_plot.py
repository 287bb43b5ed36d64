"""How long calls took, as a picture and as a table that says the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import html

if TYPE_CHECKING:
    from odh_oci_widgets.inference import Measurement

WIDTH, HEIGHT, BINS = 640, 160, 24
_LEFT, _BOTTOM, _TOP = 34, 22, 14
SHARES = (50, 95)


def plot(found: Measurement) -> html.Html:
    """How many calls took how long, with lines at the half and at 95 %; empty without a successful call."""
    if not found.latencies:
        return html.EMPTY
    low, high = min(found.latencies), max(found.latencies)
    width = (high - low) or high or 1e-3
    counts = [0] * BINS
    for seconds in found.latencies:
        counts[min(int((seconds - low) / width * BINS), BINS - 1)] += 1
    most = max(counts)
    floor, room = HEIGHT - _BOTTOM, HEIGHT - _BOTTOM - _TOP
    step = (WIDTH - _LEFT) / BINS
    bars = [
        html.element(
            "rect",
            x=round(_LEFT + at * step + 1, 1),
            y=round(floor - room * count / most, 1),
            width=round(step - 2, 1),
            height=round(room * count / most, 1),
            class_="odh-oci-plot-bar",
        )
        for at, count in enumerate(counts)
        if count
    ]
    lines = []
    for share in SHARES:
        value = found.percentile(share) or 0.0
        x = round(_LEFT + (value - low) / width * (WIDTH - _LEFT), 1)
        lines.append(html.element("line", x1=x, x2=x, y1=_TOP - 4, y2=floor, class_="odh-oci-plot-line"))
        lines.append(_text(x, _TOP - 5, f"{share} %", "middle" if x < WIDTH - 20 else "end"))
    axis = [
        html.element("line", x1=_LEFT, x2=WIDTH, y1=floor, y2=floor, class_="odh-oci-plot-axis"),
        _text(_LEFT, HEIGHT - 6, milliseconds(low), "start"),
        _text(WIDTH, HEIGHT - 6, milliseconds(high), "end"),
        _text(_LEFT - 5, _TOP + 4, str(most), "end"),
        _text(_LEFT - 5, floor, "0", "end"),
    ]
    half, most_of_all = (milliseconds(found.percentile(share)) for share in SHARES)
    return html.element(
        "svg",
        *bars,
        *lines,
        *axis,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=f"Calls by how long they took: half within {half}, 95 % within {most_of_all}",
        class_="odh-oci-plot",
    )


def numbers(found: Measurement) -> html.Html:
    """The same in words and numbers, with the errors."""
    told = found.to_dict()
    rows = [("Whole call", *(milliseconds(told["latency"][f"p{share}"]) for share in (50, 90, 95, 99)))]
    if found.first_tokens:
        rows.append(
            ("First token", *(milliseconds(told["first_token"][f"p{share}"]) for share in (50, 90, 95, 99)))
        )
    facts = {
        "Succeeded": f"{len(found.latencies)} of {found.requests}{' (stopped early)' if found.cancelled else ''}",
        "Requests a second": f"{found.requests_per_second:.1f}",
        "Tokens a second": f"{found.tokens_per_second:.1f}" if found.tokens_per_second else "",
    }
    errors = html.table("Errors", ("What", "How many"), [(what, str(n)) for what, n in found.errors.items()])
    return html.join(
        [
            html.facts(facts),
            html.table(
                "Time within which that share of the calls ended",
                ("Of what", "50 %", "90 %", "95 %", "99 %"),
                rows,
            ),
            errors if found.errors else html.EMPTY,
        ]
    )


def milliseconds(seconds: float | None) -> str:
    """`12 ms`, `1.24 s`.

    >>> milliseconds(0.0123), milliseconds(1.239), milliseconds(None)
    ('12.3 ms', '1.24 s', '-')
    """
    if seconds is None:
        return "-"
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{1000 * seconds:.1f} ms" if seconds < 0.1 else f"{1000 * seconds:.0f} ms"


def _text(x: float, y: float, words: str, anchor: str) -> html.Html:
    return html.element("text", words, x=x, y=y, text_anchor=anchor, class_="odh-oci-plot-text")
