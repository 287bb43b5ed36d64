"""The calls that were made to a service, latest last."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from odh_oci_widgets.oci.errors import OdhOciError

if TYPE_CHECKING:
    import pandas as pd

#: How many calls are kept
KEPT = 500


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call: when, what kind (`complete`, `chat`, `classify`, `infer`), what was asked and what came back.

    `asked` is the prompt, the turns, or a text about the pictures; `answer` a Completion, Predictions, or
    shapes of arrays; None when `error` says why there is none.

    >>> from odh_oci_widgets.inference import Call
    >>> from datetime import UTC, datetime
    >>> call = Call(when=datetime.now(UTC), kind="complete", asked="Once upon a time", seconds=0.5)
    >>> call.kind, call.error is None
    ('complete', True)
    """

    when: datetime
    kind: str
    asked: Any
    answer: Any = None
    error: str | None = None
    seconds: float


@dataclass
class Calls:
    """The last calls; iterate, index, or make a table of them.

    >>> from odh_oci_widgets.inference import Calls
    >>> list(Calls())
    []
    """

    _calls: deque[Call] = field(default_factory=lambda: deque(maxlen=KEPT))

    def add(self, call: Call) -> None:
        """Keep a call."""
        self._calls.append(call)

    def clear(self) -> None:
        """Forget all calls."""
        self._calls.clear()

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[Call]:
        return iter(tuple(self._calls))

    def __getitem__(self, index: int) -> Call:
        return self._calls[index]

    def rows(self) -> list[dict[str, Any]]:
        """One flat row for each call; text, tokens, and the best class stand in columns of their own."""
        return [_row(call) for call in self]

    def to_dataframe(self) -> pd.DataFrame:
        """The rows as a pandas DataFrame. Raises OdhOciError where pandas is not installed.

        >>> Calls().to_dataframe().empty
        True
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise OdhOciError(
                "pandas is not installed.", hint="`pip install pandas`, or use `calls.rows()`."
            ) from error
        return pd.DataFrame(self.rows())


def _row(call: Call) -> dict[str, Any]:
    row: dict[str, Any] = {
        name: getattr(call, name) for name in ("when", "kind", "asked", "seconds", "error")
    }
    if dataclasses.is_dataclass(call.answer) and not isinstance(call.answer, type):
        row |= {name: value for name, value in dataclasses.asdict(call.answer).items() if name != "seconds"}
    elif call.kind == "classify" and call.answer:
        first = call.answer[0][0]
        row |= {"pictures": len(call.answer), "label": first.label, "probability": first.probability}
    elif call.answer is not None:
        row["answer"] = call.answer
    return row
