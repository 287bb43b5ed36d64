"""The cluster's clock, which objects carry the times of, may not be ours."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from odh_oci_widgets.cluster.api import Api
from odh_oci_widgets.cluster.connection import token_connection


@pytest.fixture
def ahead() -> timedelta:
    return timedelta(minutes=-9)


@pytest.fixture
def url(ahead: timedelta) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"groups": []}).encode()
            self.send_response_only(200)
            self.send_header("Date", format_datetime(datetime.now(UTC) + ahead, usegmt=True))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_time_is_the_clusters_once_it_answered(url: str, ahead: timedelta) -> None:
    api = Api(token_connection(url, "token"))
    assert abs(api.now() - datetime.now(UTC)) < timedelta(minutes=1)
    api.groups()
    assert abs(api.now() - datetime.now(UTC) - ahead) < timedelta(minutes=1)
