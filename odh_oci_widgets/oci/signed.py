"""Signed addresses of S3 storage, and why one is refused."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

from .errors import SignatureExpired, SourceError

#: Statuses with which storages refuse an address: temporary keys that ran out are a 400 of AWS.
REFUSALS = frozenset({400, 401, 403})
#: Enough of the answer to find its code and its message.
ANSWER_BYTES = 2048
#: Every storage says it in words of its own: `Request has expired`, `ExpiredToken`, `The provided token has expired`.
_EXPIRED = re.compile(rb"expired", re.IGNORECASE)


def refused_signature(url: str, query: str, status: int, answer: bytes) -> SourceError:
    """The error for an address that was refused; `query` is its signature, `answer` the storage's words."""
    fields = parse_qs(query)
    temporary = "X-Amz-Security-Token" in fields
    again = "start the build again: it signs anew, and what was sent already is reused."
    if not _EXPIRED.search(answer) and not _over(fields, datetime.now(UTC)):
        ends = " and before they end" if temporary else ""
        return SourceError(
            f"`{url}` is not open to us ({status}).",
            hint=f"Check the keys of the data connection (AWS_*){ends}, and this machine's clock.",
            status=status,
        )
    if temporary:
        return SignatureExpired(
            f"The right to read `{url}` ended: it ends with the temporary keys (AWS_SESSION_TOKEN) it was made with.",
            hint=f"Set new keys, or lasting ones for a long build, and {again}",
            status=status,
        )
    return SignatureExpired(
        f"The right to read `{url}` ended: a signature holds for {_lifetime(fields)}.",
        hint=f"{again[0].upper()}{again[1:]}",
        status=status,
    )


def _over(fields: dict[str, list[str]], now: datetime) -> bool:
    """Whether a signature's own time is over; some storages refuse without a word."""
    try:
        begun = datetime.strptime(fields["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return now >= begun + timedelta(seconds=int(fields["X-Amz-Expires"][0]))
    except (KeyError, ValueError):
        return False


def _lifetime(fields: dict[str, list[str]]) -> str:
    seconds = fields.get("X-Amz-Expires", [""])[0]
    hours = int(seconds) // 3600 if seconds.isdigit() else 0
    return f"{hours // 24} days" if hours >= 48 else f"{hours} hours" if hours > 1 else "a while"
