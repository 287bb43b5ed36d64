"""HTTP headers of registries and hubs, read leniently: what cannot be understood is None or left out, never an error.

>>> parse_challenges('Bearer realm="https://quay.io/v2/auth",service="quay.io", Basic realm="x"')[0].scheme
'bearer'
>>> parse_range("bytes=0-1023")
(0, 1023)
"""

from __future__ import annotations

import email.utils
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110's word for it
_SCHEME = re.compile(rf"\s*({_TOKEN})(?=\s|,|$)(?!\s*=)")
_PARAMETER = re.compile(rf'\s*({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|([^\s,"]*))', re.DOTALL)
_TOKEN68 = re.compile(r"\s*[A-Za-z0-9._~+/-]+=*\s*(?=,|$)")
_RANGE = re.compile(r"\s*(?:bytes)?\s*=?\s*([0-9]{1,19})\s*-\s*([0-9]{1,19})\s*", re.IGNORECASE)
_CONTENT_RANGE = re.compile(
    r"\s*(?:bytes)?[ =:]*(?:([0-9]{1,19})\s*-\s*([0-9]{1,19})|\*)\s*(?:/\s*([0-9]{1,19}|\*))?\s*",
    re.IGNORECASE,
)
_LINK = re.compile(r'<([^>]*)>((?:[^,"]|"(?:[^"\\]|\\.)*")*)')


@dataclass(frozen=True)
class Challenge:
    """One way to authenticate that a server offers: `scheme` in lowercase, parameter names in lowercase."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ContentRange:
    """`Content-Range`: first and last byte (None for `*`, the 416 form), and the total where it is known."""

    start: int | None
    end: int | None
    total: int | None


def parse_challenges(value: str | None) -> tuple[Challenge, ...]:
    """The challenges of a `WWW-Authenticate` header, in order; several headers may stand joined by a comma."""
    text, at, found = value or "", 0, list[Challenge]()
    parameters: dict[str, str] = {}
    while at < len(text):
        if match := _PARAMETER.match(text, at):
            name, quoted, bare = match.groups()
            plain = re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL) if quoted is not None else bare
            parameters.setdefault(name.lower(), plain)
        elif match := _SCHEME.match(text, at):
            parameters = {}
            found.append(Challenge(match[1].lower(), parameters))
            if (blob := _TOKEN68.match(text, match.end())) and text[match.end()].isspace():
                match = blob  # `Negotiate YII…`: one opaque word instead of parameters
        at = max(match.end(), at + 1) if match else at + 1
    return tuple(found)


def parse_range(value: str | None) -> tuple[int, int] | None:
    """First and last number of an upload's `Range` header (`0-N`, `bytes=0-N`); None where it is no range.

    What N means depends on who says it: the last byte received by the specification, the number of bytes
    received at Quay; and docker-registry says `0-0` for none as well as for one. The caller decides.
    """
    match = _RANGE.fullmatch(value or "")
    if not match:
        return None
    start, end = int(match[1]), int(match[2])
    return (start, end) if start <= end else None


def parse_content_range(value: str | None) -> ContentRange | None:
    """`bytes 0-99/1000`, `bytes */1000`, `bytes 0-99/*`, also without the unit; None where it is no range."""
    match = _CONTENT_RANGE.fullmatch(value or "")
    if not match or not (value or "").strip():
        return None
    start, end = (int(match[1]), int(match[2])) if match[1] else (None, None)
    total = int(match[3]) if match[3] and match[3] != "*" else None
    if (start is not None and end is not None and start > end) or (start is None and total is None):
        return None
    return ContentRange(start, end, total)


def parse_retry_after(value: str | None, *, now: float) -> float | None:
    """Seconds to wait, from seconds or an HTTP date; `now` is the time since the epoch. None where it says nothing."""
    text = (value or "").strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(text).timestamp() - now
        except (ValueError, TypeError, IndexError, OverflowError, OSError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def parse_link(value: str | None) -> dict[str, str]:
    """Relation -> target of a `Link` header: `</v2/a/tags/list?last=x>; rel="next"` gives `{"next": "/v2/…"}`."""
    links: dict[str, str] = {}
    for target, attributes in _LINK.findall(value or ""):
        for name, quoted, bare in _PARAMETER.findall(attributes):
            if name.lower() == "rel":
                for relation in (quoted or bare).lower().split():
                    links.setdefault(relation, target)
    return links
