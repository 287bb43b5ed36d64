"""The builder `kernel`: the engine runs in this process, in a thread of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odh_oci_widgets import oci
from odh_oci_widgets.oci.errors import OdhOciError
from odh_oci_widgets.oci.plan import Plan

from .here import BuildHere, builds_here, new_record, start_alone
from .marks import IfRunning
from .protocol import Build
from .record import Record

if TYPE_CHECKING:
    from odh_oci_widgets.oci import Credentials


class KernelBuild(BuildHere):
    """A build in this process. It ends with the process: a later build of the same plan reuses what was sent.

    >>> from odh_oci_widgets.builders import plan_image, start
    >>> running = start(plan_image("iris.onnx", "oci:kernel-image", base="embedded"))
    >>> type(running).__name__, running.wait().partition("@")[0]
    ('KernelBuild', 'oci:kernel-image')
    """

    builder = "kernel"

    def __init__(self, plan: Plan, record: Record, **options: Any) -> None:
        super().__init__(plan, record)
        self._options = options

    def _work(self) -> OdhOciError | None:
        for event in oci.run(self.plan, cancel=self._cancel, **self._options):
            self._feed(event)
        return None


class KernelBuilder:
    """Run plans in this process.

    `folder` is where records of builds are kept (default: below `$XDG_STATE_HOME`).

    >>> from odh_oci_widgets.builders import KernelBuilder, plan_image
    >>> running = KernelBuilder().start(plan_image("iris.onnx", "oci:kernel-builder-image", base="embedded"))
    >>> running.wait().partition("@")[0]
    'oci:kernel-builder-image'
    """

    name = "kernel"

    def __init__(self, folder: Path | None = None, *, if_running: IfRunning = "refuse") -> None:
        self._folder = folder
        self.if_running = if_running

    def check(self) -> None:
        """It works everywhere."""

    def start(
        self,
        plan: Plan,
        *,
        credentials: Credentials | None = None,
        secrets: Mapping[str, str] | None = None,
        verify: bool = True,
    ) -> KernelBuild:
        """Start and return at once. Raises BuildConflict."""
        record = new_record(self._folder)
        build = KernelBuild(plan, record, credentials=credentials, secrets=secrets, verify=verify)
        start_alone(build, self.if_running)
        return build

    def builds(self) -> list[Build]:
        """Running, finished and interrupted builds, newest first, also of earlier kernels and other processes."""
        return builds_here(self._folder, self.name)
