"""The hub's API as far as finding and opening a model needs it, without the hub's client.

Importing that takes half a second, and it tries a listing six times in 25 s before it says that a hub is in trouble.
Fields, paging and the headers that tell one refusal from another are those that `huggingface_hub` reads
(`HfApi.model_info`, `auth_check`, `list_repo_tree`, `list_models`, `list_repo_refs`, `hf_raise_for_status`).
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

import urllib3

from odh_oci_widgets.oci.http import Http, http_pool

from .errors import SourceUnreachable

#: Answers that may be better a moment later. A Retry-After is not obeyed: a person waits.
_TRANSIENT = frozenset({429, 500, 502, 503, 504})
_ATTEMPTS = 3
_BACKOFF_SECONDS = 0.3
_MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: A page of a listing has a thousand files; more than this is no answer of a hub.
_MAX_BYTES = 64 * 2**20
_NEXT = re.compile(r'<([^>]+)>\s*;\s*rel="next"')


class Refused(Exception):
    """The hub said no: HTTP status, and what its headers name as the reason."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"HTTP {status} {code}")
        self.status = status
        self.code = code
        self.message = message


class HubRest:
    """Asks one hub. Raises Refused, urllib3's HTTPError types, OSError, ValueError (no JSON)."""

    def __init__(self, endpoint: str, token: str | None, *, read: float) -> None:
        self._endpoint = endpoint
        self._token = token
        self._http: Http = http_pool(read=read)

    def model(self, name: str, revision: str | None) -> dict[str, Any]:
        """`id`, `sha`, `gated`, `tags`, `cardData` of a model."""
        where = f"/revision/{quote(revision, safe='')}" if revision else ""
        answer, _ = self._get(f"{self._endpoint}/api/models/{name}{where}")
        return dict(json.loads(answer))

    def check_access(self, name: str) -> None:
        """Raise Refused where the files may not be read."""
        self._get(f"{self._endpoint}/api/models/{name}/auth-check")

    def tree(self, name: str, commit: str) -> Iterator[dict[str, Any]]:
        """Entries of all folders: `type`, `path`, `size`, `oid`, `lfs`, `xetHash`."""
        return self._listed(f"{self._endpoint}/api/models/{name}/tree/{commit}?recursive=true")

    def models(self, query: Sequence[tuple[str, str]]) -> Iterator[dict[str, Any]]:
        """Models by the API's own names of filters; no more pages are asked for than are iterated over."""
        return self._listed(f"{self._endpoint}/api/models?{urlencode(query)}")

    def refs(self, name: str) -> dict[str, Any]:
        """`branches` and `tags`, each a list of `name` and `targetCommit`."""
        answer, _ = self._get(f"{self._endpoint}/api/models/{name}/refs")
        return dict(json.loads(answer))

    def _listed(self, first: str) -> Iterator[dict[str, Any]]:
        url: str | None = first
        while url:
            answer, following = self._get(url)
            yield from json.loads(answer)
            # A mirror may hand on links of the hub it mirrors, which cannot be reached or must not see the token: only
            # the place in the listing is taken from them.
            further = urlsplit(url)._replace(query=urlsplit(following or "").query).geturl()
            url = further if following and further != url else None

    def _get(self, url: str) -> tuple[bytes, str | None]:
        """Body, and the address of the next page."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                answer = self._follow(url)
            except (urllib3.exceptions.HTTPError, OSError):
                if attempt == _ATTEMPTS:
                    raise
            else:
                if answer.status == 200:
                    following = _NEXT.search(answer.headers.get("Link", ""))
                    return answer.data, urljoin(url, following[1]) if following else None
                if answer.status not in _TRANSIENT or attempt == _ATTEMPTS:
                    code = answer.headers.get("X-Error-Code", "")
                    raise Refused(answer.status, code, answer.headers.get("X-Error-Message", ""))
            time.sleep(_BACKOFF_SECONDS * attempt)
        raise AssertionError  # the last attempt returned or raised

    def _follow(self, url: str) -> urllib3.BaseHTTPResponse:
        """The answer behind redirects: a renamed model has one."""
        target = url
        for _ in range(_MAX_REDIRECTS):
            headers = {"Accept": "application/json"}
            if self._token and _same_host(target, self._endpoint):
                headers["Authorization"] = f"Bearer {self._token}"
            answer = self._http.request("GET", target, headers=headers)
            if answer.status not in _REDIRECTS:
                return answer
            target = urljoin(target, answer.headers.get("Location", ""))
            if urlsplit(target).scheme not in {"http", "https"}:
                break
        raise SourceUnreachable(
            f"{self._endpoint} redirects in circles or to nowhere.", hint="Check HF_ENDPOINT."
        )


def _same_host(url: str, other: str) -> bool:
    return urlsplit(url)[:2] == urlsplit(other)[:2]
