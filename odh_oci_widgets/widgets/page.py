"""The kernel's end of the line to the page, where the page has our JupyterLab extension.

The kernel opens a comm to the target `odh-oci-widgets`. A page without the extension closes it, or nobody answers:
then `PAGE.present` stays False and everything works as it did. A page with it answers `hello`, and is told `ready`.
The messages are in `page_messages`.

Who opens, and when:

- The extension runs `import odh_oci_widgets.widgets.page as page; page.start()` in the kernel of its own, whenever it
  has found that kernel, after a reload of the page too: the comm before is closed and a new one opened, so that there
  is never more than one. Widgets that were opened stay: `open` with the same view and name gives the same widget.
- In a notebook's kernel the first widget of ours that is shown opens it (`PAGE.greet()`). After a reload the page asks
  the kernel for its comms of that target (`comm_info_request`), takes up the one it finds and says `hello` on it.

What comes from the page is handled in one thread, in the order it was said: the kernel stays free, and nothing is
raised into it. Whatever takes long there has a thread of its own.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from typing import Any

from comm import create_comm
from traitlets import Bool, HasTraits

from odh_oci_widgets import settings
from odh_oci_widgets._version import __version__
from odh_oci_widgets.oci.errors import OdhOciError

from .job import unexpected
from .page_messages import Level, OtherVersion, Unknown, message, understand

TARGET = "odh-oci-widgets"
_log = logging.getLogger(__name__)

#: Gets type and fields of a message, one after the other; runs in a thread.
Receiver = Callable[[str, Mapping[str, Any]], Any]


class Page(HasTraits):
    """The page that shows this kernel's widgets, as far as our extension is in it. Observe `present`."""

    #: whether the extension answered
    present = Bool(default_value=False)

    def __init__(self, receive: Receiver) -> None:
        super().__init__()
        self._receive = receive
        self._lock = threading.Lock()
        self._comm: Any = None
        self._said: queue.SimpleQueue[tuple[str, Mapping[str, Any]]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        #: whether this kernel is the extension's own, which tells the page how things stand
        self.home = False

    def start(self) -> None:
        """Open the comm anew: the kernel is the extension's own, and a page wants to hear of it."""
        self.home = True
        with self._lock:
            before, self._comm = self._comm, None
        self.present = False
        if before is not None:
            before.close()
        self._open()

    def greet(self) -> None:
        """Open the comm, unless this was done before: a page that lacks the extension is not asked again and again."""
        if self._comm is None:
            self._open()

    def tell(self, kind: str, **fields: Any) -> None:
        """Send a message, if somebody is there."""
        line = self._comm
        if self.present and line is not None:
            line.send(message(kind, **fields))

    def insert(self, code: str) -> None:
        """Put a cell with this code into the notebook that the user works in."""
        self.tell("insert", code=code)

    def copy(self, text: str) -> None:
        """Put a text on the clipboard."""
        self.tell("copy", text=text)

    def notify(self, level: Level, text: str, key: str) -> None:
        """Show a notification; of several with one key the page shows one."""
        self.tell("notify", level=str(level), text=text, key=key)

    def fail(self, error: OdhOciError) -> None:
        """Tell that what the page asked for did not work."""
        self.notify(Level.ERROR, str(error), f"error:{error.message}")

    def _open(self) -> None:
        # A kernel with subshells may hear the page's answer in another thread before `open` is back.
        line = create_comm(target_name=TARGET, primary=False)
        line.on_msg(lambda msg: self._hear(line, msg))
        line.on_close(lambda _: self._closed(line))
        with self._lock:
            self._comm = line
            if self._thread is None:
                self._thread = threading.Thread(target=self._answer_all, name="odh-oci-page", daemon=True)
                self._thread.start()
        line.open(data=message("open"))

    def _closed(self, line: Any) -> None:
        # The comm is kept: `greet` does not knock again where nobody wanted to open.
        if line is self._comm:
            self.present = False

    def _hear(self, line: Any, msg: Mapping[str, Any]) -> None:
        try:
            kind, fields = understand(msg["content"].get("data"))
        except OtherVersion as error:
            _log.warning("The page's extension does not fit this version of odh-oci-widgets: %s", error)
            line.close()
            self._closed(line)
            return
        except Unknown as error:
            _log.warning("The page sent what is no message: %s", error)
            return
        if line is not self._comm:
            return  # said before a newer comm replaced this one
        if kind == "hello":
            self.present = True
        if not self.present:
            return
        self._said.put((kind, fields))

    def _answer_all(self) -> None:
        while True:
            try:
                self._answer(*self._said.get())
            except Exception as error:  # noqa: BLE001 - the next message must be answered, too
                self.fail(unexpected(error))

    def _answer(self, kind: str, fields: Mapping[str, Any]) -> None:
        refused: settings.SettingInvalid | None = None
        if kind == "hello":
            try:
                settings.use_page(fields.get("settings", {}))
            except settings.SettingInvalid as error:
                refused = error
            self.tell("ready", package=__version__)  # from here on the settings count
        if refused is not None:
            self.fail(refused)
        self._receive(kind, fields)


def _receive(kind: str, fields: Mapping[str, Any]) -> None:
    from .page_views import receive  # it needs all widgets, and they need the page

    receive(kind, fields)


#: The page of this process.
PAGE = Page(_receive)


def start() -> None:
    """What the extension runs in its own kernel, once for each page that comes or comes back."""
    PAGE.start()
