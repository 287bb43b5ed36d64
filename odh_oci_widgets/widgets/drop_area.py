"""A place on the page that takes dropped files, in the hands of a file button.

ipywidgets' FileUpload opens a dialog and takes no drop: its `<input type="file">` is in no document, so that nothing
can be dropped on it, whatever the style sheet says. The area below it takes the drop, and gives the files to that input
in the moment when the button would open its dialog. Without scripts in attributes only the keyboard opens it.
"""

from __future__ import annotations

import ipywidgets as widgets

from . import html
from .parts import markup

_OVER = "event.preventDefault(); this.classList.add('odh-oci-over');"
_LEFT = "this.classList.remove('odh-oci-over');"
_BUTTON = "this.closest('.odh-oci-drop').querySelector('button').click();"
_DROPPED = f"""
event.preventDefault(); event.stopPropagation(); {_LEFT}
const files = event.dataTransfer.files, click = HTMLInputElement.prototype.click;
if (!files.length) return;
HTMLInputElement.prototype.click = function () {{ this.files = files; this.dispatchEvent(new Event('change')); }};
try {{ {_BUTTON} }} finally {{ HTMLInputElement.prototype.click = click; }}
"""


def drop_area(upload: widgets.FileUpload, words: str) -> widgets.HBox:
    """The button in a frame that takes dropped files as if they had been picked; `words` say so beside it.

    Not only the frame's empty part: what is dropped on the button counts too, and a click anywhere opens the dialog.
    """
    over = html.element(
        "div",
        class_="odh-oci-drop-here",
        aria_hidden="true",
        ondragover=_OVER,
        ondragleave=_LEFT,
        ondrop=_DROPPED,
        onclick=_BUTTON,
    )
    area = widgets.HBox([upload, markup(html.join([html.element("span", words), over]))])
    area.add_class("odh-oci-drop")
    return area
