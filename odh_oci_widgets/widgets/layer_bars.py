"""A bar for all layers together and one for each, cheap enough for two hundred of them."""

from __future__ import annotations

import ipywidgets as widgets

from odh_oci_widgets.builders import human_bytes
from odh_oci_widgets.builders.progress import LayerBar, Progress
from odh_oci_widgets.oci.events import LayerState

from . import html
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
    """Paints a `Progress`; what did not change is not sent to the browser."""

    def __init__(self) -> None:
        self._total = widgets.HTML()
        self._groups: list[widgets.HTML] = []
        self._list = widgets.VBox()
        self._list.add_class("odh-oci-layers")
        super().__init__([self._total, self._list])

    def paint(self, progress: Progress) -> None:
        """Show a snapshot."""
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
        groups = [progress.layers[start : start + GROUP] for start in range(0, len(progress.layers), GROUP)]
        while len(self._groups) < len(groups):
            self._groups.append(widgets.HTML())
        for widget, layers in zip(self._groups, groups, strict=False):
            text = html.join(_layer(layer) for layer in layers)
            if widget.value != text:
                widget.value = text
        shown = tuple(self._groups[: len(groups)])
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
