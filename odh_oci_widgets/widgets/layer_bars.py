"""A bar for all layers together and one for each, cheap enough for two hundred of them."""

from __future__ import annotations

import ipywidgets as widgets

from odh_oci_widgets.builders import human_bytes
from odh_oci_widgets.builders.progress import LayerBar, Progress
from odh_oci_widgets.oci.events import LayerState

from . import html
from .parts import markup
from .words import in_time

#: Layers that share one HTML widget: only a group in which something moved is sent again.
GROUP = 20

_WORDS = {
    LayerState.WAITING: "waiting",
    LayerState.SENDING: "",
    LayerState.DONE: "done",
    LayerState.REUSED: "reused",
}


class LayerBars(widgets.VBox):
    """Paints a `Progress` with two messages to the browser at most: the bar for all layers, and one group.

    Groups take turns; of two hundred layers a handful moves at a time.
    """

    def __init__(self) -> None:
        self._total = markup()
        self._groups: list[widgets.HTML] = []
        #: the group that was sent last
        self._sent = -1
        self._list = widgets.VBox()
        self._list.add_class("odh-oci-layers")
        super().__init__([self._total, self._list])

    def paint(self, progress: Progress, *, whole: bool = False) -> None:
        """Show a snapshot; with `whole` all groups at once, as after the last one nothing follows."""
        if not progress.layers:
            self._total.value = ""
            self._list.children = ()
            return
        self._total.value = html.progress_bar(
            "All layers",
            progress.fraction,
            total_words(progress),
            state="total-done" if progress.fraction >= 1 else "total",
        )
        texts = [
            html.join(_layer(layer) for layer in progress.layers[start : start + GROUP])
            for start in range(0, len(progress.layers), GROUP)
        ]
        self._groups += [markup(text) for text in texts[len(self._groups) :]]
        stale = [at for at, text in enumerate(texts) if self._groups[at].value != text]
        after = [at for at in stale if at > self._sent]
        for at in stale if whole else (after or stale)[:1]:
            self._groups[at].value = texts[at]
            self._sent = at
        shown = tuple(self._groups[: len(texts)])
        if self._list.children != shown:
            self._list.children = shown


def total_words(progress: Progress) -> str:
    """Bytes, and while it runs rate and time left."""
    words = [f"{human_bytes(progress.sent)} of {human_bytes(progress.total)}"]
    if progress.sent < progress.total:
        if progress.rate > 0:
            words.append(f"{human_bytes(progress.rate)}/s")
        if progress.left is not None:
            words.append(f"{in_time(progress.left)} left")
    return " · ".join(words)


def _layer(layer: LayerBar) -> html.Html:
    finished = layer.state in {LayerState.DONE, LayerState.REUSED}
    fraction = 1.0 if finished else layer.sent / layer.total if layer.total else 0.0
    if layer.state is LayerState.SENDING:
        words = f"{human_bytes(layer.sent)} of {human_bytes(layer.total)}"
    else:
        words = f"{human_bytes(layer.total)} · {_WORDS[layer.state]}"
    return html.progress_bar(layer.title, fraction, words, state=layer.state.value)
