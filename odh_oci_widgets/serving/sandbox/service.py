"""A service of the sandbox: a model server process on this machine, with the face of every service."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from odh_oci_widgets.inference.errors import InferenceError
from odh_oci_widgets.inference.http import Endpoint
from odh_oci_widgets.serving.answering import Answering
from odh_oci_widgets.serving.cases import sandbox as cases
from odh_oci_widgets.serving.cases.answer import ANSWERS
from odh_oci_widgets.serving.errors import ServiceFailed, ServiceTimeout
from odh_oci_widgets.serving.protocol import Diagnosis, ServiceState

from . import process
from .record import FAILURE, LOG, MODELS, PORT, Record, locked, read, remove, sandbox_folder

POLL_SECONDS = 0.1
#: Files of an image that hold the names of the classes
LABEL_FILES = ("labels.txt", "synset.txt", "classes.txt", "imagenet_classes.txt", "labels.json")


class SandboxService(Answering):
    """A model served by a process on this machine; found again by later processes through its name.

    >>> from odh_oci_widgets import deploy
    >>> iris = deploy("oci:iris-image", "iris-here", target="sandbox", format="onnx")
    >>> iris.wait()
    >>> list(iris.infer([[5.1, 3.5, 1.4, 0.2]]))
    ['scores']
    >>> iris.delete()
    """

    target = "sandbox"
    kind = "process"

    def __init__(self, record: Record) -> None:
        self.name = record.name
        self.image = record.image
        self._record = record
        self._folder = sandbox_folder() / record.name

    def __repr__(self) -> str:
        return f"<service {self.name} ({self.image}) in the sandbox: {self.state}>"

    @property
    def url(self) -> str | None:
        """Base URL on the loopback interface; None until the server listens."""
        if not self._is_ours():
            return None
        try:
            return f"http://127.0.0.1:{int((self._folder / PORT).read_text())}"
        except (OSError, ValueError):
            return None

    @property
    def generative(self) -> bool:
        """Whether its model writes text."""
        return self._record.server == "vllm"

    @property
    def state(self) -> ServiceState:
        """Asked anew at each call."""
        return self.diagnose().state

    def diagnose(self) -> Diagnosis:
        """State, sentence, hint; the evidence are the last lines of the log."""
        if not self._is_ours():
            return cases.REPLACED.found(name=self.name)
        if process.is_alive(self._record.pid, self._record.started):
            if self._answers():
                return ANSWERS.found()
            return cases.LOADING.found(*self.logs(tail=3))
        return self._post_mortem()

    def wait(self, timeout: float = 900) -> None:
        """Return when the model answers. Raises ServiceFailed, or ServiceTimeout after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while True:
            diagnosis = self.diagnose()
            if diagnosis.state is ServiceState.READY:
                return
            if diagnosis.state is not ServiceState.STARTING:
                raise ServiceFailed(diagnosis.sentence, hint=diagnosis.hint)
            if time.monotonic() >= deadline:
                raise ServiceTimeout(
                    f"The service `{self.name}` did not answer within {timeout:g} s.",
                    hint="It may still come: wait longer, or look at its logs.",
                )
            time.sleep(POLL_SECONDS)

    def logs(self, *, tail: int = 200) -> Iterator[str]:
        """The last lines of the model server."""
        if not self._is_ours():
            return
        try:
            with (self._folder / LOG).open(encoding="utf-8", errors="replace") as lines:
                yield from (line.rstrip("\n") for line in deque(lines, maxlen=tail))
        except OSError:
            return

    def delete(self) -> None:
        """End the process and remove the copy of the model and the log; nothing to do when it is gone."""
        with locked():
            if self._is_ours():
                dispose(self._folder, self._record)

    def labels(self) -> Path | None:
        """A list of labels that came with the image."""
        for name in LABEL_FILES:
            found = sorted((self._folder / MODELS).rglob(name))
            if found:
                return found[0]
        return None

    def to_dict(self) -> dict[str, Any]:
        """For `--json`: name, target, image, format, state, url, created."""
        return {
            "name": self.name,
            "target": self.target,
            "kind": self.kind,
            "image": self.image,
            "format": self._record.format,
            "state": str(self.state),
            "url": self.url,
            "created": self._record.created,
        }

    def _is_ours(self) -> bool:
        """Whether the folder still holds this deployment, and not a later one of the same name."""
        return read(self._folder) == self._record

    def _answers(self) -> bool:
        url = self.url
        if url is None:
            return False
        path = "/v1/models" if self.generative else f"/v2/models/{self.name}/ready"
        try:
            Endpoint(url, timeout=2).send("GET", path)
        except InferenceError:
            return False
        return True

    def _post_mortem(self) -> Diagnosis:
        lines = tuple(self.logs(tail=20))
        try:
            failure = json.loads((self._folder / FAILURE).read_text(encoding="utf-8"))
            case = cases.UNSERVED[failure["code"]]
            return case.found(*lines, **failure["facts"])
        except (OSError, ValueError, KeyError):
            pass
        words = [line for line in lines if "Error" in line or "error:" in line]
        if words:
            return cases.PROCESS_FAILED.found(*lines, words=words[-1].strip()[:400], name=self.name)
        return cases.PROCESS_GONE.found(*lines)


def dispose(folder: Path, record: Record) -> None:
    """End a service's process and remove its folder."""
    process.stop(record.pid, record.started)
    remove(folder)
