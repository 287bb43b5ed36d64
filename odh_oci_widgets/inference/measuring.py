"""A small load test: what a deployment gives, in percentiles."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from odh_oci_widgets.oci.errors import OdhOciError

from .generation import Prompt, Sampling, TextClient
from .results import Completion
from .tensors import DTYPES
from .v2 import V2Client

#: How soon a cancel is seen while calls wait for the server.
_LOOK_SECONDS = 0.1
#: One call: it takes the event that cancels the measurement, and may return what a language model answered.
Call = Callable[[threading.Event], Completion | None]


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What `requests` calls, `concurrency` at a time, took.

    `latencies` are the seconds of each call that succeeded, in the order of their ends; `first_tokens` the
    seconds to the first piece of text; `errors` counts the sentences of those that failed.

    >>> from odh_oci_widgets.inference import complete, measure
    >>> measurement = measure(lambda cancel: complete(granite_url, "granite", "Once", max_tokens=2), requests=10)
    >>> measurement.requests, measurement.errors
    (10, {})
    """

    requests: int
    concurrency: int
    seconds: float
    latencies: tuple[float, ...]
    first_tokens: tuple[float, ...] = ()
    tokens: int = 0
    errors: Mapping[str, int] = field(default_factory=dict)
    cancelled: bool = False

    def percentile(self, share: float) -> float | None:
        """Seconds within which `share` (0 to 100) per cent of the successful calls ended; None without any.

        >>> Measurement(requests=4, concurrency=1, seconds=1, latencies=(0.4, 0.1, 0.2, 0.3)).percentile(50)
        0.2
        """
        return _percentile(self.latencies, share)

    @property
    def requests_per_second(self) -> float:
        """Successful calls a second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens a second over all calls; None where none were counted."""
        return self.tokens / self.seconds if self.tokens and self.seconds else None

    def to_dict(self) -> dict[str, Any]:
        """For `--json`; times in seconds."""
        shares = (50, 90, 95, 99)
        return {
            "requests": self.requests,
            "concurrency": self.concurrency,
            "succeeded": len(self.latencies),
            "errors": dict(self.errors),
            "cancelled": self.cancelled,
            "seconds": self.seconds,
            "requests_per_second": self.requests_per_second,
            "tokens_per_second": self.tokens_per_second,
            "latency": {f"p{share}": self.percentile(share) for share in shares},
            "first_token": {f"p{share}": _percentile(self.first_tokens, share) for share in shares},
        }


def measure(
    call: Call,
    *,
    requests: int = 50,
    concurrency: int = 4,
    cancel: threading.Event | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Measurement:
    """Make `requests` calls after one that does not count, `concurrency` at a time.

    `cancel` ends it early, also while calls still wait for the server (they are left to their time-outs); what was
    measured until then is returned. `progress(done, requests)` is called after
    each call, from its thread. Raises the error of the first call, which shows whether there is anything to measure.

    >>> from odh_oci_widgets.inference import complete, measure
    >>> call = lambda cancel: complete(granite_url, "granite", "Once upon a time", max_tokens=2)
    >>> measurement = measure(call, requests=8, concurrency=2)
    >>> len(measurement.latencies)
    8
    """
    if requests < 1 or concurrency < 1:
        raise ValueError("requests and concurrency are at least 1")
    cancel = cancel or threading.Event()
    first = _First(call, cancel)
    _wait([first], cancel)
    if first.error is not None:
        raise first.error
    lock = threading.Lock()
    latencies, first_tokens, errors = list[float](), list[float](), Counter[str]()
    started = done = tokens = 0

    def work() -> None:
        nonlocal started, done, tokens
        while True:
            with lock:
                if started >= requests or cancel.is_set():
                    return
                started += 1
            before = time.perf_counter()
            error, answer = "", None
            try:
                answer = call(cancel)
            except OdhOciError as trouble:
                error = trouble.message
            took = time.perf_counter() - before
            with lock:
                if cancel.is_set():
                    return
                done += 1
                now = done
                if error:
                    errors[error] += 1
                else:
                    latencies.append(took)
                if answer is not None:
                    tokens += answer.completion_tokens or 0
                    first_tokens.extend(filter(None, [answer.first_token_seconds]))
            if progress:
                progress(now, requests)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(concurrency, requests))]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    _wait(threads, cancel)
    with lock:
        return Measurement(
            requests=requests,
            concurrency=concurrency,
            seconds=time.perf_counter() - began,
            latencies=tuple(latencies),
            first_tokens=tuple(first_tokens),
            tokens=tokens,
            errors=dict(errors),
            cancelled=cancel.is_set(),
        )


class _First(threading.Thread):
    """The call that shows whether there is anything to measure; `error` says why not."""

    def __init__(self, call: Call, cancel: threading.Event) -> None:
        super().__init__(daemon=True, name="odh-oci-measure-first")
        self._call, self._cancel = call, cancel
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._call(self._cancel)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread of who measures
            self.error = error


def _wait(threads: Sequence[threading.Thread], cancel: threading.Event) -> None:
    """Until all have ended, or the cancel; Ctrl-C is one, too."""
    try:
        for thread in threads:
            while thread.is_alive() and not cancel.is_set():
                thread.join(_LOOK_SECONDS)
    except BaseException:
        cancel.set()
        raise


def text_call(client: TextClient, prompt: Prompt, sampling: Sampling) -> Call:
    """A call that has a language model write; streamed, so that the first piece is timed and a cancel ends it."""

    def call(cancel: threading.Event) -> Completion:
        stream = client.stream(prompt, sampling)
        for _ in stream:
            if cancel.is_set():
                stream.cancel()
        return stream.result

    return call


def tensor_call(client: V2Client, arrays: Any = None) -> Call:
    """A call that computes the same arrays each time; zeros of the shape that the model takes when there are none."""
    if arrays is None:
        import numpy as np

        arrays = {
            spec.name: np.zeros([abs(n) for n in spec.shape], DTYPES.get(spec.datatype))
            for spec in client.metadata().inputs
        }

    def call(_: threading.Event) -> None:
        client.infer(arrays)

    return call


def _percentile(values: tuple[float, ...], share: float) -> float | None:
    ordered = sorted(values)
    return ordered[max(math.ceil(share / 100 * len(ordered)) - 1, 0)] if ordered else None
