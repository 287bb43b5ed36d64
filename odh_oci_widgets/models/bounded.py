"""A limit for calls that have none of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, call: Callable[[], T]) -> T:
    """What `call()` returns or raises; TimeoutError after `seconds` (the call is then left to itself).

    `huggingface_hub` takes no time-out for listings: a server that accepts and never answers would hold us for ever.

    >>> within(5, lambda: 1 + 1)
    2
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:  # noqa: BLE001 - raised again below, in the thread of the caller
            errors.append(error)

    # A daemon, unlike the threads of a pool: one that hangs must not keep the process from ending.
    thread = threading.Thread(target=run, daemon=True, name="odh-oci-within")
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f"no answer within {seconds:g} s")
    return results[0]
