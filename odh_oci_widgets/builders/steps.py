"""Progress of a build of which only the log is seen: steps that begin, and what each brings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from odh_oci_widgets.oci.events import LayerInfo, LayerProgress, LayerState, Planned
from odh_oci_widgets.oci.plan import Plan

from .containerfile import downloads, local_files

UPLOAD, DOWNLOAD, PUSH = "upload", "download", "push"
_STEP = re.compile(r"(?:\[\d+/\d+\] )?STEP \d+/\d+: (?P<instruction>[A-Z]+)\b(?P<rest>.*)")


class Steps:
    """Feed it lines of the log, get events; the "layers" are what happens: upload, download, push."""

    def __init__(self, plan: Plan) -> None:
        self._image = plan.image
        self._downloads = [step.size for step in downloads(plan)]
        uploaded = sum(file.size for file in local_files(plan))
        self._begun = 0
        self._sizes: dict[str, int] = {}
        if uploaded:
            self._sizes[UPLOAD] = uploaded
        if self._downloads:
            self._sizes[DOWNLOAD] = sum(self._downloads)
        self._sizes[PUSH] = self.size = uploaded + sum(self._downloads)
        self._states: dict[str, LayerState] = {}

    def planned(self) -> Planned:
        """The first event."""
        layers = tuple(LayerInfo(title=title, size=size) for title, size in self._sizes.items())
        return Planned(image=self._image, layers=layers)

    def line(self, text: str) -> Iterator[LayerProgress]:
        """What a line of the log says."""
        step = _STEP.match(text.strip())
        if step and step["instruction"] == "RUN" and "set -e; mkdir -p" in step["rest"]:
            sent = sum(self._downloads[: self._begun])
            self._begun += 1
            yield from self.at(DOWNLOAD, LayerState.SENDING, sent)
        elif step and step["instruction"] == "COPY":
            yield from self.at(DOWNLOAD if "--from=" in step["rest"] else UPLOAD, LayerState.DONE)
        elif text.startswith(("Pushing image", "Getting image source signatures")) and self._begun_all():
            yield from self.at(PUSH, LayerState.SENDING, 0)
        elif text.startswith(("Successfully pushed", "Push successful")):
            yield from self.at(PUSH, LayerState.DONE)

    def at(self, what: str, state: LayerState, sent: int | None = None) -> Iterator[LayerProgress]:
        """An event for one of them; none where it is not part of this build, or is done already."""
        if what not in self._sizes or self._states.get(what) is LayerState.DONE:
            return
        self._states[what] = state
        total = self._sizes[what]
        index = list(self._sizes).index(what)
        yield LayerProgress(layer=index, sent=total if sent is None else sent, total=total, state=state)

    def all_done(self) -> Iterator[LayerProgress]:
        """What is still open is done, too."""
        for what in self._sizes:
            yield from self.at(what, LayerState.DONE)

    def _begun_all(self) -> bool:
        return all(self._states.get(what) is LayerState.DONE for what in self._sizes if what != PUSH)
