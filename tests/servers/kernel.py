"""A real IPython kernel, and the page beside it, which a test plays: it hears what the kernel sends, and answers."""

from __future__ import annotations

import json
import os
import queue
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager

from .lab import FOREIGN

PATIENCE = 60.0
TARGET = "odh-oci-widgets"

Message = dict[str, Any]


class Page:
    """`heard` are all messages of the kernel so far. With `extension`, comms of our target are taken up."""

    def __init__(self, client: BlockingKernelClient, *, extension: bool = True) -> None:
        self.client = client
        self.extension = extension
        self.heard: list[Message] = []
        #: the comms that are open, the newest last
        self.comms: list[str] = []
        self._asked = 0
        self._taken = 0

    def execute(self, code: str) -> str:
        """Run code and give what it printed. A traceback of the cell is an AssertionError."""
        asked = self.client.execute(code)
        self._asked = self._find(
            lambda one: (
                one["msg_type"] == "status"
                and one["content"]["execution_state"] == "idle"
                and one["parent_header"].get("msg_id") == asked
            ),
            self._asked,
        )
        mine = [one for one in self.heard if one["parent_header"].get("msg_id") == asked]
        errors = ["\n".join(one["content"]["traceback"]) for one in mine if one["msg_type"] == "error"]
        assert not errors, errors[0]
        return "".join(one["content"]["text"] for one in mine if one["msg_type"] == "stream")

    def until(self, wanted: Callable[[Message], bool]) -> Message:
        """The next message that is wanted, after the last one that was."""
        self._taken = self._find(wanted, self._taken)
        return self.heard[self._taken - 1]

    def _find(self, wanted: Callable[[Message], bool], at: int) -> int:
        """How many are heard with the first wanted one from `at` on."""
        deadline = time.monotonic() + PATIENCE
        while True:
            while at < len(self.heard):
                at += 1
                if wanted(self.heard[at - 1]):
                    return at
            try:
                message = self.client.get_iopub_msg(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"not said; the last: {self._last()}") from None
            self._hear(message)

    def said(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The next message of our comm of this type, with these fields."""

        def wanted(message: Message) -> bool:
            data = message["content"].get("data") or {}
            return (
                message["msg_type"] == "comm_msg"
                and message["content"]["comm_id"] in self.comms
                and data.get("type") == kind
                and all(data.get(name) == value for name, value in fields.items())
            )

        return dict(self.until(wanted)["content"]["data"])

    def say(self, kind: str, *, comm: str | None = None, version: Any = 1, **fields: Any) -> None:
        """Send a message to the kernel."""
        content = {"comm_id": comm or self.comms[-1], "data": {"version": version, "type": kind, **fields}}
        self._send("comm_msg", content)

    def reload(self) -> Page:
        """The page after a reload: it knows nothing of the comms that were open."""
        return Page(self.client, extension=self.extension)

    def known_comms(self) -> list[str]:
        """What the kernel answers to a page that asks for the comms of our target."""
        asked = self._send("comm_info_request", {"target_name": TARGET})
        while True:
            reply = self.client.get_shell_msg(timeout=PATIENCE)
            if reply["parent_header"].get("msg_id") == asked:
                return list(reply["content"]["comms"])

    def settled(self) -> None:
        """Return when everything sent before was handled and everything said by then is heard."""
        self.execute("pass")

    def words(self) -> str:
        """All our messages as text, to look for what must not be in them."""
        return json.dumps([one["content"] for one in self.heard if one["msg_type"].startswith("comm")])

    def _send(self, kind: str, content: dict[str, Any]) -> str:
        message = self.client.session.msg(kind, content)
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def _hear(self, message: Message) -> None:
        self.heard.append(message)
        content = message["content"]
        if message["msg_type"] == "comm_open" and content["target_name"] == TARGET:
            if self.extension:
                self.comms.append(content["comm_id"])
            else:  # what JupyterLab does with a target that nobody registered
                self._send("comm_close", {"comm_id": content["comm_id"], "data": {}})
        if message["msg_type"] == "comm_close" and content["comm_id"] in self.comms:
            self.comms.remove(content["comm_id"])

    def _last(self) -> list[Any]:
        return [(one["msg_type"], one["content"]) for one in self.heard[-5:]]


@contextmanager
def running_kernel(folder: Path, **environ: str) -> Iterator[BlockingKernelClient]:
    """A kernel with a home of its own in `folder`."""
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)},
        "HOME": str(folder),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "IPYTHONDIR": str(folder / "ipython"),
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        **environ,
    }
    manager = KernelManager(connection_file=str(folder / "kernel.json"))
    manager.kernel_spec.argv[0] = sys.executable
    manager.start_kernel(env=env, cwd=str(folder))
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE)
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
