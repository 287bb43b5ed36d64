"""A server may take its time with a body."""

from __future__ import annotations

import socket
import threading
import time

from odh_oci_widgets.oci import http_pool

BODY = bytes(32 * 2**20)


def test_sending_may_take_longer_than_connecting() -> None:
    """More than the buffers between hold, to a server that reads nothing for a while, on a new and an old connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            client, _ = server.accept()
            with client, client.makefile("rb") as stream:
                for _ in range(2):
                    while stream.readline().strip():
                        pass
                    time.sleep(1.0)
                    stream.read(len(BODY))
                    client.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")

        threading.Thread(target=serve, daemon=True).start()
        http = http_pool(connect=0.2, read=20.0, environ={})
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        blocks = (BODY[:65536] for _ in range(len(BODY) // 65536))
        headers = {"Content-Length": str(len(BODY))}
        assert http.request("PATCH", url, body=blocks, headers=headers).status == 201
        assert http.request("PUT", url, body=BODY).status == 201
        http.close()
