"""Requests to a Kubernetes API as they are."""

from __future__ import annotations

import json
import urllib.parse
from pathlib import Path
from typing import Any

import urllib3

from .users import User


class Raw:
    """Requests as they are, for what the client's own methods hide."""

    def __init__(self, url: str, authority: Path | None, user: User | None) -> None:
        self.url = url
        trust = {"ca_certs": str(authority)} if authority else {"cert_reqs": "CERT_NONE"}
        self._pool = urllib3.PoolManager(retries=False, **trust)
        self._token = user.token if user else None

    def __call__(
        self, method: str, path: str, body: Any = None, *, kind: str = "application/json", **query: Any
    ) -> tuple[int, Any, Any]:
        headers = {"Content-Type": kind}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        where = self.url + path + ("?" + urllib.parse.urlencode(query) if query else "")
        data = json.dumps(body) if body is not None else None
        answer = self._pool.request(method, where, body=data, headers=headers, timeout=10)
        text = answer.data.decode()
        return (
            answer.status,
            (json.loads(text) if text.count("\n") == 1 and text[0] == "{" else text),
            answer.headers,
        )
