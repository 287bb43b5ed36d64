"""A TCP pipe that counts the bytes of both directions."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

_BLOCK = 2**20


class Pipe:
    """Listens at `host` and passes everything on to `upstream`; `sent` and `received` are bytes so far."""

    def __init__(self, upstream: str) -> None:
        host, _, port = upstream.rpartition(":")
        self._upstream = (host, int(port))
        self.sent = self.received = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._upstream)
                threading.Thread(target=self._copy, args=(client, server, "sent"), daemon=True).start()
                threading.Thread(target=self._copy, args=(server, client, "received"), daemon=True).start()

    def _copy(self, origin: socket.socket, target: socket.socket, counter: str) -> None:
        buffer = memoryview(bytearray(_BLOCK))
        with suppress(OSError):
            while count := origin.recv_into(buffer):
                setattr(self, counter, getattr(self, counter) + count)
                target.sendall(buffer[:count])
        for end in (origin, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
