"""Scripted trouble: the next matching requests are refused, slowed down or cut."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass

from .status import ApiError

_REASONS = {
    400: ("BadRequest", "the server rejected our request for an unknown reason"),
    401: ("Unauthorized", "Unauthorized"),
    403: ("Forbidden", "forbidden"),
    404: ("NotFound", "the server could not find the requested resource"),
    409: ("Conflict", "Operation cannot be fulfilled: the object has been modified; please apply your changes and try again"),
    410: ("Expired", "The resourceVersion for the provided watch is too old."),
    422: ("Invalid", "the server rejected our request due to an error in our request"),
    429: ("TooManyRequests", "Too many requests, please try again later."),
    500: ("InternalError", "Internal error occurred: etcdserver: leader changed"),
    503: ("ServiceUnavailable", "the server is currently unable to handle the request"),
    504: ("Timeout", "Timeout: request did not complete within the allotted timeout"),
}  # fmt: skip


class Cut(Exception):
    """The connection ends without an answer."""


@dataclass
class Fault:
    """`method` and `path` are regular expressions that must match the whole; `times` requests are hit."""

    method: str
    path: str
    times: int
    status: int = 0
    reason: str = ""
    message: str = ""
    retry_after: int | None = None
    seconds: float = 0
    cut: bool = False
    #: a watch or a log ends after so many lines, in the middle of the next
    after_events: int | None = None


class Faults:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def meet(self, method: str, path: str) -> int | None:
        """Raise or wait as scripted; returns after how many events a watch is to be cut."""
        with self._lock:
            fault = next(
                (f for f in self._faults
                 if f.times > 0 and re.fullmatch(f.method, method) and re.fullmatch(f.path, path)), None,
            )  # fmt: skip
            if fault is None:
                return None
            fault.times -= 1
        if fault.seconds:
            time.sleep(fault.seconds)
        if fault.cut:
            raise Cut
        if fault.status:
            reason, message = _REASONS.get(fault.status, ("", ""))
            headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else {}
            details = {"retryAfterSeconds": fault.retry_after} if fault.retry_after is not None else {}
            raise ApiError(fault.status, fault.reason or reason, fault.message or message, details, headers)
        return fault.after_events
