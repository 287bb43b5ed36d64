"""The least that Python can do: one large file from the hub as one blob into a registry.

python sketch.py http://hub/owner/name registry:5000 repository
"""

from __future__ import annotations

import hashlib
import http.client
import sys
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

BLOCK = 4 * 2**20


def main(model: str, registry: str, repository: str) -> int:
    answer = get(f"{model}/resolve/main/model.safetensors")
    digest = hashlib.sha256()

    def blocks() -> Iterator[memoryview]:
        buffer = memoryview(bytearray(BLOCK))
        while count := answer.readinto(buffer):
            digest.update(buffer[:count])
            yield buffer[:count]

    length = answer.headers["Content-Length"]
    target = http.client.HTTPConnection(registry)
    location = ask(target, "POST", f"/v2/{repository}/blobs/uploads/", {"Content-Length": "0"})
    location = ask(target, "PATCH", location, {"Content-Length": length}, blocks())
    ask(target, "PUT", f"{location}&digest=sha256:{digest.hexdigest()}", {"Content-Length": "0"})
    return 0


def get(url: str) -> http.client.HTTPResponse:
    """The answer behind the hub's redirects to its storage."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.netloc)
    connection.request("GET", f"{address.path}?{address.query}")
    answer = connection.getresponse()
    return answer if answer.status == 200 else get(urljoin(url, answer.headers["Location"]))


def ask(
    connection: http.client.HTTPConnection,
    method: str,
    url: str,
    headers: dict[str, str],
    body: Iterator[memoryview] | None = None,
) -> str:
    """Where the answer points to."""
    connection.request(method, url, body=body, headers=headers)  # type: ignore[arg-type]
    answer = connection.getresponse()
    answer.read()
    assert answer.status in {201, 202}, answer.status
    return answer.headers["Location"]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
